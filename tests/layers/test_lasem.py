"""LASEM: its posterior by hand, its gradient configuration by configuration, what it leaves."""

import math
import operator

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from toy_experiment import toy_layers_config
from toy_layers import (
    add,
    images,
    layer_card,
    layers_settings,
    new_learner,
    new_model,
    snapshot,
    stepped,
)

from lifelong.layers.learner import Fact, LayerStart
from lifelong.layers.network import filters_of, head_of, inside
from lifelong.methods import lasem, layer_method
from lifelong.methods.lasem import LasemLearner, Posterior
from lifelong.nets.conv_stack import features, head
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.patterns import SHARED, configurations

METHODS = ("lasem_hps", "lasem_tf", "lasem_dfcnn")
PATTERNS = ["SS", "-S", "S-", "--"]
Y = torch.arange(12) % 3


def posterior(count: int = 4, fixed: int | None = None, **settings) -> Posterior:
    return Posterior(layers_settings(lasem=settings)["lasem"], count, fixed, "cpu")


def giving(chances: list[list[float]]) -> Tensor:
    """Logits of two classes, of which the first has these chances: (configurations, batch)."""
    first = torch.tensor(chances, dtype=torch.float64)
    return torch.stack([first.log(), (1 - first).log()], -1)


def first_class(logits: Tensor) -> Tensor:
    return torch.zeros(logits.shape[1], dtype=torch.int64)


def after(one: Posterior, logits: Tensor, batches: int = 1) -> list[float]:
    """The prior after the same batch so many times."""
    y = first_class(logits)
    for _ in range(batches):
        one.add(one.of_batch(one.prior(), logits, y))
    return one.prior().tolist()


def expecting(method: str = "lasem_hps", model=None, **changes) -> LasemLearner:
    learner = new_learner(method, model, **changes)
    assert isinstance(learner, LasemLearner)
    return learner


def test_a_batch_weighs_configurations_by_the_mean_chance_of_its_classes():
    logits = giving([[0.9, 0.1], [0.4, 0.4], [0.2, 0.2], [0.05, 0.15]])
    found = after(posterior(), logits)
    assert found == pytest.approx([0.5 / 1.2, 0.4 / 1.2, 0.2 / 1.2, 0.1 / 1.2])
    # by the product 0.09, 0.16, 0.04, 0.0075
    found = after(posterior(likelihood="log"), logits)
    assert found == pytest.approx([chance / 0.2975 for chance in (0.09, 0.16, 0.04, 0.0075)])


def test_the_prior_is_the_mean_of_all_posteriors_and_the_uniform_start_is_forgotten():
    one, logits = posterior(2), giving([[0.6], [0.2]])
    assert one.prior().tolist() == [0.5, 0.5]
    assert after(one, logits) == pytest.approx([0.75, 0.25])
    # the second posterior is 0.45 to 0.05
    assert after(one, logits) == pytest.approx([(0.75 + 0.9) / 2, (0.25 + 0.1) / 2])


@pytest.mark.parametrize("prior", ["mean", "counts"])
@pytest.mark.parametrize("likelihood", ["mean", "log"])
def test_posteriors_and_priors_sum_to_one(prior, likelihood):
    one = posterior(8, prior=prior, likelihood=likelihood)
    for seed in range(5):
        logits = torch.randn(8, 6, 3, generator=torch.Generator().manual_seed(seed))
        q = one.of_batch(one.prior(), logits, torch.arange(6) % 3)
        one.add(q)
        assert float(q.sum()) == pytest.approx(1)
        assert float(one.prior().sum()) == pytest.approx(1)


def test_equal_likelihoods_keep_the_prior_uniform_and_a_perfect_one_wins():
    assert after(posterior(), giving([[0.3, 0.7]] * 4), 50) == pytest.approx([0.25] * 4)
    certain = after(posterior(), giving([[0.5]] * 3 + [[1 - 1e-12]]), 2000)
    assert certain.index(max(certain)) == 3 and max(certain) > 0.9


@pytest.mark.parametrize(
    ("count", "ratio", "expected"),
    [
        (16, 1.1, [0.085, 0.105, 0.128]),
        (16, 1.25, [0.13, 0.21, 0.31]),
        (16, 2.0, [0.46, 0.78, 0.92]),
        (64, 1.5, [0.069, 0.18, 0.37]),
    ],
)
def test_an_advantage_grows_only_slowly(count, ratio, expected):
    """Of one configuration whose likelihood is so many times the others', after 17, 170 and 1700
    batches.
    """
    one, logits, done = posterior(count), giving([[0.4 * ratio]] + [[0.4]] * (count - 1)), 0
    for batches, value in zip((17, 170, 1700), expected, strict=True):
        found = after(one, logits, batches - done)
        done = batches
        assert found[0] == pytest.approx(value, abs=0.006)


