"""Brute force: what is tried, and that the first task takes over the second's pattern."""

import pytest
import torch
from toy_experiment import toy_layers_config
from toy_layers import add, images, layer_card, new_learner, new_model, snapshot, stepped

from lifelong.methods.brute import tried
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError

METHODS = ("brute_hps", "brute_tf", "brute_dfcnn")
PATTERNS = ["SS", "-S", "S-", "--"]


def one_task(method: str, **changes):
    """A model whose first task was learned without sharing."""
    model = new_model(method)
    learner = new_learner(method, model, pattern="--", **changes)
    stepped(learner, 5, rate=0.05)
    add(model, learner)
    return model


def said(view) -> torch.Tensor:
    with torch.no_grad():
        return view(images())


def test_the_first_task_has_one_pattern_and_every_other_all():
    assert tried(layer_card("brute_hps", 1)) == ["--"]
    assert tried(layer_card("brute_hps", 2)) == PATTERNS
    assert tried(layer_card("brute_tf", 3, groups=[2])) == ["SS", "--"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("method", METHODS)
def test_the_first_task_stays_as_it_is_while_its_layers_become_shared(method, pattern):
    wide = {"channels": 2.0}  # DF-CNN has the same filters only where maps outnumber places
    model = one_task(method, **wide)
    before = said(model.view(1))
    second = new_learner(method, model, pattern=pattern, **wide)
    if "S" not in pattern:
        assert second.older(1) is None
        return
    live = second.older(1)
    torch.testing.assert_close(said(live), before, rtol=1e-4, atol=1e-5)
    for name, tensor in second.tensors.items():
        if name.startswith("shared."):
            tensor.data.mul_(1.5)
    assert not torch.allclose(said(live), before, rtol=1e-4, atol=1e-4)


def test_the_second_task_begins_with_the_first_ones_layers():
    model = one_task("brute_hps")
    second = new_learner("brute_hps", model, pattern="S-")
    assert torch.equal(second.tensors["shared.0.weight"], model.tensors["t001.own.0.weight"])
    assert "shared.1.weight" not in second.tensors


@pytest.mark.parametrize("method", METHODS)
def test_only_shared_layers_and_the_tasks_own_are_trained(method):
    model = one_task(method)
    second = new_learner(method, model, pattern="SS")
    before = snapshot(second)
    stepped(second, 3, rate=0.05)
    for name, tensor in second.tensors.items():
        moved = not torch.equal(tensor, before[name])
        assert moved is tensor.requires_grad is not name.startswith("t001."), name


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("method", METHODS)
def test_the_first_task_follows_the_pattern_of_the_second(method, pattern):
    model = one_task(method)
    alone = said(model.view(1))
    second = new_learner(method, model, pattern=pattern)
    stepped(second, 3, rate=0.05)
    live = second.older(1)
    written = add(model, second, pattern)
    assert torch.equal(said(model.view(1)), alone if live is None else said(live))
    for layer, letter in enumerate(pattern):  # what it needs no more weighs nothing
        size = model.tensors[f"t001.own.{layer}.weight"].numel()
        assert (size == 0) is (letter == "S")
    third = new_learner(method, model, pattern="SS")
    stepped(third, 3, rate=0.05, seed=3)
    add(model, third, "SS")
    assert torch.equal(said(model.view(1)), alone) is (pattern == "--")
    if method == "brute_hps":  # it has no mapping: what it gives away is all that it had
        assert not any(name.startswith("t001.map") for name in written)


def test_a_first_task_has_nothing_to_choose():
    names = ("zero_six", "one_seven")
    tasks = [{"name": n, "classes": c} for n, c in zip(names, ([0, 6], [1, 7]), strict=True)]
    tasks[0]["sharing"] = "S-"
    with pytest.raises(ConfigError, match="brute_hps learns it without sharing"):
        check(toy_layers_config(["brute_hps"], tasks=tasks))
