"""The fused walk against the plain form: the same bits, in every state a layer can be in."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from toy import card_of, images_of

from lifelong.masks import Learner, Model
from lifelong.optim.phase import Phase
from lifelong.plan.errors import ConfigError
from lifelong.train import compiled, update
from lifelong.train.step import Step, mask_step

# Powers of two: a captured step reads its rates from float32 tensors.
RATE, MASK_RATE, DECAY, MOMENTUM = 2.0**-5, 2.0**-9, 1e-2, 0.9
PHASE = Phase(epochs=1, lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
PICKING = replace(PHASE, mask_lr=MASK_RATE)


def first() -> Learner:
    return Learner(Model(), card_of(1), seed=1)


def released() -> Learner:
    learner = first()
    learner.prune_to(0.4)
    return learner


def later() -> Learner:
    """Older tasks own half of every layer but the last, of which they own nothing."""
    model = Model()
    before = released()
    last = list(before.layers)[-1]
    before.layers[last].own.zero_()
    before.restore()
    model.add(before.shard())
    return Learner(model, card_of(2), seed=2)


def frozen() -> Learner:
    learner = later()
    for number, score in enumerate(learner.start_scores()):
        update.flat(score)[number::3] = 0.0  # a third is not picked
    learner.freeze_scores()
    learner.prune_to(0.3)
    return learner


def batches(learner: Learner, count: int = 6) -> list[tuple[Tensor, Tensor]]:
    images = [images_of(learner.card, seed=i) for i in range(count)]
    return [(x.contiguous(memory_format=torch.channels_last), torch.arange(8) % 3) for x in images]


def plainly(learner: Learner, pick: bool, hook: Callable[[int], None]) -> None:
    """Torch's own optimiser classes between `before_step` and `restore`."""
    scores = learner.start_scores() if pick else []
    groups = [{"params": learner.weights(), "weight_decay": DECAY}, {"params": learner.others()}]
    sgd = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, nesterov=True, fused=True)
    adam = torch.optim.Adam(scores, lr=MASK_RATE, fused=True) if scores else None
    for number, (x, y) in enumerate(batches(learner)):
        sgd.zero_grad()
        functional.cross_entropy(learner.network(x), y).backward()
        learner.before_step()
        sgd.step()
        if adam is not None:
            adam.step()
        learner.restore()
        hook(number)


def fast(learner: Learner, pick: bool, hook: Callable[[int], None]) -> Step:
    step = mask_step(learner, PICKING if pick else PHASE)
    step.set_rates(RATE, MASK_RATE)
    for number, (x, y) in enumerate(batches(learner)):
        step(x, y)
        hook(number)
    return step


def assert_equal(one: Learner, other: Learner) -> None:
    for name, tensor in one.state().items():
        assert torch.equal(tensor, other.state()[name]), name


CASES = {"first": first, "released": released, "frozen": frozen, "later": later}


@pytest.mark.parametrize("cached", [1 << 62, 1 << 10, 1 << 6])
@pytest.mark.parametrize("name", CASES)
def test_pieces_of_any_size_give_the_plain_bits(name, cached, monkeypatch):
    monkeypatch.setattr(update, "CACHED", cached)
    plain, ours = CASES[name](), CASES[name]()
    start = copy.deepcopy(plain.state())
    plainly(plain, name == "later", lambda number: None)
    fast(ours, name == "later", lambda number: None)
    assert_equal(plain, ours)
    assert any(not torch.equal(t, start[k]) for k, t in ours.state().items() if k in start)


def test_releasing_weights_and_freezing_picks_on_the_way_is_noticed():
    plain, ours = later(), later()

    def prune(learner: Learner) -> Callable[[int], None]:
        return lambda number: learner.prune_to(0.2 * number) if number in (1, 3) else None

    plainly(plain, True, prune(plain))
    fast(ours, True, prune(ours))
    assert_equal(plain, ours)
    whole, also = first(), first()
    plainly(whole, False, prune(whole))
    fast(also, False, prune(also))
    assert_equal(whole, also)
    assert 0 < also.counts()["owned"] < also.counts()["total"]


