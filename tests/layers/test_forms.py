"""Filters of shared layers: hand-made ones, published sizes, where they start."""

import math

import pytest
import torch
from toy_layers import layers_settings

from lifelong.layers.deconvolution import DECONVOLUTION, sizes_of
from lifelong.layers.forms import HARD, Form, LayerShape
from lifelong.layers.tensor_factors import FACTORS, TENSOR_FACTORS
from lifelong.nets.conv_stack import fans
from lifelong.plan.stacks import STACKS

FORMS = {"hps": HARD, "tf": TENSOR_FACTORS, "dfcnn": DECONVOLUTION}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shapes(network: str, channels: float = 1.0, entering: int = 3) -> list[LayerShape]:
    stack = STACKS[network].scaled(channels)
    sizes = zip(stack.kernels, stack.inputs(entering), stack.channels, strict=True)
    return [LayerShape(index, *size, network) for index, size in enumerate(sizes)]


def started(form: Form, shape: LayerShape, seed: int = 0) -> tuple[dict, dict]:
    draws, options = generator(seed), layers_settings()
    return form.start_shared(shape, draws, options), form.start_own(shape, draws, options)


def counts(form: Form, network: str) -> tuple[int, int]:
    """Numbers that all tasks share, and that each task adds to use them."""
    made = [started(form, shape) for shape in shapes(network)]
    shared, own = ([t for pair in made for t in pair[side].values()] for side in (0, 1))
    return sum(t.numel() for t in shared), sum(t.numel() for t in own)


def conv_and_head(network: str, side: int, classes: int) -> tuple[int, int]:
    conv = sum(math.prod(shape.filter) + shape.outputs for shape in shapes(network))
    return conv, sum(i * o + o for i, o in STACKS[network].dense(side, classes))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("network", STACKS)
def test_every_layer_of_every_network_gets_a_filter_of_its_shape(form, network):
    for shape in shapes(network, channels=0.25):
        weight, bias = form.filter(*started(form, shape))
        assert weight.shape == shape.filter and bias.shape == (shape.outputs,)
        assert weight.is_contiguous() and bool(weight.isfinite().all())


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("network", ["tiny_cnn2", "cifar_cnn4", "stl_cnn6"])
def test_a_filter_has_the_same_bits_whoever_needs_gradients(form, network):
    """What is learned is what is measured: torch itself multiplies in other ways for gradients."""
    for shape in shapes(network):
        shared, own = started(form, shape)
        plain = form.filter(shared, own)
        for learned in ((shared,), (own,), (shared, own)):
            for tensor in (tensor for tensors in learned for tensor in tensors.values()):
                tensor.requires_grad_()
            assert all(map(torch.equal, form.filter(shared, own), plain))
            for tensor in (*shared.values(), *own.values()):
                tensor.requires_grad_(False)


def test_a_core_is_the_filter_where_all_factors_are_identities():
    shape = LayerShape(1, 3, 4, 5)
    shared, own = started(TENSOR_FACTORS, shape)
    sizes = dict(zip(FACTORS, (3, 3, 4, 5), strict=True))
    own |= {name: torch.eye(size) for name, size in sizes.items()}
    weight, bias = TENSOR_FACTORS.filter(shared, own)
    assert torch.equal(weight, shared["core"]) and torch.equal(bias, own["bias"])


def test_factors_turn_every_dimension_of_the_core():
    shared, own = started(TENSOR_FACTORS, LayerShape(0, 5, 3, 7))
    tensors = [shared["core"], *(own[name] for name in FACTORS)]
    expected = torch.einsum("oiab,aA,bB,iI,oO->OIAB", *tensors)
    torch.testing.assert_close(TENSOR_FACTORS.filter(shared, own)[0], expected)


