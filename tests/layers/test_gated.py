"""Gates: what they open, what is frozen after a task, and that nothing moves an older one."""

import pytest
import torch
from torch.nn import functional
from toy_experiment import toy_layers_config
from toy_layers import add, images, new_learner, new_model, snapshot, stepped

from lifelong.layers.forms import LayerShape
from lifelong.methods.gated import ChannelGates, _straight_through, assembled
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError

Y = torch.arange(12) % 3


def gates(model=None, **changes) -> ChannelGates:
    found = new_learner("gated", model, **changes)
    assert isinstance(found, ChannelGates)
    return found


def use(learner: ChannelGates, *opened: set[int]) -> ChannelGates:
    """A learner whose gates open these filters, of each layer, on every image, and no others."""
    own = learner.card.own
    for layer, filters in enumerate(opened):
        learner.tensors[f"{own}gate.{layer}.out.weight"].data.zero_()
        bias = learner.tensors[f"{own}gate.{layer}.out.bias"].data
        bias.fill_(-10.0)[sorted(filters)] = 10.0
    learner.finish([images(5), images(3, seed=1)])
    return learner


def learned(*tasks: tuple[set[int], ...], steps: int = 3):
    """A model whose tasks use these filters."""
    model = new_model("gated")
    for opened in tasks:
        learner = gates(model)
        stepped(learner, steps, seed=learner.card.position)
        add(model, use(learner, *opened))
    return model


def test_sampled_gates_are_open_or_shut_and_their_gradient_is_the_sigmoids():
    scores = torch.linspace(-2, 2, 2000).requires_grad_()
    found = _straight_through(scores, torch.Generator().manual_seed(1))
    values = found.detach()
    assert torch.allclose(values, values.round()) and set(values.round().tolist()) == {0.0, 1.0}
    slope = torch.autograd.grad(found.sum(), scores)[0]
    uniform = torch.rand(2000, generator=torch.Generator().manual_seed(1))
    soft = torch.sigmoid((scores.detach() + torch.log(uniform / (1 - uniform))) * 1.5)
    torch.testing.assert_close(slope, 1.5 * soft * (1 - soft), rtol=1e-3, atol=1e-5)
    assert torch.equal(values.round(), (soft > 0.5).float())
    # a gate of score s opens with probability sigmoid(s)
    assert values[scores.detach().abs() < 0.5].mean() == pytest.approx(0.5, abs=0.05)
    assert values[scores.detach() > 1.5].mean() == pytest.approx(0.85, abs=0.05)


def test_a_task_is_its_filters_its_norms_its_gates_and_its_classes():
    learner = gates()
    stepped(learner)
    model = new_model("gated")
    names = add(model, learner)
    kinds = {".".join(name.split(".")[:3]) for name in names}
    assert kinds == {
        f"t001.{kind}.{layer}"
        for kind in ("filter", "used", "norm", "gate", "head")
        for layer in range(2)
    }
    x, t = images(seed=7), learner.tensors
    expected = x
    for layer in range(2):
        means = expected.mean((2, 3))
        hidden = means @ t[f"t001.gate.{layer}.in.weight"].T + t[f"t001.gate.{layer}.in.bias"]
        normal = [t[f"t001.gate.{layer}.norm.{name}"] for name in ("mean", "var", "weight", "bias")]
        hidden = ((hidden - normal[0]) / (normal[1] + 1e-5).sqrt() * normal[2] + normal[3]).relu()
        scores = hidden @ t[f"t001.gate.{layer}.out.weight"].T + t[f"t001.gate.{layer}.out.bias"]
        maps = functional.conv2d(expected, t[f"free.{layer}"], padding=1)
        mean, var, weight, bias = (
            t[f"t001.norm.{layer}.{name}"][:, None, None]
            for name in ("mean", "var", "weight", "bias")
        )
        maps = ((maps - mean) / (var + 1e-5).sqrt() * weight + bias).relu()
        expected = functional.max_pool2d(maps * (scores > 0)[:, :, None, None], 2)
    found = expected.flatten(1)
    found = functional.linear(found, t["t001.head.0.weight"], t["t001.head.0.bias"]).relu()
    found = functional.linear(found, t["t001.head.1.weight"], t["t001.head.1.bias"])
    torch.testing.assert_close(learner.network(x), found, rtol=1e-4, atol=1e-5)
    assert torch.equal(model.view(1)(x), learner.network(x))


