"""What tasks of fixed patterns share, write and forget."""

import pytest
import torch
from drawn import drawn
from toy_layers import add, images, new_learner, new_model, snapshot, stepped

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.optim.phase import Phase
from lifelong.train.layer_step import LayerStep
from lifelong.train.loop import fit

OWN = {f"own.{layer}.{name}" for layer in range(2) for name in ("weight", "bias")}
SHARED = {f"shared.{layer}.{name}" for layer in range(2) for name in ("weight", "bias")}
HEAD = {f"head.{layer}.{name}" for layer in range(2) for name in ("weight", "bias")}


def named(prefix: str, names: set[str]) -> set[str]:
    return {f"{prefix}{name}" for name in names}


def learned(method: str, tasks: int, **changes: str):
    """A model of some tasks, and what each wrote."""
    model, written = new_model(method), []
    for _ in range(tasks):
        learner = new_learner(method, model, **changes)
        stepped(learner, seed=learner.card.position)
        written.append(add(model, learner))
    return model, written


def test_a_network_of_ones_own_holds_every_layer_and_nothing_shared():
    _, written = learned("stl", 2)
    assert written == [named("t001.", OWN | HEAD), named("t002.", OWN | HEAD)]


def test_one_network_for_all_is_written_again_by_every_task():
    _, written = learned("snn", 2)
    assert written == [SHARED | named("shared.", HEAD)] * 2


@pytest.mark.parametrize("pattern", ["SS", "S-", "-S", "--"])
def test_hard_sharing_writes_shared_layers_own_layers_and_its_classes(pattern):
    _, written = learned("hps", 2, pattern=pattern)
    for position, names in enumerate(written, 1):
        expected = named(f"t00{position}.", HEAD)
        for layer, letter in enumerate(pattern):
            prefix = "shared." if letter == "S" else f"t00{position}.own."
            expected |= {f"{prefix}{layer}.weight", f"{prefix}{layer}.bias"}
        assert names == expected


@pytest.mark.parametrize("method", ["stl", "snn", "hps"])
def test_older_tasks_own_tensors_are_never_written_again(method):
    _, written = learned(method, 3)
    for position, names in enumerate(written, 1):
        later = set().union(*written[position:])
        assert not {name for name in later if name.startswith(f"t00{position}.")}, names


def test_the_first_task_is_the_same_network_whatever_the_other_tasks():
    first, both = learned("stl", 1)[0], learned("stl", 2)[0]
    x = images()
    with torch.no_grad():
        assert torch.equal(first.view(1)(x), both.view(1)(x))


@pytest.mark.parametrize("method", ["snn", "hps"])
def test_shared_layers_move_under_older_tasks(method):
    first, both = learned(method, 1)[0], learned(method, 2)[0]
    x = images()
    with torch.no_grad():
        assert not torch.equal(first.view(1)(x), both.view(1)(x))


def test_the_one_head_of_all_tasks_is_the_newest():
    model, _ = learned("snn", 2)
    x = images()
    with torch.no_grad():
        assert torch.equal(model.view(1)(x), model.view(2)(x))


def test_a_second_task_starts_with_the_shared_layers_and_a_fresh_head():
    model, _ = learned("hps", 1)
    second = new_learner("hps", model)
    assert all(torch.equal(second.tensors[name], model.tensors[name]) for name in SHARED)
    one, other = second.tensors["t002.head.0.weight"], model.tensors["t001.head.0.weight"]
    assert one.shape == other.shape and not torch.equal(one, other)


@pytest.mark.parametrize("method", ["stl", "snn", "hps"])
def test_a_learner_says_what_its_committed_task_says(method):
    model, _ = learned(method, 1)
    second = new_learner(method, model)
    stepped(second)
    x = images()
    add(model, second)
    with torch.no_grad():
        assert torch.equal(second.network(x), model.view(2)(x))


