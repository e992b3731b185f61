"""Losses by hand, and that their schedules survive graphs and interruptions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy import card_of, images_of

from lifelong.masks import Learner, Model
from lifelong.optim.phase import Phase
from lifelong.plan.errors import ConfigError
from lifelong.train.losses import (
    ASoftmax,
    CrossEntropy,
    Expectation,
    class_weights,
    logits_of,
    loss_of,
    psi,
)
from lifelong.train.step import mask_step

PHASE = Phase(epochs=1, lr=0.05, weight_decay=0.0)


def log_sum(*values: float) -> float:
    return math.log(sum(math.exp(value) for value in values))


def angular(vectors, directions) -> torch.Tensor:
    """What an angular head finds for these features and unit directions."""
    x, w = torch.tensor(vectors), torch.tensor(directions)
    logits = x @ w.T
    return torch.stack((logits, x.norm(dim=1, keepdim=True).expand_as(logits)))


@pytest.mark.parametrize(
    ("degrees", "value"),
    [
        (0, 1.0),
        (22.5, 0.0),  # cos 90
        (45, -1.0),  # -cos 180 - 2
        (67.5, -2.0),  # -cos 270 - 2
        (90, -3.0),  # cos 360 - 4
        (135, -5.0),  # -cos 540 - 6
        (180, -7.0),
    ],
)
def test_psi_of_margin_4_by_hand(degrees, value):
    angle = torch.tensor(math.radians(degrees), dtype=torch.float64)
    assert float(psi(angle.cos(), 4)) == pytest.approx(value, abs=1e-6)


@given(st.integers(1, 5), st.floats(0.0, math.pi), st.floats(0.0, math.pi))
def test_psi_falls_with_the_angle_and_is_cos_at_margin_1(margin, one, other):
    near, far = sorted((one, other))
    cosines = torch.tensor([near, far], dtype=torch.float64).cos()
    found = psi(cosines, margin)
    assert found[0] >= found[1] - 1e-9
    if margin == 1:
        inside = cosines > -1  # k is 1 at 180 degrees: the limit there, -(-1) - 2, is cos too
        assert torch.equal(found[inside], cosines[inside])


def test_lambda_falls_from_its_start_to_its_floor():
    steps = torch.tensor([1.0, 10.0, 90.0, 2990.0, 1e6])
    # 1500 / 1.1, / 2, / 10, / 300, and then 5
    expected = torch.tensor([1363.6364, 750.0, 150.0, 5.0, 5.0])
    assert torch.allclose(ASoftmax().blend(steps), expected)


def test_a_softmax_by_hand():
    # |x| = 2, 45 degrees from its class, 90 from the other; lambda 1: halfway from cos to psi = -1
    found = angular([[2.0, 0.0]], [[math.sqrt(0.5), math.sqrt(0.5)], [0.0, 1.0]])
    loss = ASoftmax(start=1.0, decay=0.0, lowest=0.0)
    own = 2 * (math.sqrt(0.5) - 1) / 2
    value = loss(found, torch.tensor([0]), torch.tensor(1.0))
    assert float(value) == pytest.approx(log_sum(own, 0.0) - own, abs=1e-5)


def test_a_margin_of_1_is_the_softmax_of_normalised_weights():
    found = angular([[2.0, 1.0], [-0.5, 3.0]], [[0.6, 0.8], [1.0, 0.0], [0.0, -1.0]])
    labels, step = torch.tensor([0, 2]), torch.tensor(7.0)
    expected = CrossEntropy()(found, labels, None)
    assert torch.allclose(ASoftmax(margin=1)(found, labels, step), expected)


def test_the_gradient_of_a_softmax_is_that_of_differences():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    w = torch.randn(3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    labels, step = torch.arange(6) % 3, torch.tensor(1e5, dtype=torch.float64)

    def value(x, w):
        logits = x @ torch.nn.functional.normalize(w).T
        norms = x.norm(dim=1, keepdim=True).expand_as(logits)
        return ASoftmax()(torch.stack((logits, norms)), labels, step)

    assert torch.autograd.gradcheck(value, (x, w))


def test_no_gradient_is_infinite_where_an_angle_is_0_or_180_degrees():
    x = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 0.0]], requires_grad=True)
    logits = x @ torch.eye(2)
    norms = x.norm(dim=1, keepdim=True).expand_as(logits)
    labels = torch.zeros(3, dtype=torch.int64)
    ASoftmax()(torch.stack((logits, norms)), labels, torch.tensor(1.0)).backward()
    assert x.grad.isfinite().all()


def test_rare_classes_weigh_what_cpg_gives_them():
    assert class_weights([6, 3, 1]) == pytest.approx([4 / 6, 7 / 3, 9.0])
    loss = loss_of({"kind": "weighted", "counts": [3, 1]}, classes=2)  # weights 1/3 and 3
    found = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])  # probabilities 3/4 and 1/2
    value = loss(found, torch.tensor([0, 1]), None)
    expected = (math.log(4 / 3) / 3 + 3 * math.log(2)) / (1 / 3 + 3)
    assert float(value) == pytest.approx(expected, abs=1e-6)


def test_an_age_is_the_expected_one():
    loss = loss_of({"kind": "expectation", "values": [10, 20, 40]}, classes=3)
    found = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))  # 5 + 5 + 10 = 20 years
    assert float(loss(found, torch.tensor([2]), None)) == pytest.approx(math.log(4) + 20, abs=1e-4)
    half = Expectation(torch.tensor([10.0, 20.0, 40.0]), share=0.5)
    assert float(half(found, torch.tensor([0]), None)) == pytest.approx(math.log(2) + 5, abs=1e-4)


def test_years_are_not_rounded_to_bfloat16():
    loss = Expectation(torch.arange(1.0, 101.0))
    found = torch.randn(4, 100, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([3, 50, 77, 99])
    with torch.autocast("cpu", torch.bfloat16):
        half = loss(found, labels, None)
    assert torch.equal(half, loss(found, labels, None))


@pytest.mark.parametrize(
    ("given_loss", "message"),
    [
        ({"kind": "hinge"}, r"loss\.kind: 'hinge' is none of cross_entropy"),
        ({"kind": "a_softmax", "weight": 1}, r"loss\.weight: the loss a_softmax has no"),
        ({"kind": "weighted", "counts": [1, 2]}, r"loss\.counts: give one number per class, 3"),
        ({"kind": "weighted", "counts": [1, 2, 0]}, r"loss\.counts: every class needs an image"),
        ({"kind": "expectation"}, r"loss\.values: give one number per class, 3 in all, not 0"),
    ],
)
def test_a_wrong_loss_is_one_clear_message(given_loss, message):
    with pytest.raises(ConfigError, match=message):
        loss_of(given_loss, classes=3)


def test_a_margin_needs_an_angular_head():
    with pytest.raises(ConfigError, match="needs head: angular"):
        ASoftmax()(torch.zeros(2, 3), torch.tensor([0, 1]), torch.tensor(1.0))


def test_the_default_is_cross_entropy_whatever_the_head():
    found = angular([[2.0, 1.0]], [[0.6, 0.8], [1.0, 0.0]])
    label = torch.tensor([1])
    expected = torch.nn.functional.cross_entropy(found[0], label)
    assert torch.equal(loss_of({}, 2)(found, label, None), expected)
    assert torch.equal(loss_of({}, 2)(found[0], label, None), expected)
    assert torch.equal(logits_of(found), logits_of(found[0]))


def face_learner() -> Learner:
    return Learner(Model(), card_of(1, head="angular"), seed=1)


def test_the_schedule_goes_on_after_an_interruption_and_in_a_graph():
    straight, broken = face_learner(), face_learner()
    loss = ASoftmax(start=8.0, decay=1.0, lowest=0.5)
    shown = [(images_of(straight.card, seed=i), torch.arange(8) % 3) for i in range(10)]
    one = mask_step(straight, PHASE, loss)
    one.set_rates(2.0**-5, 0.0)
    for x, y in shown:
        one(x, y)
    first = mask_step(broken, PHASE, loss, capture=lambda work: work)
    first.set_rates(2.0**-5, 0.0)
    for x, y in shown[:6]:
        first(x, y)
    second = mask_step(broken, PHASE, loss, capture=lambda work: work)
    second.set_rates(2.0**-5, 0.0)
    for name, tensor in second.state().items():
        tensor.copy_(first.state()[name])
    for x, y in shown[6:]:
        second(x, y)
    assert float(second.state()["steps"]) == 10
    for name, tensor in straight.state().items():
        assert torch.equal(tensor, broken.state()[name]), name


def test_a_step_without_a_schedule_keeps_no_count():
    assert "steps" not in mask_step(face_learner(), PHASE).state()


def test_a_learner_with_a_margin_learns_its_images():
    learner = face_learner()
    step = mask_step(learner, PHASE, ASoftmax(start=20.0))
    step.begin_epoch(PHASE, 0)
    x, y = images_of(learner.card), torch.arange(8) % 3
    for _ in range(60):
        step(x, y)
    with torch.no_grad():
        assert torch.equal(learner.network.eval()(x).argmax(1), y)
