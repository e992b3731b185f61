"""What a task does to pixels is inside its ONNX file; what cannot be is refused before writing."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn
from toy import card_of

from lifelong.data.images import Framing, seen
from lifelong.masks.model import fresh_network
from lifelong.plan.errors import UserError
from lifelong.use import export
from lifelong.use.finished import shown
from lifelong.use.onnx_file import onnx_bytes
from lifelong.use.pixels import FromPixels

GREY = replace(card_of(1), crop=6)
SCRAMBLED = replace(
    card_of(1),
    in_channels=3,
    mean=(0.4, 0.5, 0.6),
    std=(0.2, 0.3, 0.25),
    channel_order=(1, 2, 0),
    pixel_order="published",
)


class Odd(nn.Module):
    """Something that ONNX has no operation for."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigvalsh(x[:, 0])


class Empty(nn.Module):
    """A network that diverged."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) * float("nan")


@pytest.mark.parametrize(
    "card",
    [GREY, SCRAMBLED, replace(GREY, standardise=True)],
    ids=["grey, cropped", "scrambled", "standardised"],
)
def test_pixels_are_changed_as_the_task_changes_them(card):
    network = fresh_network(card, seed=0).eval()
    session = onnxruntime.InferenceSession(onnx_bytes(card, network, {"task": "t"}))
    colours = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    planes = [seen(Image.fromarray(one), Framing(8, card.in_channels), "it") for one in colours]
    pixels = torch.from_numpy(shown(card, np.stack(planes))).float() / 255
    mean, std = (torch.tensor(one).view(-1, 1, 1) for one in (card.mean, card.std))
    with torch.inference_mode():
        wanted = network((pixels - mean) / std).numpy()
    (found,) = session.run(None, {"images": colours})
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert np.abs(found - found[0]).max() > 1e-4


@pytest.mark.parametrize("size", [(8, 8), (23, 31), (40, 17), (5, 9)])
def test_a_picture_is_cut_from_its_middle_as_packs_have_it(size):
    card = replace(SCRAMBLED, pixel_order="", framing={"resize": "short_side"})
    network = fresh_network(card, seed=0).eval()
    session = onnxruntime.InferenceSession(onnx_bytes(card, network, {"task": "t"}))
    coarse = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    framing = Framing(8, 3, "short_side")
    planes = [seen(Image.fromarray(one), framing, "it") for one in coarse]
    wanted = FromPixels(card, network)(torch.from_numpy(np.stack(planes))).detach().numpy()
    (found,) = session.run(None, {"images": coarse})
    np.testing.assert_allclose(found, wanted, rtol=0, atol=5e-3)  # a grey level here and there


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (Odd(), "cannot become ONNX of opset 18, use --to packed"),
        (Empty(), "onnxruntime and torch differ by nan"),
    ],
)
def test_what_onnx_cannot_compute_is_refused_before_writing(network, says, tmp_path):
    with pytest.raises(UserError, match=f"task task1.*{says}|{says}.* about task task1"):
        export._onnx(tmp_path / "t.onnx", GREY, network)
    assert not list(tmp_path.iterdir())


def test_a_network_without_a_state_has_no_safetensors(tmp_path):
    with pytest.raises(UserError, match="task task1 keeps its weights where no state dict has"):
        export._safetensors(tmp_path / "t.safetensors", GREY, Odd())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [export._onnx, export._program])
def test_noise_is_drawn_from_the_picture_and_cannot_leave(write, tmp_path):
    card = replace(GREY, noise={"mean": 0.0, "std": 0.1, "seed": 0})
    with pytest.raises(UserError, match="task task1 puts noise on every picture"):
        write(tmp_path / "t", card, fresh_network(card, seed=0))
    assert not list(tmp_path.iterdir())