def test_an_older_task_is_seen_on_the_live_shared_layers():
    model, _ = learned("hps", 1, pattern="S-")
    second = new_learner("hps", model, pattern="S-")
    view, x = second.older(1), images()
    with torch.no_grad():
        assert torch.equal(view(x), model.view(1)(x))
    stepped(second)
    with torch.no_grad():
        moved = view(x)
        assert not torch.equal(moved, model.view(1)(x))
        add(model, second)
        assert torch.equal(moved, model.view(1)(x))


def test_an_older_task_that_shares_nothing_need_not_be_looked_at():
    model, _ = learned("hps", 1, pattern="--")
    assert new_learner("hps", model, pattern="--").older(1) is None
    assert new_learner("hps", model, pattern="S-").older(1) is None


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_step_repeats_from_its_seed_and_another_seed_drops_others(dropout):
    def after(seed: int) -> dict:
        learner = new_learner("stl", dropout=dropout)
        step = stepped(learner, 0)
        step.seed = seed
        x = images()
        step.rate = 0.01
        step(x, torch.arange(len(x)) % 3)
        return snapshot(learner)

    same, again, other = after(1), after(1), after(2)
    assert all(torch.equal(same[name], again[name]) for name in same)
    drops = not all(torch.equal(same[name], other[name]) for name in same)
    assert drops == (dropout > 0)


def test_two_steps_drop_different_numbers():
    learner = new_learner("stl")
    x, y, found = images(), torch.arange(12) % 3, []
    step = stepped(learner, 0)  # its rate is 0: nothing moves
    for _ in range(2):
        step.reset()
        step.rate = 0.0
        step(x, y)
        found.append(float(step.loss_sum))
    assert found[0] != found[1]


def striped(count: int) -> TaskData:
    """So many images, with stripes where their label is."""
    labels = torch.arange(count) % 3
    drawn = torch.randint(0, 80, (count, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    for label in range(3):
        drawn[labels == label, :, label * 3 : label * 3 + 2] += 150
    split = Split(drawn.to(torch.uint8), labels)
    return TaskData(split, split, split, ("a", "b", "c"), (0.3,), (0.3,), "validation")


@pytest.mark.parametrize(
    ("count", "whole", "batches"), [(23, True, 2), (23, False, 3), (20, True, 2), (7, True, 1)]
)
def test_whole_batches_leave_out_what_fills_none(count, whole, batches):
    data = striped(count)
    found = drawn(data.train, 10, whole_batches=whole)
    sizes = [len(y) for _, y in found.epoch(0)]
    assert len(sizes) == len(found) == batches
    assert set(sizes[:-1]) <= {10} and sizes[-1] == min(10 if whole else 3, count)


def test_another_epoch_leaves_out_other_images():
    data = striped(23)
    found = drawn(data.train, 10, whole_batches=True)
    shown = [
        {tuple(row.tolist()) for x, _ in found.epoch(e) for row in x.flatten(1)} for e in (0, 1)
    ]
    assert len(shown[0]) == len(shown[1]) == 20 and shown[0] != shown[1]


def test_the_mean_loss_counts_the_images_shown():
    """Of a network that says nothing yet, log(3) an image, whatever is left out."""
    data, learner = striped(23), new_learner("stl", dropout=0.0)
    with torch.no_grad():
        for name, tensor in learner.tensors.items():
            if "head.1" in name:
                tensor.zero_()
    phase = Phase(epochs=1, lr=1e-30, batch_size=10, crop_padding=0, flip=False, whole_batches=True)
    result = fit(LayerStep(learner, 0), data, phase, seed=0)
    assert result.epochs[0].train_loss == pytest.approx(1.0986123, abs=1e-5)


def test_it_learns():
    data, learner = striped(60), new_learner("stl")
    phase = Phase(epochs=60, lr=5e-3, batch_size=10, crop_padding=0, flip=False, whole_batches=True)
    result = fit(LayerStep(learner, 0), data, phase, seed=0)
    assert result.epochs[-1].accuracy > 0.9 > result.epochs[0].accuracy