def test_orthogonal_factors_cost_nothing_and_others_their_distance():
    _, own = started(TENSOR_FACTORS, LayerShape(0, 3, 4, 9))
    own |= {name: torch.eye(len(own[name])).requires_grad_() for name in FACTORS}
    free = TENSOR_FACTORS.penalty({}, own, layers_settings())
    assert free == 0
    slopes = torch.autograd.grad(free, [own[name] for name in FACTORS])
    assert all(bool((slope == 0).all()) for slope in slopes)  # and no nan from a root at zero
    own["outputs"] = 2 * torch.eye(9)  # 4 - 1 on nine places
    cost = TENSOR_FACTORS.penalty({}, own, layers_settings(tf={"orthogonality": 0.5}))
    assert float(cost.detach()) == pytest.approx(0.5 * 3 * 3)
    assert TENSOR_FACTORS.penalty({}, own, layers_settings(tf={"orthogonality": 0})) is None


@pytest.mark.parametrize(("kernel", "network"), [(3, "cifar_cnn4"), (5, ""), (7, ""), (11, "")])
def test_a_base_is_deconvolved_and_mixed(kernel, network):
    shape = LayerShape(0, kernel, 3, 4, network)
    shared, own = started(DECONVOLUTION, shape)
    base, size = shared["base"][0], sizes_of(shape)
    side, reach = (kernel + 1) // 2, (size.field - 1) // 2
    assert base.shape == (size.channels, side, side)
    maps = own["filter_bias"].view(-1, 1, 1).repeat(1, kernel, kernel)
    for y in range(side):
        for x in range(side):
            for dy in range(size.field):
                for dx in range(size.field):
                    row, column = 2 * y + dy - reach, 2 * x + dx - reach
                    if 0 <= row < kernel and 0 <= column < kernel:
                        maps[:, row, column] += base[:, y, x] @ own["filter"][:, :, dy, dx]
    expected = torch.einsum("tpq,oit->oipq", maps, own["mixing"])
    torch.testing.assert_close(DECONVOLUTION.filter(shared, own)[0], expected)


@pytest.mark.parametrize(
    ("network", "side", "classes", "tasks", "conv", "head", "stl", "hps"),
    [
        ("cifar_cnn4", 32, 10, 10, 65_568, 262_858, 3_284_260, 2_694_148),
        ("office_cnn4", 128, 13, 10, 1_613_312, 1_066_125, 26_794_370, 12_274_562),
        ("stl_cnn6", 96, 3, 20, 287_008, 264_387, 11_027_900, 5_574_748),
    ],
)
def test_networks_have_the_published_size(network, side, classes, tasks, conv, head, stl, hps):
    assert conv_and_head(network, side, classes) == (conv, head)
    assert tasks * (conv + head) == stl
    shared, own = counts(HARD, network)
    assert (shared, own) == (conv, 0) and shared + tasks * head == hps


@pytest.mark.parametrize(
    ("network", "shared", "own"),
    [
        ("cifar_cnn4", 65_376, 16_657),
        ("office_cnn4", 1_612_480, 337_041),
        ("stl_cnn6", 286_560, 70_197),
    ],
)
def test_tensor_factors_have_the_published_size(network, shared, own):
    assert counts(TENSOR_FACTORS, network) == (shared, own)


@pytest.mark.parametrize(
    ("network", "side", "classes", "tasks", "shared", "own", "total"),
    [
        ("cifar_cnn4", 32, 10, 10, 432, 533_424, 7_963_252),
        ("office_cnn4", 128, 13, 10, 1_952, 19_116_400, 201_827_202),
        ("stl_cnn6", 96, 3, 20, 1_104, 5_083_528, 106_959_404),
    ],
)
def test_a_tiny_base_and_a_large_mapping(network, side, classes, tasks, shared, own, total):
    assert counts(DECONVOLUTION, network) == (shared, own)
    head = conv_and_head(network, side, classes)[1]
    assert shared + tasks * (own + head) == total


