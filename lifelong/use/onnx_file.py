"""One task as an ONNX graph, from the pixels of a picture of any size to logits.

The picture becomes grey and is resized as Pillow does it, so that what follows sees the same image
as in training: onnxruntime's bicubic Resize of uint8 is Pillow's, but that it rounds one pixel in
some thousands to the next grey level.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from lifelong.plan.card import Card
from lifelong.plan.errors import UserError
from lifelong.use.pixels import FromPixels

OPSET = 18  # the first whose Resize filters before it shrinks; onnxruntime-web reads it
TOLERANCE = 1e-4  # of logits, between onnxruntime and torch
_IR_VERSION = 9
_GREY = ((19595, 38470, 7471), 1 << 15, 1 << 16)  # Pillow's weights of R, G, B: they sum to 2^16
_PROVIDERS = ["CPUExecutionProvider"]
_CHECKED = 4  # images


def onnx_bytes(card: Card, network: Any, facts: Mapping[str, str]) -> bytes:
    """The file of a task: `images` uint8 (N, height, width, 3) RGB to `logits` (N, classes).

    Raises UserError where a package is missing, where ONNX lacks an operation of the network, or
    where onnxruntime computes something else than torch.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ImportError as error:
        raise UserError(f"{error.name} is missing: pip install 'lifelong[export]'") from error
    module = FromPixels(card, network)
    model = _traced(card, module)
    graph = model.graph
    first = graph.input[0].name
    nodes, constants = _pixels_of_a_picture(card, first)
    graph.initializer.extend(constants)
    for node in reversed(nodes):
        graph.node.insert(0, node)
    del graph.input[:], graph.value_info[:]
    shape: list[str | int | None] = ["batch", "height", "width", 3]
    graph.input.append(onnx.helper.make_tensor_value_info("images", onnx.TensorProto.UINT8, shape))
    onnx.helper.set_model_props(model, dict(facts))
    model.ir_version, model.producer_name = _IR_VERSION, "lifelong"
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    _compare(card, module, onnxruntime.InferenceSession(content, providers=_PROVIDERS))
    return content


