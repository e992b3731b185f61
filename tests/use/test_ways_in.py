"""What `infer` measured is what a user gets from the same files, by every way in."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

import lifelong
from lifelong import store
from lifelong.cli import main
from lifelong.records import tables
from lifelong.records.rows import read

MODELS = ("toy/scratch", "toy/cpg", "toy_layers/hps")
TASK = "colour"  # the newest, whose network sees the channels in another order


def pictures() -> list[Path]:
    """The task's test pictures, in the order in which its experiment packed them."""
    return sorted(Path("raw", TASK, "test").glob("*/*.png"))


def measured(run: str) -> torch.Tensor:
    """The logits that `infer` wrote of them."""
    written, _ = store.read_arrays(Path("results", run, "s0", f"02-{TASK}", "infer", "logits.h5"))
    return torch.from_numpy(written["002"])


def exported(run: str, form: str, folder: Path) -> Path:
    """The one file that `lifelong export` writes."""
    output = folder / "model.lifelong" if form == "packed" else folder
    one = [] if form == "packed" else ["--task", TASK]
    command = ["export", f"results/{run}/s0", "--to", form, "--output", str(output), *one]
    assert main(command) == 0
    (file,) = [output] if form == "packed" else folder.iterdir()
    return file


def logits(task) -> torch.Tensor:
    """By Python: what the network makes of what the transform makes of each picture."""
    with torch.inference_mode():
        return task.network(torch.stack([task.transform(path) for path in pictures()]))


def told(model: str | Path, capsys) -> list[list[float]]:
    """By the shell: the probabilities of each picture, in the order of the classes."""
    capsys.readouterr()
    files = list(map(str, pictures()))
    assert main(["predict", str(model), *files, "--tasks", TASK, "--json"]) == 0
    rows = []
    for photo in json.loads(capsys.readouterr().out)["photographs"]:
        (face,) = photo["faces"]
        shares = {one["class"]: one["probability"] for one in face["tasks"][TASK]["classes"]}
        rows.append([shares[name] for name in ("blue", "green", "red")])
    return rows


def rounded(shares: torch.Tensor) -> list[list[float]]:
    return [[round(share, 6) for share in row] for row in shares.tolist()]


@pytest.mark.parametrize("run", MODELS)
def test_shell_python_and_packed_give_what_infer_measured(run, here, tmp_path, capsys):
    wanted = measured(run)
    assert len(wanted) == len(pictures()) > 10
    packed = exported(run, "packed", tmp_path)
    for place in (f"results/{run}/s0", packed):
        task = lifelong.load(place)[TASK]
        assert torch.equal(logits(task), wanted)
        shares = torch.stack([one.probabilities for one in task.predict(pictures())])
        assert torch.equal(shares, wanted.softmax(1))
        assert told(place, capsys) == rounded(shares)


@pytest.mark.parametrize("run", MODELS)
def test_a_packed_file_has_the_bytes_of_the_size_table(run, here, tmp_path):
    """And, of layers that a later task wrote again, the older ones, which the table leaves out."""
    experiment, method = run.split("/")
    summary = tables.read_table(Path("results", experiment, "tables", "summary.csv"))
    (size_mb,) = summary.loc[summary["method"] == method, "size_mb"]
    records = Path("results", run, "s0").glob("*/*/record.csv")
    rows = [row for path in records for row in read(path)]
    superseded = sum(row.value for row in rows if row.metric == "bytes_superseded")
    size = exported(run, "packed", tmp_path).stat().st_size
    assert size == round(size_mb * 2**20) + superseded + store.SEAL_BYTES
    assert (superseded > 0) == (run == "toy_layers/hps")


@pytest.mark.parametrize("run", MODELS)
def test_onnx_and_torch_programs_agree_with_it(run, here, tmp_path):
    wanted = measured(run).numpy()
    onnx = exported(run, "onnx", tmp_path / "onnx")
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    images = np.stack([np.asarray(Image.open(path)) for path in pictures()])
    (found,) = session.run(None, {"images": images})
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == ["blue", "green", "red"]
    assert facts["task"] == TASK and json.loads(facts["channel_order"]) == [2, 1, 0]
    program = torch.export.load(exported(run, "torch", tmp_path / "torch")).module()
    planes = torch.from_numpy(images).permute(0, 3, 1, 2)
    with torch.inference_mode():
        np.testing.assert_allclose(program(planes).numpy(), wanted, rtol=0, atol=1e-4)


def test_onnx_sees_a_picture_of_any_size_and_kind_as_we_do(here, tmp_path):
    """But for single pixels that are rounded to the next of 256 grey levels."""
    session = onnxruntime.InferenceSession(exported("toy/cpg", "onnx", tmp_path))
    task = lifelong.load("results/toy/cpg/s0")[TASK]
    random = np.random.default_rng(0)
    for size in ((5, 9), (31, 20), (64, 64)):
        image = Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8))
        for kind in ("RGB", "L"):
            picture = image.convert(kind)
            with torch.inference_mode():
                wanted = task.network(task.transform(picture)[None]).numpy()
            (found,) = session.run(None, {"images": np.asarray(picture.convert("RGB"))[None]})
            np.testing.assert_allclose(found, wanted, rtol=0, atol=0.01)


@pytest.mark.parametrize("run", MODELS)
def test_safetensors_hold_the_networks_weights_and_its_facts(run, here, tmp_path):
    file = exported(run, "safetensors", tmp_path)
    network = lifelong.load(f"results/{run}/s0")[TASK].network
    before = logits(lifelong.load(f"results/{run}/s0")[TASK])
    task = lifelong.load(f"results/{run}/s0")[TASK]
    inputs = torch.stack([task.transform(path) for path in pictures()])
    with torch.inference_mode():
        for tensor in network.state_dict().values():
            tensor.zero_()
        assert not torch.equal(network(inputs), before)
        assert network.load_state_dict(load_file(file)).missing_keys == []
        assert torch.equal(network(inputs), before)
        assert torch.equal(logits(task), before)  # which has its own
    with safe_open(file, "pt") as opened:
        facts = opened.metadata()
    assert json.loads(facts["classes"]) == ["blue", "green", "red"]
    assert (facts["task"], facts["image_size"]) == (TASK, "8")