def test_frozen_picks_stay_and_own_weights_go_on():
    learner = later()
    step = fast(learner, True, lambda number: None)
    step.freeze_picks()
    picks = [score.clone() for score in learner.scores()]
    before = [weight.detach().clone() for weight in learner.weights()]
    for x, y in batches(learner, 2):
        step(x, y)
    assert all(torch.equal(a, b) for a, b in zip(picks, learner.scores(), strict=True))
    for old, layer in zip(before, learner.layers.values(), strict=True):
        moved = old != layer.weight.detach()
        assert moved.any() and not moved[layer.own == 0].any()


class Recorder:
    """Stands for a CUDA graph: it records a call, and replays it on the tensors it knew."""

    def __init__(self) -> None:
        self.captures = self.replays = 0

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        self.captures += 1

        def replay() -> None:
            self.replays += 1
            work()

        return replay


def test_a_captured_step_gives_the_same_bits_and_captures_anew_when_rules_change():
    plain, ours = later(), later()
    recorder = Recorder()
    eager, step = mask_step(plain, PICKING), mask_step(ours, PICKING, capture=recorder)
    full = batches(plain, 6)
    small = [(x[:5], y[:5]) for x, y in batches(plain, 2)]
    for one in (eager, step):
        one.set_rates(RATE, MASK_RATE)
        for x, y in [small[0], *full, small[1], *full]:
            one(x, y)
        one.freeze_picks()
        one.set_rates(RATE / 8, 0.0)
        for x, y in full:
            one(x, y)
    assert_equal(plain, ours)
    assert torch.equal(eager.loss_sum, step.loss_sum)
    assert torch.equal(eager.correct, step.correct)
    # Three full batches of each kind warm up; a small batch and they are done launch by launch.
    assert recorder.captures == 2 and recorder.replays == (12 - 3) + (6 - 3)


def test_bfloat16_learns_nearly_the_same():
    exact, half = later(), later()
    for learner, precision in ((exact, "float32"), (half, "bfloat16")):
        phase = replace(PHASE, lr=1e-3, weight_decay=0.0, precision=precision)
        step = mask_step(learner, phase)
        step.begin_epoch(phase, 0)
        for x, y in batches(learner, 3):
            step(x, y)
    for one, other in zip(exact.weights(), half.weights(), strict=True):
        assert other.dtype == torch.float32 and not torch.equal(one, other)
        assert torch.allclose(one, other, atol=1e-3)


@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs g++: install it")
@pytest.mark.parametrize("name", ["released", "frozen", "later"])
def test_the_compiled_form_is_the_plain_one_but_for_rounding(name):
    plain, ours = CASES[name](), CASES[name]()
    plainly(plain, name == "later", lambda number: None)
    phase = replace(PICKING if name == "later" else PHASE, update="compiled")
    step = mask_step(ours, phase)
    step.begin_epoch(phase, 0)
    for x, y in batches(ours):
        step(x, y)
    for kind, tensor in plain.state().items():
        assert torch.allclose(tensor.float(), ours.state()[kind].float(), atol=1e-5), kind
    for layer in ours.layers.values():
        free = (layer.own == 0) & ~layer.is_old
        assert (layer.weight.detach()[free] == 0).all()
        if layer.old is not None:
            there = layer.weight.detach()[layer.is_old]
            assert ((there == 0) | (there == layer.old[layer.is_old])).all()


def test_without_a_compiler_the_setting_is_refused(monkeypatch):
    compiled.kernel.cache_clear()
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    step = mask_step(released(), replace(PHASE, update="compiled"))
    step.set_rates(RATE, 0.0)
    with pytest.raises(ConfigError, match=r"recipe\.update"):
        step(*batches(first())[0])