def _traced(card: Card, module: FromPixels) -> Any:
    """What torch makes of the network, from `pixels` (N, C, S, S)."""
    images = _images(card)
    try:
        program = torch.onnx.export(
            module,
            (torch.from_numpy(images),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    except Exception as error:  # the exporter has many, and wraps others'
        said = str(error).strip().splitlines()
        raise UserError(
            f"the network of task {card.task} cannot become ONNX of opset {OPSET}, use --to packed "
            f"({type(error).__name__}: {said[0] if said else 'no reason given'})"
        ) from error
    assert program is not None
    return program.model_proto


def _pixels_of_a_picture(card: Card, output: str) -> tuple[list[Any], list[Any]]:
    """Nodes from `images` to uint8 (N, C, S, S) called `output`, and their constants.

    Their names begin with `picture_`, which no name of torch's does.
    """
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node
    constants: dict[str, np.ndarray] = {"picture_side": np.full(2, card.image_size, np.int64)}
    nodes = [node("Transpose", ["images"], ["picture_planes"], perm=[0, 3, 1, 2])]
    resized = "picture_planes"
    if card.in_channels == 1:
        weights, half, whole = _GREY
        constants |= {
            "picture_grey_weights": np.array(weights, np.int32).reshape(1, 3, 1, 1),
            "picture_grey_half": np.array(half, np.int32),
            "picture_grey_whole": np.array(whole, np.int32),
            "picture_grey_axes": np.array([1], np.int64),
        }
        nodes += [
            node("Cast", ["picture_planes"], ["picture_numbers"], to=TensorProto.INT32),
            node("Mul", ["picture_numbers", "picture_grey_weights"], ["picture_weighted"]),
            node(
                "ReduceSum",
                ["picture_weighted", "picture_grey_axes"],
                ["picture_summed"],
                keepdims=1,
            ),
            node("Add", ["picture_summed", "picture_grey_half"], ["picture_rounding"]),
            node("Div", ["picture_rounding", "picture_grey_whole"], ["picture_quotient"]),
            node("Cast", ["picture_quotient"], ["picture_grey"], to=TensorProto.UINT8),
        ]
        resized = "picture_grey"
    short_side = (card.framing or {}).get("resize") == "short_side"
    size, fitted = ("picture_target", "picture_fitted") if short_side else ("picture_side", output)
    if short_side:
        nodes += _short_side(resized, constants)
    # All four sizes: onnxruntime's optimiser is wrong about a Resize of some axes that a Transpose
    # follows.
    nodes += [
        node("Shape", [resized], ["picture_outer"], start=0, end=2),
        node("Concat", ["picture_outer", size], ["picture_sizes"], axis=0),
    ]
    how: dict[str, Any] = {"mode": "cubic", "cubic_coeff_a": -0.5, "antialias": 1}
    how |= {"coordinate_transformation_mode": "half_pixel", "exclude_outside": 1}
    nodes.append(node("Resize", [resized, "", "", "picture_sizes"], [fitted], **how))
    if short_side:
        nodes += _centre(fitted, output, constants)
    return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]


def _short_side(pixels: str, constants: dict[str, np.ndarray]) -> list[Any]:
    """Nodes to `picture_target`, the height and width whose shorter one is the task's side."""
    from onnx import TensorProto, helper

    node = helper.make_node
    constants["picture_all"] = np.array([0], np.int64)
    return [
        node("Shape", [pixels], ["picture_shape"], start=2, end=4),
        node("Cast", ["picture_shape"], ["picture_lengths"], to=TensorProto.DOUBLE),
        node("ReduceMin", ["picture_lengths", "picture_all"], ["picture_short"], keepdims=1),
        node("Cast", ["picture_side"], ["picture_side_double"], to=TensorProto.DOUBLE),
        node("Mul", ["picture_lengths", "picture_side_double"], ["picture_scaled"]),
        node("Div", ["picture_scaled", "picture_short"], ["picture_exact"]),
        node("Round", ["picture_exact"], ["picture_rounded"]),
        node("Cast", ["picture_rounded"], ["picture_target"], to=TensorProto.INT64),
    ]


def _centre(pixels: str, output: str, constants: dict[str, np.ndarray]) -> list[Any]:
    """Nodes that cut the task's square from the middle."""
    from onnx import helper

    node = helper.make_node
    constants["picture_two"] = np.array([2], np.int64)
    constants["picture_inner"] = np.array([2, 3], np.int64)
    return [
        node("Sub", ["picture_target", "picture_side"], ["picture_spare"]),
        node("Div", ["picture_spare", "picture_two"], ["picture_start"]),
        node("Add", ["picture_start", "picture_side"], ["picture_end"]),
        node("Slice", [pixels, "picture_start", "picture_end", "picture_inner"], [output]),
    ]


@torch.inference_mode()
def _compare(card: Card, module: FromPixels, session: Any) -> None:
    """Raise UserError where the two disagree about made images of the task's size."""
    images = _images(card)
    wanted = module(torch.from_numpy(images)).numpy()
    pictures = np.broadcast_to(images, (len(images), 3, *images.shape[2:])).transpose(0, 2, 3, 1)
    (logits,) = session.run(["logits"], {"images": np.ascontiguousarray(pictures)})
    far = float(np.abs(logits - wanted).max())
    if not far <= TOLERANCE:  # nor NaN
        raise UserError(
            f"onnxruntime and torch differ by {far:.2g} about task {card.task}: use --to packed"
        )


def _images(card: Card) -> np.ndarray:
    """Noise that is smooth enough to look like something, uint8 (N, C, S, S)."""
    side, channels = card.image_size, card.in_channels
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (_CHECKED, channels, -(-side // 4), -(-side // 4)), np.uint8)
    return np.ascontiguousarray(coarse.repeat(4, 2).repeat(4, 3)[:, :, :side, :side])