def test_filters_that_open_are_frozen_and_the_others_drawn_afresh():
    model = learned(({0, 2, 5}, {1}))
    assert model.tensors["t001.filter.0"].shape == (3, 1, 3, 3)
    assert model.tensors["t001.filter.1"].shape == (1, 8, 3, 3)
    second = gates(model)
    assert second.tensors["free.0"].shape == (5, 1, 3, 3)
    before = gates(model, seed=11).tensors["free.0"]
    assert not torch.equal(second.tensors["free.0"], before)
    weight, taken = assembled(model.tensors, LayerShape(0, 3, 1, 8), 1)
    assert taken.nonzero().flatten().tolist() == [0, 2, 5]
    assert torch.equal(weight[[0, 2, 5]], model.tensors["t001.filter.0"])
    assert not weight[[1, 3, 4, 6, 7]].any()


def test_a_filter_that_two_tasks_use_belongs_to_the_first():
    model = learned(({0, 2}, {1}), ({2, 3, 4}, {1}), ({0, 3, 7}, {0}))
    counts = [len(model.tensors[f"t00{task}.filter.0"]) for task in (1, 2, 3)]
    assert counts == [2, 2, 1]
    assert [len(model.tensors[f"t00{task}.filter.1"]) for task in (1, 2, 3)] == [1, 0, 1]
    weight, taken = assembled(model.tensors, LayerShape(0, 3, 1, 8), 3)
    assert taken.nonzero().flatten().tolist() == [0, 2, 3, 4, 7]
    assert torch.equal(weight[[0, 2]], model.tensors["t001.filter.0"])
    assert torch.equal(weight[[3, 4]], model.tensors["t002.filter.0"])
    assert torch.equal(weight[[7]], model.tensors["t003.filter.0"])


def test_older_tasks_are_bit_equal_whatever_later_ones_learn():
    model, x, seen = new_model("gated"), images(20, seed=3), []
    for opened in (
        ({0, 1, 2}, {0, 1}),
        ({1, 4}, {1, 2, 3}),
        ({2, 4, 7}, {0, 5}),
        (set(range(8)),) * 2,
    ):
        learner = gates(model)
        assert all(learner.older(position) is None for position in range(1, learner.card.position))
        stepped(learner, 5, rate=0.1, seed=learner.card.position)
        names = add(model, use(learner, *opened))
        assert all(name.startswith(learner.card.own) for name in names)
        for position, logits in enumerate(seen, 1):
            assert torch.equal(model.view(position)(x), logits)
        seen.append(model.view(learner.card.position)(x))


def test_frozen_filters_are_used_by_later_tasks_and_never_stepped():
    model = learned(({0, 1}, {3}))
    second = gates(model)
    stepped(second, 5, rate=0.1)
    whole = second._frozen[0].index_copy(0, second._free[0], second.tensors["free.0"])
    assert torch.equal(whole[[0, 1]], model.tensors["t001.filter.0"])
    use(second, {0, 4}, {3})
    add(model, second)
    x = images(seed=4)
    with_it = model.view(2)(x)
    model.tensors["t001.filter.0"][0] += 1  # as nothing ever does
    assert not torch.equal(model.view(2)(x), with_it)


def test_a_gate_that_never_opened_stays_shut():
    """An image that would open it could otherwise see a filter that is no longer there."""
    learner = use(gates(), {0, 1, 2}, {0})
    assert learner.tensors["rate.0"].tolist() == [1.0] * 3 + [0.0] * 5
    model = new_model("gated")
    add(model, learner)
    x = images(seed=5)
    before = model.view(1)(x)
    model.tensors["t001.gate.0.out.bias"].fill_(10.0)
    assert torch.equal(model.view(1)(x), before)
    model.tensors["t001.gate.0.out.bias"][0] = -10.0
    assert not torch.equal(model.view(1)(x), before)


def test_rates_are_shares_of_images_and_the_threshold_is_above():
    learner = gates(gated={"least_rate": 0.25})
    x = torch.zeros(8, 1, 8, 8)
    x[:2] += 5.0  # the gate of filter 0 looks at how bright the image is
    own = learner.tensors
    own["t001.gate.0.in.weight"].data.zero_()[0, 0] = 1.0
    own["t001.gate.0.in.bias"].data.zero_()
    own["t001.gate.0.out.weight"].data.zero_()[0, 0] = 1.0
    own["t001.gate.0.out.bias"].data.fill_(-1.0)
    own["t001.gate.0.out.bias"].data[1] = 1.0
    learner.finish([x[:3], x[3:]])
    assert own["rate.0"].tolist() == [0.25, 1.0] + [0.0] * 6
    _, tensors = learner.commit("SS")
    assert tensors["t001.used.0"].tolist() == [0, 1] + [0] * 6


