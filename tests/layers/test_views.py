"""Networks of finished tasks are modules of their own; those of tasks under way follow them."""

import pytest
import torch
from known_methods import LAYER_METHODS
from toy_layers import add, images, new_learner, new_model, stepped


@pytest.mark.parametrize("method", LAYER_METHODS)
@torch.no_grad()
def test_a_finished_networks_state_is_all_that_it_computes_with(method):
    model, x = new_model(method), images()
    for given in ("--", "S-"):
        tried = {"pattern": given} if method.startswith("brute") else {}  # as it trains them
        with torch.enable_grad():
            learner = new_learner(method, model, **tried)
            stepped(learner, steps=1)
        pattern = "SS" if not learner.card.pattern else None
        add(model, learner, pattern)
    view = model.view(2)
    before, state = view(x), {name: one.clone() for name, one in view.state_dict().items()}
    for tensor in view.state_dict().values():
        tensor.zero_()
    assert not view(x).any()  # no number is left that is not in the state
    assert torch.equal(model.view(2)(x), before)
    view.load_state_dict(state)
    assert torch.equal(view(x), before)


@pytest.mark.parametrize("method", ["hps", "tf", "apd_repo"])
@torch.no_grad()
def test_the_network_of_an_older_task_follows_what_is_being_learned(method):
    model, x = new_model(method), images()
    add(model, new_learner(method, model))
    learner = new_learner(method, model)
    live = learner.older(1)
    before = live(x)
    for name, tensor in learner.tensors.items():
        if name.startswith("shared."):
            tensor.mul_(2)
    assert not torch.equal(live(x), before)
