"""Networks for photographs: names of published weights, and what these were made for."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
import torchvision
from PIL import Image

from lifelong.masks.layers import shareable
from lifelong.nets import build
from lifelong.nets.build import placed
from lifelong.nets.efficientnet_lite import SameConv2d
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError, DataError
from lifelong.plan.grounds import WEIGHTS
from lifelong.plan.networks import NETWORKS, Architecture
from lifelong.plan.settings import settings
from lifelong.plan.specs import Grounding
from lifelong.work.pretrained import ground_part, state_of

COFFEE = 967  # ImageNet's class espresso


def grounding(pretrained: str, network: str) -> Grounding:
    return Grounding(
        revision=[1],
        kind="ground",
        experiment="toy",
        pretrained=pretrained,
        network={"name": network, "channels": 1.0},
        in_channels=3,
        files={},
        made_for={"side": 224},
    )


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_resnets_are_torchvisions(name):
    ours, theirs = build(Architecture(name, 3, 5)), torchvision.models.get_model(name)
    state = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    assert list(ours.body.state_dict()) == list(state)
    ours.body.load_state_dict(state)
    theirs.fc = torch.nn.Identity()
    x = torch.randn(2, 3, 40, 40)
    with torch.no_grad():
        assert torch.equal(ours.body.eval()(x), theirs.eval()(x))


def test_lite0_recognises_a_cup_of_coffee():
    """Names, padding, norms, and the published mean and std: all of them have to be right."""
    state, weights = (
        state_of("efficientnet_lite0", "efficientnet_lite0"),
        WEIGHTS["efficientnet_lite0"],
    )
    network = build(Architecture("efficientnet_lite0", 3, 1000))
    head = {key.removeprefix("_fc."): state.pop(key) for key in ("_fc.weight", "_fc.bias")}
    network.body.load_state_dict(state)
    network.head.load_state_dict(head)
    photo = Image.fromarray(skimage.data.coffee()).crop((100, 0, 500, 400)).resize((224, 224))
    pixels = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None] / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (weights.mean, weights.std))
    with torch.no_grad():
        shares = network.eval()((pixels - mean) / std)[0].softmax(0)
    assert int(shares.argmax()) == COFFEE and float(shares.max()) > 0.5


def test_lite0_becomes_task_0():
    part = ground_part(grounding("efficientnet_lite0", "efficientnet_lite0"))
    network = build(Architecture("efficientnet_lite0", 3, 2))
    assert list(part.values) == list(shareable(network))
    assert part.card.position == 0 and part.card.image_size == 224
    published = build(Architecture("efficientnet_lite0", 3, 1000))
    assert sum(tensor.numel() for tensor in published.parameters()) == 4_652_008
    assert not any(name.startswith("head.") for name in part.dense)


@pytest.mark.parametrize(
    ("side", "kernel", "before", "after"), [(8, 3, 0, 1), (9, 3, 1, 1), (8, 5, 1, 2), (7, 5, 2, 2)]
)
def test_an_odd_line_of_padding_comes_last(side, kernel, before, after):
    """A kernel that sees its first entry alone looks `before` lines outside of the image."""
    layer = SameConv2d(1, 1, kernel, stride=2)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, before, before] = 1.0
        image = torch.arange(side * side, dtype=torch.float32).view(1, 1, side, side)
        seen = layer(image)[0, 0]
        assert torch.equal(seen, image[0, 0, ::2, ::2]) and layer._around(side) == (before, after)


def test_depthwise_layers_lie_channels_last():
    network = placed(build(Architecture("efficientnet_lite0", 3, 2, channels=0.1)), "cpu")
    assert network.form is torch.channels_last


def test_small_images_are_enlarged_for_the_network():
    small = build(Architecture("efficientnet_lite0", 3, 2, channels=0.1, input_size=64)).eval()
    shapes = []
    small.body._conv_stem.register_forward_pre_hook(lambda m, given: shapes.append(given[0].shape))
    with torch.no_grad():
        small(torch.zeros(2, 3, 32, 32))
        small(torch.zeros(2, 3, 64, 64))
    assert shapes == [(2, 3, 64, 64)] * 2


def config(method: str, **changes) -> dict:
    return {
        "experiment": "toy",
        "methods": [method],
        "datasets": {"maps": {"source": "image_folder", "root": "raw", "image_size": 32}},
        "tasks": [{"name": "a", "classes": ["x", "y"]}],
        "network": {"name": "torchvision/mobilenet_v3_small"},
        **changes,
    }


def test_a_classifier_of_torchvision_keeps_its_names_but_its_classes(tmp_path: Path):
    theirs = torchvision.models.mobilenet_v3_small()
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    part = ground_part(grounding(str(tmp_path / "w.pth"), "torchvision/mobilenet_v3_small"))
    network = build(Architecture("torchvision/mobilenet_v3_small", 3, 2))
    assert network.head.in_features == 1024 and list(part.values) == list(shareable(network))
    assert not any(m.p for m in network.modules() if isinstance(m, torch.nn.Dropout))
    torch.save(torchvision.models.mobilenet_v3_large().state_dict(), tmp_path / "w.pth")
    with pytest.raises(DataError, match="does not fit torchvision/mobilenet_v3_small"):
        ground_part(grounding(str(tmp_path / "w.pth"), "torchvision/mobilenet_v3_small"))


def test_a_classifier_of_torchvision_does_not_grow():
    assert settings(check(config("cpg")), "cpg")["expand"]["cap"] == 1.0
    with pytest.raises(ConfigError, match="progressive_cpg widens its network with every task"):
        check(config("progressive_cpg"))
    narrow = {"name": "torchvision/mobilenet_v3_small", "channels": 0.5}
    with pytest.raises(ConfigError, match=r"has its own channels: set it to 1\.0"):
        check(config("cpg", network=narrow))
    grey = {"maps": {"source": "image_folder", "root": "raw", "image_size": 32, "channels": 1}}
    with pytest.raises(ConfigError, match="takes colour images"):
        check(config("cpg", datasets=grey))


@pytest.mark.parametrize("name", [name for name, row in NETWORKS.items() if not row.grows])
def test_every_classifier_of_torchvision_can_be_built(name):
    assert NETWORKS[name].options["name"] in torchvision.models.list_models(torchvision.models)
