"""Old channels stay what they were when a network widens, also where branches are concatenated."""

import numpy as np
import pytest
import torch
from toy import card_of, images_of, stepped

from lifelong.masks import Learner, Model
from lifelong.masks.layers import dense, load_dense, shareable
from lifelong.masks.layout import shard_from, to_arrays
from lifelong.masks.model import fresh_network, tensors
from lifelong.nets import TOP_LEFT, Growth, TaskNetwork, copy_into, growth_of
from lifelong.work.shards import load_part, save

NETWORKS = ("small_cnn", "spherenet20", "inception_resnet_v1_reduced")
NETWORKS += ("efficientnet_lite0", "resnet18")


def answers(model: Model, position: int, network: str) -> torch.Tensor:
    with torch.no_grad():
        return model.view(position)(images_of(card_of(position, network=network)))


def two_tasks(network: str) -> Model:
    model = Model()
    for position in (1, 2):
        learner = Learner(model, card_of(position, network=network), seed=position)
        learner = stepped(learner, steps=2, pick=position > 1)
        learner.prune_to(0.5)
        model.add(learner.shard())
    return model


@pytest.mark.parametrize("network", NETWORKS)
def test_views_are_bit_equal_before_and_after_widening_twice(network, tmp_path):
    model = two_tasks(network)
    before = [answers(model, position, network) for position in (1, 2)]
    for position, width in ((3, 1.7), (4, 3.1)):
        card = card_of(position, width, network)
        learner = stepped(Learner(model, card, seed=position), steps=2, pick=True)
        learned = learner.network.eval()(images_of(card)).detach()
        part = model.part(learner.shard())
        path = tmp_path / f"{position}.h5"
        save(path, part)
        model.add(load_part(path))
        before.append(learned)
        for old, expected in enumerate(before, 1):
            assert torch.equal(answers(model, old, network), expected), (old, position)


def test_heads_of_two_kinds_in_one_model(tmp_path):
    model, learned = Model(), []
    for position, head in ((1, "angular"), (2, "linear"), (3, "angular")):
        card = card_of(position, 1.0 + 0.5 * (position > 2), "spherenet20", head)
        learner = stepped(Learner(model, card, seed=position), steps=2)
        learner.prune_to(0.5)
        learned.append(learner.network.eval()(images_of(card)).detach())
        path = tmp_path / f"{position}.h5"
        save(path, model.part(learner.shard()))
        model.add(load_part(path))
        assert model.shards[-1].card.head == head
    for position, expected in enumerate(learned, 1):
        assert torch.equal(answers(model, position, "spherenet20"), expected)


def test_a_shard_from_before_there_were_kinds_of_heads_has_a_linear_one():
    arrays, attrs = to_arrays(Learner(Model(), card_of(1), seed=1).shard())
    del attrs["card"]["head"]
    assert shard_from(arrays, attrs).card == card_of(1)


def filled(network: TaskNetwork) -> TaskNetwork:
    """Every tensor random, variances positive."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.2)
        if name.endswith("running_var"):
            tensor.abs_().add_(0.5)
    return network.eval()


def widened(small: TaskNetwork, network: str, growth: Growth) -> TaskNetwork:
    """A network twice as wide with nothing in it but the small one."""
    large = fresh_network(card_of(1, 2.0, network), seed=1)
    own = {name: tensor.detach().numpy() for name, tensor in dense(small).items()}
    with torch.no_grad():
        for layer in shareable(large).values():
            layer.weight.zero_()
        load_dense(large, tensors(own), head=False, growth=growth)
        for name, layer in shareable(small).items():
            block = growth.block(name, layer.weight.shape)
            copy_into(shareable(large)[name].weight, layer.weight, block)
    return large.eval()


@pytest.mark.parametrize("network", ["spherenet20", "inception_resnet_v1_reduced"])
def test_a_wider_network_with_nothing_new_in_it_answers_as_the_narrow_one(network):
    card = card_of(1, network=network)
    small, x = filled(fresh_network(card, seed=1)), images_of(card)
    growth = growth_of(network, card.channels, 1.0, 2.0)
    with torch.no_grad():
        expected = small.embedding(x)
        found = widened(small, network, growth).embedding(x)
        assert found.shape[1] > expected.shape[1]
        assert torch.allclose(found[:, : expected.shape[1]], expected, rtol=1e-3, atol=1e-4)
        if network != "spherenet20":  # what a plain top-left block would have made of it
            wrong = widened(small, network, TOP_LEFT).embedding(x)
            assert not torch.allclose(wrong[:, : expected.shape[1]], expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_wider_task_starts_from_the_old_weights_where_their_channels_lie(network):
    model = two_tasks(network)
    old = {name: weights.copy() for name, weights in model.weights.items()}
    learner = Learner(model, card_of(3, 2.0, network), seed=3)
    growth = model.growth(card_of(1, network=network))
    for name, layer in learner.layers.items():
        block = growth.block(name, old[name].shape)
        assert np.array_equal(layer.weight.detach().numpy()[block], old[name]), name
        assert layer.older == int((old[name] != 0).sum()), name


def test_places_of_concatenated_channels_by_hand():
    # outputs: one run, 2 of 3; inputs: runs of 1 and 2 of 2 and 3, so that 1 and 2 move to 2 and 3
    growth = Growth({"a": ((2,), (1, 2))}, {"a": ((3,), (2, 3))})
    target = torch.zeros(3, 5)
    copy_into(target, torch.arange(1.0, 7.0).view(2, 3), growth.block("a", (2, 3)))
    assert target.tolist() == [[1, 0, 2, 3, 0], [4, 0, 5, 6, 0], [0] * 5]
    kernels = torch.zeros(3, 5, 1, 2)
    copy_into(kernels, torch.ones(2, 3, 1, 2), growth.block("a", (2, 3, 1, 2)))
    assert kernels.sum((2, 3)).bool().tolist() == target.bool().tolist()
    slopes = torch.zeros(3)
    copy_into(slopes, torch.ones(2), growth.block("a", (2,)))
    assert slopes.tolist() == [1, 1, 0]
    assert growth.block("b", (2, 3)) == (slice(2), slice(3))
