"""Networks count what the papers count, and grow to the top left."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lifelong.masks.layers import dense, shareable
from lifelong.nets import NETWORKS, build, copy_top_left, scaled
from lifelong.nets.build import check_image_size, memory_format, placed
from lifelong.plan.errors import ConfigError


@pytest.mark.parametrize(
    ("width", "weights"), [(1.0, 33_584_832), (1.5, 50_350_644), (2.0, 67_152_663)]
)
def test_vgg16_has_the_published_number_of_weights(width, weights):
    with torch.device("meta"):
        network = build("vgg16_bn", 3, 5, width=width)
    assert sum(layer.weight.numel() for layer in shareable(network).values()) == weights


def test_vgg16_at_width_1_has_the_published_norms_biases_and_head():
    with torch.device("meta"):
        network = build("vgg16_bn", 3, 5)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert sum(norm.num_features for norm in norms) == 4_224
    own = dense(network)
    assert sum(t.numel() for n, t in own.items() if n.startswith("head.")) == 20_485
    biases = [t for n, t in own.items() if n.startswith("body.hidden") and n.endswith("bias")]
    assert sum(bias.numel() for bias in biases) == 8_192


@pytest.mark.parametrize(
    ("width", "channels"),
    [(1.5, [78, 156, 313, 627, 5016]), (2.0, [90, 181, 362, 724, 5792])],
)
def test_channels_at_the_published_widths(width, channels):
    assert [scaled(base, 1.0, width) for base in (64, 128, 256, 512, 4096)] == channels


@given(st.integers(1, 4096), st.floats(0.01, 2), st.floats(1, 4), st.floats(0, 2))
def test_a_wider_network_is_never_narrower(base, factor, width, more):
    assert 1 <= scaled(base, factor, width) <= scaled(base, factor, width + more)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_gives_the_same_network_and_leaves_torch_alone(name):
    torch.manual_seed(7)
    before = torch.rand(1)
    torch.manual_seed(7)
    one, two = (build(name, 3, 4, channels=0.1, seed=5).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(1), before)
    assert all(torch.equal(one[key], two[key]) for key in one)
    other = build(name, 3, 4, channels=0.1, seed=6).state_dict()
    assert not torch.equal(one["head.weight"], other["head.weight"])


@pytest.mark.parametrize(("name", "size"), [("vgg16_bn", 32), ("small_cnn", 8)])
def test_logits_have_one_column_a_class(name, size):
    network = build(name, 3, 7, channels=0.1)
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 7)


def test_only_the_body_is_shared():
    network = build("small_cnn", 1, 2)
    assert not any("head" in name for name in shareable(network))
    counted = sum(layer.weight.numel() for layer in shareable(network).values())
    own = sum(t.numel() for t in dense(network).values() if isinstance(t, nn.Parameter))
    assert counted + own == sum(p.numel() for p in network.parameters())


def test_a_small_tensor_goes_to_the_top_left():
    target = torch.zeros(3, 3)
    copy_top_left(target, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert target.tolist() == [[1, 2, 0], [3, 4, 0], [0, 0, 0]]


def test_wide_networks_keep_the_usual_memory_form_on_cpus():
    form = {
        key: memory_format(build("vgg16_bn", channels, 2, factor), "cpu")
        for key, channels, factor in (("narrow", 3, 0.1), ("grey", 1, 0.1), ("wide", 3, 0.6))
    }
    assert form["narrow"] == form["grey"] == torch.channels_last
    assert form["wide"] == torch.contiguous_format


def test_grey_images_reach_the_layers_channels_last():
    network = placed(build("small_cnn", 1, 2), "cpu")
    seen = []
    for module in network.body.features:
        module.register_forward_hook(lambda _module, _inputs, out: seen.append(out))
    x = torch.rand(4, 1, 8, 8)
    plain = build("small_cnn", 1, 2)(x)
    assert torch.allclose(network(x), plain, atol=1e-5)
    assert all(out.is_contiguous(memory_format=torch.channels_last) for out in seen)
    assert not seen[0].is_contiguous()


@pytest.mark.parametrize(("name", "size"), [("vgg16_bn", 16), ("vgg16_bn", 64), ("small_cnn", 3)])
def test_images_that_do_not_fit_are_refused(name, size):
    with pytest.raises(ConfigError, match=r"network\.name"):
        check_image_size(name, size)
