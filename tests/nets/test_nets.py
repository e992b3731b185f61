"""Networks count what the papers count, and grow to the top left."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lifelong.masks.layers import dense, shareable
from lifelong.nets import TOP_LEFT, build, copy_into, scaled
from lifelong.nets.build import check_image_size, memory_format, placed, standardised
from lifelong.nets.inception_resnet import Concat, InceptionBlock, Norm, segments
from lifelong.nets.spherenet import ResidualUnit
from lifelong.plan.errors import ConfigError
from lifelong.plan.networks import NETWORKS, Architecture


@pytest.mark.parametrize(
    ("width", "weights"), [(1.0, 33_584_832), (1.5, 50_350_644), (2.0, 67_152_663)]
)
def test_vgg16_has_the_published_number_of_weights(width, weights):
    with torch.device("meta"):
        network = build(Architecture("vgg16_bn", 3, 5, width=width))
    assert sum(layer.weight.numel() for layer in shareable(network).values()) == weights


def test_lenet_has_the_published_weights_and_no_others():
    network = build(Architecture("lenet", 3, 5, image_size=32))
    sizes = [layer.weight.numel() for layer in shareable(network).values()]
    assert sizes == [1_500, 25_000, 2_560_000, 400_000] and sum(sizes) == 2_986_500
    assert {name: tuple(tensor.shape) for name, tensor in dense(network).items()} == {
        "head.weight": (5, 500)
    }
    x = torch.zeros(2, 3, 32, 32)
    assert network.body.features(x).shape == (2, 50, 8, 8) and network(x).shape == (2, 5)


def test_vgg16_at_width_1_has_the_published_norms_biases_and_head():
    with torch.device("meta"):
        network = build(Architecture("vgg16_bn", 3, 5))
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


BODIES = [name for name, row in NETWORKS.items() if row.builder and row.grows]


@pytest.mark.parametrize("name", BODIES)
def test_the_same_seed_gives_the_same_network_and_leaves_torch_alone(name):
    torch.manual_seed(7)
    before = torch.rand(1)
    torch.manual_seed(7)
    one, two = (build(Architecture(name, 3, 4, channels=0.1), 5).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(1), before)
    assert all(torch.equal(one[key], two[key]) for key in one)
    other = build(Architecture(name, 3, 4, channels=0.1), 6).state_dict()
    *_, last = (key for key in one if key.startswith("head.") and key.endswith("weight"))
    assert not torch.equal(one[last], other[last])


def test_spherenet20_has_the_published_weights_biases_slopes_and_features():
    with torch.device("meta"):
        network = build(Architecture("spherenet20", 3, 8))
    assert sum(layer.weight.numel() for layer in shareable(network).values()) == 11_650_752
    slopes = [m for m in network.modules() if isinstance(m, nn.PReLU)]
    assert sum(slope.weight.numel() for slope in slopes) == 4_672
    biases = [layer.bias.numel() for layer in shareable(network).values()]
    assert sum(biases) == 4_672 and len(biases) == 19 + 1  # the 20th layer: 4 + 2 (1 + 2 + 4 + 1)
    assert network.head.weight.shape == (8, 512 * 7 * 7)


def test_inception_resnet_v1_has_the_published_weights_norms_and_biases():
    with torch.device("meta"):
        network = build(Architecture("inception_resnet_v1", 3, 8))
    layers = shareable(network).values()
    assert sum(layer.weight.numel() for layer in layers) == 23_432_032
    assert sum(layer.bias.numel() for layer in layers if layer.bias is not None) == 20_992
    own = dense(network)
    norms = [t.numel() for name, t in own.items() if name.endswith("running_var")]
    assert sum(norms) == 14_800
    # shift, mean and variance of the norms, biases of the residual blocks, and the head
    assert sum(t.numel() for t in own.values()) == 3 * 14_800 + 20_992 + 513 * 8
    assert network.head.weight.shape == (8, 512)


@pytest.mark.parametrize("width", [1.0, 1.2, 2.7])
def test_runs_of_channels_add_up_to_the_layers_of_inception_resnet(width):
    runs = segments(0.1, width)
    with torch.device("meta"):
        layers = shareable(build(Architecture("inception_resnet_v1", 3, 8, 0.1, width)))
    found = {name: layer for name, layer in layers.items() if name in runs}
    assert len(found) == 5 + 3 * 10 + 3 * 6 + 3 + 1
    for name, layer in found.items():
        assert tuple(map(sum, runs[name])) == layer.weight.shape[:2], name


@pytest.mark.parametrize(("side", "last"), [(75, 1), (96, 1), (112, 2), (139, 3), (182, 4)])
def test_larger_faces_leave_inception_resnet_larger_maps(side, last):
    network = build(Architecture("inception_resnet_v1_reduced", 1, 2, channels=0.02)).eval()
    shapes = []
    network.body.reduction_b.register_forward_hook(lambda m, i, out: shapes.append(out.shape))
    with torch.no_grad():
        network(torch.zeros(1, 1, side, side))
    assert shapes[0][2:] == (last, last)


def test_maps_of_inception_resnet_have_the_published_sizes():
    network = build(Architecture("inception_resnet_v1_reduced", 3, 2, channels=0.05)).eval()
    shapes = {}
    for name in ("stem", "reduction_a", "reduction_b"):
        part = getattr(network.body, name)
        part.register_forward_hook(lambda m, i, out, name=name: shapes.update({name: out.shape}))
    with torch.no_grad():
        network(torch.zeros(1, 3, 160, 160))
    assert [shape[2:] for shape in shapes.values()] == [(17, 17), (8, 8), (3, 3)]


def test_a_norm_without_scale_is_batch_norm_with_scale_1():
    ours, theirs = Norm(3), nn.BatchNorm2d(3, eps=1e-3, momentum=0.005)
    with torch.no_grad():
        ours.bias.copy_(torch.tensor([1.0, -2.0, 0.5]))
        theirs.bias.copy_(ours.bias)
    x = torch.randn(4, 3, 2, 2)
    for training in (True, False):
        for norm in (ours.train(training), theirs.train(training)):
            norm.zero_grad()
            norm(x).square().sum().backward()
        assert torch.allclose(ours(x), theirs(x)) and torch.equal(ours.bias.grad, theirs.bias.grad)
    assert torch.equal(ours.running_var, theirs.running_var)


def test_a_residual_block_by_hand():
    block = InceptionBlock(Concat(nn.Identity(), nn.Identity()), 2, 1, scale=0.5)
    with torch.no_grad():
        block.up.weight.copy_(torch.tensor([3.0, -1.0]).view(1, 2, 1, 1))
        block.up.bias.fill_(-8.0)
    # x = 4: 4 + (12 - 4 - 8) / 2 = 4; x = 1: 1 + (3 - 1 - 8) / 2 = -2, which ReLU stops
    x = torch.tensor([4.0, 1.0]).view(2, 1, 1, 1)
    assert block(x).flatten().tolist() == [4.0, 0.0]
    block.relu = False
    assert block(x).flatten().tolist() == [4.0, -2.0]


def test_a_unit_of_spherenet_by_hand():
    unit = ResidualUnit(1)
    with torch.no_grad():
        for part, bias in ((unit.first, -2.0), (unit.second, 0.5)):
            part[0].weight.zero_()
            part[0].weight[0, 0, 1, 1] = 2.0
            part[0].bias.fill_(bias)
    # x = 0.5: 2 x - 2 = -1, a quarter is -0.25; 2 (-0.25) + 0.5 = 0; 0.5 + 0
    # x = 3: 4; 8.5; 3 + 8.5
    found = unit(torch.tensor([[[[0.5]], [[3.0]]]]).view(2, 1, 1, 1)).flatten()
    assert found.tolist() == [0.5, 11.5]


@pytest.mark.parametrize("side", [8, 33, 112])
def test_spherenet_knows_how_large_its_maps_are(side):
    network = build(Architecture("spherenet20", 1, 3, channels=0.02, image_size=side))
    assert network(torch.zeros(2, 1, side, side)).shape == (2, 3)


def test_an_angular_head_gives_cosines_and_while_training_norms_too():
    network = build(Architecture("spherenet20", 3, 4, channels=0.1, image_size=16, head="angular"))
    x = torch.randn(5, 3, 16, 16)
    with torch.no_grad():
        network.eval().head[1].weight *= 3.0  # only directions count
        found, embedding = network(x), network.embedding(x)
        directions = torch.nn.functional.normalize(network.head[1].weight)
        assert embedding.shape == (5, 51)
        assert torch.allclose(found, embedding @ directions.T, atol=1e-6)
        training = network.train()(x)
    assert torch.equal(training[0], found)
    assert torch.allclose(training[1], embedding.norm(dim=1, keepdim=True).expand(5, 4))


def test_the_embedding_of_a_linear_head_is_the_bodys_output():
    network = build(Architecture("small_cnn", 1, 2)).eval()
    x = torch.randn(3, 1, 8, 8)
    assert network.embedding(x).shape == (3, 128)
    assert torch.equal(network.head(network.embedding(x)), network(x))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_cropped_network_sees_the_centre_of_larger_images(channels):
    network = placed(
        build(Architecture("spherenet20", channels, 4, 0.1, image_size=21, crop=16)), "cpu"
    ).eval()
    images = torch.randn(2, channels, 21, 21)
    centre = images[:, :, 2:18, 2:18]
    with torch.no_grad():
        assert torch.equal(network(images), network(centre))
        assert torch.equal(network.embedding(images), network.embedding(centre.contiguous()))
        assert not torch.allclose(network(images), network(images[:, :, :16, :16]))


def test_an_unknown_head_is_refused():
    with pytest.raises(ConfigError, match="choose linear or angular"):
        build(Architecture("small_cnn", 1, 2, head="round"))


@pytest.mark.parametrize(
    ("name", "size"),
    [("vgg16_bn", 32), ("small_cnn", 8), ("spherenet20", 20), ("inception_resnet_v1", 75)],
)
def test_logits_have_one_column_a_class(name, size):
    network = build(Architecture(name, 3, 7, channels=0.1, image_size=size))
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 7)


def test_only_the_body_is_shared():
    network = build(Architecture("small_cnn", 1, 2))
    assert not any("head" in name for name in shareable(network))
    counted = sum(layer.weight.numel() for layer in shareable(network).values())
    own = sum(t.numel() for t in dense(network).values() if isinstance(t, nn.Parameter))
    assert counted + own == sum(p.numel() for p in network.parameters())


def test_a_small_tensor_goes_to_the_top_left():
    target = torch.zeros(3, 3)
    source = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    copy_into(target, source, TOP_LEFT.block("any", source.shape))
    assert target.tolist() == [[1, 2, 0], [3, 4, 0], [0, 0, 0]]


def test_each_image_is_standardised_by_itself():
    x = torch.tensor([[[[1.0, 3.0]], [[5.0, 7.0]]], [[[2.0, 2.0]], [[2.0, 2.0]]]])
    root = 5**0.5  # the mean of the first is 4, its deviation the root of 5; the second is plain
    wanted = [[[[-3 / root, -1 / root]], [[1 / root, 3 / root]]], [[[0, 0]], [[0, 0]]]]
    assert torch.allclose(standardised(x), torch.tensor(wanted))
    network = build(Architecture("small_cnn", 1, 2, standardise=True)).eval()
    images = torch.rand(3, 1, 8, 8)
    assert torch.allclose(network(images), network(images * 0.5 + 0.2), atol=1e-4)


def test_wide_networks_keep_the_usual_memory_form_on_cpus():
    form = {
        key: memory_format(build(Architecture("vgg16_bn", channels, 2, factor)), "cpu")
        for key, channels, factor in (("narrow", 3, 0.1), ("grey", 1, 0.1), ("wide", 3, 0.6))
    }
    assert form["narrow"] == form["grey"] == torch.channels_last
    assert form["wide"] == torch.contiguous_format


def test_grey_images_reach_the_layers_channels_last():
    network = placed(build(Architecture("small_cnn", 1, 2)), "cpu")
    seen = []
    for module in network.body.features:
        module.register_forward_hook(lambda _module, _inputs, out: seen.append(out))
    x = torch.rand(4, 1, 8, 8)
    plain = build(Architecture("small_cnn", 1, 2))(x)
    assert torch.allclose(network(x), plain, atol=1e-5)
    assert all(out.is_contiguous(memory_format=torch.channels_last) for out in seen)
    assert not seen[0].is_contiguous()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("vgg16_bn", 16),
        ("vgg16_bn", 64),
        ("small_cnn", 3),
        ("spherenet20", 7),
        ("spherenet20", 225),
        ("inception_resnet_v1", 74),
    ],
)
def test_images_that_do_not_fit_are_refused(name, size):
    with pytest.raises(ConfigError, match=r"network\.name"):
        check_image_size(name, size)


def test_spare_outputs_are_seen_only_while_training():
    network = build(Architecture("lenet", 3, 5, image_size=16, head_outputs=100))
    x = torch.randn(2, 3, 16, 16)
    logits = network(x)
    assert logits.shape == (2, 100)
    assert torch.equal(network.eval()(x), logits[:, :5])
    with pytest.raises(ConfigError, match="head_outputs: 4 outputs for 5 classes"):
        build(Architecture("lenet", 3, 5, head_outputs=4))
    with pytest.raises(ConfigError, match="a loss with a margin"):
        build(Architecture("small_cnn", 1, 2, head="angular", head_outputs=9))