def test_open_gates_cost_nothing_until_their_epoch():
    found = {}
    for sparsity in (0.0, 0.5):
        learner = gates(gated={"sparsity": sparsity, "delay": 2}, dropout=0.0)
        for epoch in range(4):
            generator = torch.Generator().manual_seed(0)
            loss, _ = learner.objective(images(), Y, generator)
            rates = list(learner.epoch_facts().values())
            found[sparsity, epoch] = loss.item(), sum(rates) / len(rates)
    for epoch in range(4):
        (free, rate), (charged, _) = found[0.0, epoch], found[0.5, epoch]
        expected = 0.5 * rate if epoch >= 2 else 0.0
        assert charged - free == pytest.approx(expected, abs=1e-6)
    assert 0.2 < found[0.0, 0][1] < 0.8


def test_sparsity_shuts_gates():
    rates = {}
    for sparsity in (0.0, 20.0):
        learner = gates(gated={"sparsity": sparsity, "delay": 0})
        stepped(learner, 60, rate=0.02)
        learner.finish([images(50, seed=6)])
        rates[sparsity] = learner.tensors["rate.0"].mean() + learner.tensors["rate.1"].mean()
    assert rates[20.0] < rates[0.0] / 2


def test_a_task_learns_where_no_filter_is_free():
    model = learned((set(range(8)), set(range(8))))
    second = gates(model)
    before = snapshot(second)
    assert second.tensors["free.0"].shape == (0, 1, 3, 3)
    stepped(second)
    add(model, use(second, {0, 3}, {1}))
    assert model.tensors["t002.filter.0"].shape == (0, 1, 3, 3)
    assert not torch.equal(before["t002.head.0.weight"], second.tensors["t002.head.0.weight"])
    assert model.view(2)(images()).shape == (12, 3)


def test_skips_go_around_the_gates_of_a_layer():
    learner = gates(network="cifar_resnet17", channels=1 / 64, pattern="S" * 17)
    stepped(learner, 1)
    assert torch.isfinite(learner.network(images())).all()
    model, x = new_model("gated"), images(seed=8)
    learner.finish([images(40, seed=2)])
    add(model, learner)
    before = model.view(1)(x)
    later = gates(model, network="cifar_resnet17", channels=1 / 64, pattern="S" * 17)
    stepped(later, 1, rate=0.1)
    later.finish([images(40, seed=2)])
    add(model, later)
    assert torch.equal(model.view(1)(x), before)


def test_one_image_a_step_is_refused():
    layers = {**toy_layers_config(["gated"])["layers"], "batch_size": 1}
    with pytest.raises(ConfigError, match=r"layers\.batch_size: gated normalises"):
        check(toy_layers_config(["gated"], layers=layers))
    check(toy_layers_config(["gated_repo"], layers=layers))


def test_released_gates_weigh_pooled_maps_by_a_sharp_softmax():
    learner = new_learner("gated_repo")
    x, t = images(), learner.tensors
    expected = x
    for layer in range(2):
        gate = functional.linear(
            expected.flatten(1), t[f"t001.gate.{layer}.0.weight"], t[f"t001.gate.{layer}.0.bias"]
        ).relu()
        gate = functional.linear(
            gate, t[f"t001.gate.{layer}.1.weight"], t[f"t001.gate.{layer}.1.bias"]
        )
        weight, bias = t[f"shared.{layer}.weight"], t[f"shared.{layer}.bias"]
        maps = functional.max_pool2d(functional.conv2d(expected, weight, bias, padding=1).relu(), 2)
        share = torch.softmax(10 * gate, 1)
        torch.testing.assert_close(share.sum(1), torch.ones(12))
        expected = maps * share[:, :, None, None]
    found = functional.linear(
        expected.flatten(1), t["t001.head.0.weight"], t["t001.head.0.bias"]
    ).relu()
    found = functional.linear(found, t["t001.head.1.weight"], t["t001.head.1.bias"])
    torch.testing.assert_close(learner.network(x), found, rtol=1e-4, atol=1e-5)


def test_released_gates_are_larger_than_the_network():
    learner = new_learner(
        "gated_repo", network="cifar_cnn4", in_channels=3, image_size=32, pattern="SSSS"
    )
    sizes = [t.numel() for n, t in learner.tensors.items() if "gate" in n and n.endswith("weight")]
    assert sum(sizes) == 15_515_648


def test_released_gates_leave_older_tasks_to_drift():
    model, x = new_model("gated_repo"), images(seed=6)
    first = new_learner("gated_repo", model)
    stepped(first)
    add(model, first)
    before = model.view(1)(x)
    assert torch.equal(before, first.network(x))
    second = new_learner("gated_repo", model)
    assert torch.equal(second.older(1)(x), before)
    stepped(second, seed=2)
    assert not torch.equal(second.older(1)(x), before)
    names = add(model, second)
    assert not any(name.startswith("t001.") for name in names)
    assert torch.equal(model.view(1)(x), second.older(1)(x))
