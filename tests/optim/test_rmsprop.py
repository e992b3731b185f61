"""RMSProp as TensorFlow 1 has it, by sequences worked by hand, and how it differs from torch's."""

import math
from itertools import pairwise

import pytest
import torch

from lifelong.optim.rmsprop import RMSProp


def sequence(gradients: list[float], rate: float, start: float = 1.0) -> list[float]:
    """A weight after each step."""
    weight = torch.tensor([start])
    optimiser, weights = RMSProp([weight]), []
    for gradient in gradients:
        optimiser.step([torch.tensor([gradient])], rate)
        weights.append(weight.item())
    return weights


def test_by_hand():
    """Squares 0.9 + 0.1 x 4 = 1.3, then 1.17 + 0.1 = 1.27, then 1.143: nothing added."""
    steps = [0.1 * 2 / math.sqrt(1.3), 0.1 * -1 / math.sqrt(1.27), 0.0]
    expected = [1.0 - sum(steps[: count + 1]) for count in range(3)]
    assert sequence([2.0, -1.0, 0.0], rate=0.1) == pytest.approx(expected, rel=1e-6)


def test_mean_squares_start_at_one_and_follow_the_gradients():
    weight = torch.zeros(1)
    optimiser = RMSProp([weight])
    squares = []
    for gradient in (2.0, -1.0, 0.0):
        optimiser.step([torch.tensor([gradient])], 0.1)
        squares.append(optimiser.state()["square/0"].item())
    assert squares == pytest.approx([1.3, 1.27, 1.143], rel=1e-6)


def test_small_gradients_are_small_steps_until_the_start_is_forgotten():
    """Of a constant gradient of 0.01 the first step is 0.0105 of the rate, the last nearly all.

    Torch's starts from zero: its first step is sqrt(10) times the rate, and then they fall.
    """
    ours = sequence([0.01] * 300, rate=1.0, start=0.0)
    steps = [before - after for before, after in zip([0.0, *ours], ours, strict=False)]
    assert steps[0] == pytest.approx(0.01 / math.sqrt(0.9 + 1e-5), rel=1e-4)
    assert steps[49] == pytest.approx(0.01 / math.sqrt(0.9**50 * (1 - 1e-4) + 1e-4), rel=1e-4)
    assert steps[50] < 0.2 and steps[-1] == pytest.approx(1.0, rel=1e-3)
    assert all(later >= earlier * 0.999 for earlier, later in pairwise(steps))

    weight = torch.zeros(1, requires_grad=True)
    torchs, theirs = torch.optim.RMSprop([weight], lr=1.0, alpha=0.9), []
    for _ in range(300):
        weight.grad = torch.tensor([0.01])
        before = weight.item()
        torchs.step()
        theirs.append(before - weight.item())
    assert theirs[0] == pytest.approx(math.sqrt(10), rel=1e-4) and theirs[-1] < 1.01
    assert theirs[0] / steps[0] > 290


def test_epsilon_lies_inside_the_root():
    """Once squares have died away a gradient of 1e-6 meets sqrt(1e-13 + 1e-10), not 1e-10 beside.

    Outside the root the step would be sqrt(10) times the rate.
    """
    weight = torch.zeros(1)
    optimiser = RMSProp([weight])
    optimiser.squares[0].zero_()
    optimiser.step([torch.tensor([1e-6])], 1.0)
    assert weight.item() == pytest.approx(-1e-6 / math.sqrt(1e-13 + 1e-10), rel=1e-5)
    assert -weight.item() < 0.1


def test_no_gradient_is_no_step():
    assert sequence([0.0] * 500, rate=1.0) == [1.0] * 500


def test_tensors_step_for_themselves():
    """Element by element as one by one, whatever the shapes."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 2), (4,), ()]
    starts = [torch.randn(shape, generator=generator) for shape in shapes]
    given = [[torch.randn(s, generator=generator) for s in shapes] for _ in range(3)]
    together = [start.clone() for start in starts]
    optimiser = RMSProp(together)
    for gradients in given:
        optimiser.step(gradients, 0.05)
    for index, start in enumerate(starts):
        alone = start.clone()
        one = RMSProp([alone])
        for gradients in given:
            one.step([gradients[index]], 0.05)
        assert torch.equal(alone, together[index])


def test_it_goes_on_from_its_state():
    weight, other = torch.ones(3), torch.ones(3)
    first = RMSProp([weight])
    first.step([torch.full((3,), 2.0)], 0.1)
    second = RMSProp([other])
    other.copy_(weight)
    for name, tensor in second.state().items():
        tensor.copy_(first.state()[name])
    for optimiser in (first, second):
        optimiser.step([torch.full((3,), -0.5)], 0.1)
    assert torch.equal(weight, other)


def test_momentum_remembers_steps_with_the_rates_of_their_time():
    """Epsilon 1: squares 1.3 and 1.27 as above, so roots of 2.3 and 2.27; decay adds 0.5 w."""
    weight = torch.tensor([1.0])
    optimiser = RMSProp([weight], weight_decay=0.5, momentum=0.9, epsilon=1.0)
    optimiser.step([torch.tensor([1.5])], 0.1)
    first = 0.1 * 2 / math.sqrt(2.3)
    assert weight.item() == pytest.approx(1 - first, rel=1e-6)
    gradient = -1.0 - 0.5 * (1 - first)
    optimiser.step([torch.tensor([gradient])], torch.tensor(0.01))
    second = 0.9 * first - 0.01 / math.sqrt(2.27)
    assert weight.item() == pytest.approx(1 - first - second, rel=1e-6)
    assert optimiser.state()["momentum/0"].item() == pytest.approx(second, rel=1e-6)


def test_parts_of_tensors_step_as_the_whole():
    """As pieces of large layers do: parts of weights, gradients and buffers at a time."""
    generator = torch.Generator().manual_seed(0)
    whole, gradient = (torch.randn(6, generator=generator) for _ in range(2))
    parts = whole.clone()
    one, other = (RMSProp([w], momentum=0.9, epsilon=1.0) for w in (whole, parts))
    for _ in range(3):
        one.step([gradient], 0.1)
        for cut in (slice(0, 2), slice(2, 6)):
            buffers = [[tensor[cut] for tensor in buffer] for buffer in other.buffers]
            other.update([parts[cut]], [gradient[cut]], buffers, 0.1)
    assert torch.equal(whole, parts)