def test_sizes_follow_scaled_channels_and_a_rule_where_none_are_published():
    half = [sizes_of(shape) for shape in shapes("cifar_cnn4", channels=0.5)]
    assert [size.channels for size in half] == [8, 12, 16, 18]
    assert [size.between for size in half] == [12, 24, 32, 36]
    tiny = [sizes_of(shape) for shape in shapes("tiny_cnn2")]
    assert [(size.side, size.channels, size.field, size.between) for size in tiny] == [
        (2, 4, 3, 8),
        (2, 4, 3, 8),
    ]
    first = sizes_of(shapes("office_cnn6")[0])
    assert (first.side, first.field) == (6, 5)


def test_squares_are_penalised_only_where_asked():
    shared, own = started(DECONVOLUTION, shapes("tiny_cnn2")[0])
    assert DECONVOLUTION.penalty(shared, own, layers_settings()) is None
    options = layers_settings(dfcnn={"l2_shared": 2.0, "l2_own": 0.5})
    names = ("filter", "filter_bias", "mixing")  # not the convolution's own bias
    expected = shared["base"].square().sum() + 0.25 * sum(own[n].square().sum() for n in names)
    assert DECONVOLUTION.penalty(shared, own, options) == pytest.approx(float(expected))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_own_layer_becomes_a_shared_one_that_gives_the_same_filter(form):
    for shape in shapes("cifar_cnn4", channels=0.5):
        weight, bias = torch.randn(shape.filter, generator=generator(3)), torch.ones(shape.outputs)
        shared, own = form.from_filter(shape, (weight, bias), generator(), layers_settings())
        found, found_bias = form.filter(shared, own)
        torch.testing.assert_close(found, weight, rtol=0, atol=2e-5)
        assert torch.equal(found_bias, bias)
        made = started(form, shape)
        assert [t.shape for t in shared.values()] == [t.shape for t in made[0].values()]
        assert {n: t.shape for n, t in own.items()} == {n: t.shape for n, t in made[1].items()}


def test_too_narrow_a_mapping_gives_the_closest_filter():
    shape = shapes("tiny_cnn2")[0]  # eight maps cannot span nine places
    weight = torch.randn(shape.filter, generator=generator(3))
    given = (weight, torch.zeros(8))
    shared, own = DECONVOLUTION.from_filter(shape, given, generator(), layers_settings())
    missed = (weight - DECONVOLUTION.filter(shared, own)[0]).square().sum()
    assert 0 < missed < weight.square().sum()
    nudge = torch.randn(own["mixing"].shape, generator=generator(4))
    for size in (1e-2, -1e-2):
        beside = own | {"mixing": own["mixing"] + size * nudge}
        assert (weight - DECONVOLUTION.filter(shared, beside)[0]).square().sum() > missed


def test_fans_are_those_of_tensorflow():
    assert fans((7,)) == (7, 7)
    assert fans((4, 6)) == (4, 6)
    assert fans((24, 3, 32)) == (3 * 24, 32 * 24)  # a mixing: the first dimension is the field
    assert fans((3, 3, 16, 32)) == (9 * 16, 9 * 32)
    assert fans((1, 2, 2, 16)) == (2 * 2, 16 * 2)  # a base
    assert fans((1, 1, 1, 24)) == (1, 24)


def test_tensors_start_within_their_limits_and_fill_them():
    shape = shapes("cifar_cnn4")[1]  # 32 to 32 channels, base of 24, 48 between
    shared, own = started(DECONVOLUTION, shape)
    limits = {
        "base": 6 / (4 + 48),
        "filter": 6 / (9 * 48 + 9 * 24),
        "filter_bias": 6 / (1 + 48),
        "mixing": 6 / (32 * 48 + 32 * 48),
        "bias": 6 / (32 + 32),
    }
    core, factors = started(TENSOR_FACTORS, shape)
    limits |= {"core": 6 / (9 * 32 + 9 * 32), "inputs": 6 / 64, "outputs": 6 / 64}
    made = {**core, **factors, **shared, **own}
    for name, squared in limits.items():
        largest = float(made[name].abs().max())
        assert 0.85 * math.sqrt(squared) < largest <= math.sqrt(squared), name