def test_counts_are_of_the_most_probable():
    one = posterior(2, prior="counts", prior_start=3.0)
    assert one.prior().tolist() == [0.5, 0.5]
    assert after(one, giving([[0.2], [0.6]])) == pytest.approx([3 / 7, 4 / 7])
    assert after(one, giving([[0.9], [0.1]]), 2) == pytest.approx([5 / 9, 4 / 9])


def test_a_fixed_posterior_infers_nothing():
    one = posterior(4, fixed=2, fixed_posterior={"pattern": "S-", "share": 0.7})
    expected = pytest.approx([0.1, 0.1, 0.7, 0.1])
    assert after(one, giving([[0.9], [0.1], [0.1], [0.1]]), 3) == expected
    learner = expecting(lasem={"fixed_posterior": {"pattern": "bottom1", "share": 0.7}})
    stepped(learner)
    assert learner.patterns() == dict(zip(PATTERNS, [0.1, 0.1, 0.7, 0.1], strict=True)) | {
        name: pytest.approx(0.1) for name in ("SS", "-S", "--")
    }


def loss_of(learner: LasemLearner, pattern: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean chance of the true classes and the loss, of one configuration alone."""
    tensors, card = learner.tensors, learner.card
    filters = filters_of(learner.form, tensors, card.own, pattern)
    found = head(features(x, card.stack, filters), head_of(tensors, card))
    loss = functional.cross_entropy(found, Y)
    for layer, letter in enumerate(pattern):
        if letter == SHARED:
            shared = inside(tensors, f"shared.{layer}")
            own = inside(tensors, f"{card.own}map.{layer}")
            extra = learner.form.penalty(shared, own, learner.options)
            loss = loss if extra is None else loss + extra
    return torch.softmax(found, 1)[torch.arange(12), Y].mean(), loss


@pytest.mark.parametrize("method", METHODS)
def test_the_gradient_is_that_of_each_configuration_times_its_posterior(method):
    learner, x = expecting(method, dropout=0.0), images()
    stepped(learner, 5, rate=0.05)
    prior = learner.posterior.prior().tolist()
    trained = list(learner.trained().values())
    alone = [loss_of(learner, pattern, x) for pattern in PATTERNS]
    weights = [p * float(chance.detach()) for p, (chance, _) in zip(prior, alone, strict=True)]
    q = [weight / sum(weights) for weight in weights]
    expected = torch.autograd.grad(
        sum(share * loss for share, (_, loss) in zip(q, alone, strict=True)),
        trained,
        allow_unused=True,
        materialize_grads=True,
    )
    loss, _ = learner.objective(x, Y, torch.Generator())
    found = torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True)
    assert len(set(q)) == 4 and len(trained) == len(learner.tensors)
    for name, mine, theirs in zip(learner.tensors, found, expected, strict=True):
        size = float(theirs.abs().max())
        assert float((mine - theirs).abs().max()) <= 5e-6 * max(size, 1e-3), name


def test_held_out_images_make_the_posterior_and_the_steps_images_the_loss():
    held, labels = images(5, seed=9), torch.tensor([0, 2, 1, 1, 0])
    learner, x = holding((held, labels)), images()
    with torch.no_grad():
        chances = [torch.softmax(plain(learner, p, held), 1) for p in PATTERNS]
    weights = [float(chance[torch.arange(5), labels].mean()) for chance in chances]
    q = [weight / sum(weights) for weight in weights]  # the first prior is uniform
    losses = [float(loss_of(learner, pattern, x)[1].detach()) for pattern in PATTERNS]
    loss, found = learner.objective(x, Y, torch.Generator())  # all five: a step has twelve
    assert list(learner.patterns().values()) == pytest.approx(q)
    assert float(loss.detach()) == pytest.approx(sum(map(operator.mul, q, losses)), rel=1e-5)
    torch.testing.assert_close(found, plain(learner, "SS", x))


def test_as_many_held_out_images_as_a_step_has_are_drawn_anew(monkeypatch):
    seen, real = [], Posterior.of_batch

    def of_batch(posterior, prior, logits, y):
        seen.append(y.tolist())
        return real(posterior, prior, logits, y)

    monkeypatch.setattr(Posterior, "of_batch", of_batch)
    learner = holding((images(50), torch.arange(50) % 3))
    stepped(learner, 3)
    assert [len(labels) for labels in seen] == [12, 12, 12] and seen[0] != seen[1]
    first = list(seen)
    stepped(holding((images(50), torch.arange(50) % 3)), 3)
    assert seen[3:] == first  # the same for the same seed and step


def test_a_likelihood_of_held_out_images_needs_them():
    with pytest.raises(ValueError, match="held out"):
        expecting(lasem={"likelihood_images": "validation"}, dropout=0.0)


def holding(held_out: tuple[Tensor, Tensor]) -> LasemLearner:
    """A learner without dropout whose likelihoods are of these images and labels."""
    card = layer_card("lasem_hps", lasem={"likelihood_images": "validation"}, dropout=0.0)
    start = LayerStart(new_model("lasem_hps"), card, 1, "cpu", lambda: held_out)
    learner = layer_method("lasem_hps").learner(start)
    assert isinstance(learner, LasemLearner)
    return learner


def test_dropout_is_drawn_for_each_configuration_and_only_for_the_loss(monkeypatch):
    seen, real = [], lasem.dropout

    def dropout(x, rate, generator):
        seen.append((tuple(x.shape), rate))
        return real(x, rate, generator)

    monkeypatch.setattr(lasem, "dropout", dropout)
    learner, x = expecting(dropout=0.5), images()
    q = learner.posterior.of_batch(
        learner.posterior.prior(), torch.stack([plain(learner, p, x) for p in PATTERNS]), Y
    )
    learner.objective(x, Y, torch.Generator().manual_seed(1))
    assert seen == [((4, 12, 32), 0.5)]
    torch.testing.assert_close(learner.posterior.prior(), q, rtol=1e-6, atol=0)


def plain(learner: LasemLearner, pattern: str, x: Tensor) -> Tensor:
    filters = filters_of(learner.form, learner.tensors, learner.card.own, pattern)
    with torch.no_grad():
        return head(
            features(x, learner.card.stack, filters), head_of(learner.tensors, learner.card)
        )


@pytest.mark.parametrize("place", range(4))
def test_a_task_is_measured_with_its_most_probable_configuration(place):
    learner, x = expecting("lasem_tf"), images()
    stepped(learner)
    logits = giving([[0.9 if index == place else 0.1] for index in range(4)])
    after(learner.posterior, logits, 30)
    assert max(learner.patterns(), key=lambda one: learner.patterns()[one]) == PATTERNS[place]
    with torch.no_grad():
        assert torch.equal(learner.logits(x), plain(learner, PATTERNS[place], x))
        shown = learner.objective(x, Y, torch.Generator())[1]
    torch.testing.assert_close(shown, plain(learner, PATTERNS[place], x), rtol=1e-5, atol=1e-6)


def test_the_record_has_the_prior_and_the_mean_of_the_epochs_posteriors():
    learner = expecting()
    step = stepped(learner, 4)
    first = learner.epoch_facts()
    assert list(first) == [
        Fact(metric, pattern=name)
        for metric in ("posterior", "posterior_epoch")
        for name in PATTERNS
    ]
    for name in PATTERNS:  # so far there was but one epoch
        assert first[Fact("posterior_epoch", pattern=name)] == pytest.approx(
            first[Fact("posterior", pattern=name)]
        )
    step(images(seed=50), Y)
    second = learner.epoch_facts()
    for name in PATTERNS:  # one batch after four
        mean = (
            4 * first[Fact("posterior", pattern=name)]
            + second[Fact("posterior_epoch", pattern=name)]
        ) / 5
        assert second[Fact("posterior", pattern=name)] == pytest.approx(mean)
    assert learner.patterns() == {
        name: second[Fact("posterior", pattern=name)] for name in PATTERNS
    }


def test_layers_of_a_group_choose_together():
    learner = expecting(groups=[2])
    stepped(learner)
    assert list(learner.patterns()) == ["SS", "--"]
    deep = expecting(network="cifar_cnn4", channels=0.125, image_size=8, groups=[1, 2, 1])
    stepped(deep)
    assert list(deep.patterns()) == configurations(4, [1, 2, 1])


def test_another_process_goes_on_with_the_same_posterior():
    one, other = expecting(), expecting(seed=9)
    stepped(one, 5)
    other.load_state(snapshot(one))
    assert other.patterns() == one.patterns()
    x = images()
    with torch.no_grad():
        assert torch.equal(one.logits(x), other.logits(x))
    steps = [stepped(learner, 0) for learner in (one, other)]
    for step in steps:
        step(x, Y)
    assert all(torch.equal(tensor, other.state()[name]) for name, tensor in one.state().items())
    assert one.state()["posterior.sums"].dtype == torch.float64


def names_of(pattern: str, own: str, mapped: tuple[str, ...], shared: tuple[str, ...]) -> set[str]:
    found = {f"{own}head.{layer}.{name}" for layer in range(2) for name in ("weight", "bias")}
    for layer, letter in enumerate(pattern):
        if letter == SHARED:
            found |= {f"shared.{layer}.{name}" for name in shared}
            found |= {f"{own}map.{layer}.{name}" for name in mapped}
        else:
            found |= {f"{own}own.{layer}.{name}" for name in ("weight", "bias")}
    return found


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    ("method", "shared", "mapped"),
    [
        ("lasem_hps", ("weight", "bias"), ()),
        ("lasem_tf", ("core",), ("rows", "columns", "inputs", "outputs", "bias")),
        ("lasem_dfcnn", ("base",), ("filter", "filter_bias", "mixing", "bias")),
    ],
)
def test_a_task_leaves_what_its_pattern_uses_and_nothing_else(method, pattern, shared, mapped):
    model, learner = new_model(method), expecting(method)
    stepped(learner)
    x = images()
    before = plain(learner, pattern, x)
    assert add(model, learner, pattern) == names_of(pattern, "t001.", mapped, shared)
    assert model.cards[0].pattern == pattern
    with torch.no_grad():
        assert torch.equal(model.view(1)(x), before)


@pytest.mark.parametrize("method", METHODS)
def test_layers_that_a_task_does_without_are_rolled_back(method):
    model = new_model(method)
    first = expecting(method, model)
    stepped(first)
    add(model, first, "S-")
    before, x = dict(model.tensors), images()
    with torch.no_grad():
        said = model.view(1)(x)
    second = expecting(method, model)
    assert torch.equal(
        next(iter(inside(second.tensors, "shared.0").values())),
        next(iter(inside(model.tensors, "shared.0").values())),
    )
    stepped(second, 5, rate=0.05, seed=2)
    with torch.no_grad():  # while the second learns, the first is measured on what it moves
        live = second.older(1)
        assert live is not None and not torch.equal(live(x), said)
    add(model, second, "-S")  # the one layer that they share is none
    with torch.no_grad():
        assert torch.equal(model.view(1)(x), said)
    assert all(torch.equal(tensor, model.tensors[name]) for name, tensor in before.items())
    third = expecting(method, model)
    stepped(third, 5, rate=0.05, seed=3)
    add(model, third, "S-")
    with torch.no_grad():
        assert not torch.equal(model.view(1)(x), said)


def test_a_layer_that_no_task_shared_yet_is_drawn_anew_by_each():
    model = new_model("lasem_hps")
    first = expecting(model=model)
    add(model, first, "--")
    assert not inside(model.tensors, "shared.0")
    second = expecting(model=model)
    assert not torch.equal(first.tensors["shared.0.weight"], second.tensors["shared.0.weight"])


def test_configurations_begin_with_equal_chances_on_the_first_task():
    """Both kinds of layers begin alike under hard sharing, so that nothing tells them apart."""
    learner = expecting()
    stepped(learner, 1)
    assert all(value == pytest.approx(0.25, abs=0.01) for value in learner.patterns().values())
    assert math.isclose(sum(learner.patterns().values()), 1)


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (
            {"groups": [2], "lasem": {"fixed_posterior": {"pattern": "S-"}}},
            "config key layers.lasem.fixed_posterior.pattern: 'S-' divides a group of "
            r"layers.groups \[2\] \(lasem_hps\)",
        ),
        (
            {"lasem": {"fixed_posterior": {"pattern": "SSS"}}},
            "config key layers.lasem.fixed_posterior.pattern: 'SSS' has 3 letters",
        ),
    ],
)
def test_a_fixed_pattern_must_be_one_that_is_searched(layers, says):
    with pytest.raises(ConfigError, match=says):
        check(toy_layers_config(["lasem_hps"], layers=layers))
