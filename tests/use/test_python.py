"""`lifelong.load`: all that it promises, nothing else, and what it says of mistakes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import lifelong
from lifelong.plan.errors import DataError, UserError

RUN = "results/toy/cpg/s0"
MODEL = {"tasks"}
TASK = {"classes", "network", "transform", "predict", "embedding"}
PICTURE = Path("raw/colour/test/red/0.png")
# Packages and rooms that a packed model must do without.
TRAINING = ("snakemake", "pandas", "sklearn", "lifelong.plan.plan", "lifelong.plan.config")
TRAINING += ("lifelong.train.loop", "lifelong.train.step", "lifelong.families.masks")
TRAINING += ("lifelong.stages", "lifelong.jobs", "lifelong.optim")


def names(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def loaded_by(code: str) -> set[str]:
    """Modules in a fresh interpreter after some code."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_no_other_name_is_promised(here):
    assert lifelong.__all__ == ["load"]
    code = "import lifelong; print(*(n for n in dir(lifelong) if n[0] != '_'), file=sys.stderr)"
    fresh = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}"], capture_output=True, text=True, check=True
    )
    assert fresh.stderr.split() == ["load"]
    model = lifelong.load(RUN)
    assert names(model) == MODEL and names(model["colour"]) == TASK
    (told,) = model["colour"].predict(PICTURE)
    assert names(told) == {"label", "probability", "probabilities"}


def test_importing_costs_no_torch():
    heavy = {"torch", "numpy", "h5py", "PIL", "pandas", "yaml"}
    assert not heavy & {name.partition(".")[0] for name in loaded_by("import lifelong")}


def test_a_packed_model_loads_without_what_plans_and_trains(here, tmp_path):
    from lifelong.cli import main

    file = tmp_path / "m.lifelong"
    assert main(["export", RUN, "--to", "packed", "--output", str(file)]) == 0
    code = f"import lifelong; lifelong.load({str(file)!r})['shade'].predict({str(PICTURE)!r})"
    loaded = loaded_by(code)
    wrong = [one for one in TRAINING if any(f"{name}.".startswith(f"{one}.") for name in loaded)]
    assert "torch" in loaded and not wrong


def test_tasks_come_in_order_with_their_classes(here):
    model = lifelong.load(Path(RUN))
    assert model.tasks == ("shade", "colour") == tuple(model)
    assert len(model) == 2 and "shade" in model and "shape" not in model
    assert model["shade"].classes == ("dark", "light")
    assert model["colour"].classes == ("blue", "green", "red")
    assert repr(model) == f"<model {RUN}: shade, colour>"
    assert repr(model["shade"]) == "<task shade: 2 classes, small_cnn>"


def test_a_path_an_image_and_a_tensor_of_one_picture_are_one(here):
    task = lifelong.load(RUN)["colour"]
    image = Image.open(PICTURE)
    tensor = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)
    wanted = task.transform(PICTURE)
    assert wanted.dtype == torch.float32 and wanted.shape == (3, 8, 8)
    array = np.asarray(image)
    for form in (str(PICTURE), image, tensor, array):
        assert torch.equal(task.transform(form), wanted)
    grey = task.transform(image.convert("L"))
    for form in (np.asarray(image.convert("L")), np.asarray(image.convert("L"))[..., None]):
        assert torch.equal(task.transform(form), grey)
    both = task.predict(np.stack([array, array[:, ::-1]]))
    assert torch.equal(both[0].probabilities, task.predict(array)[0].probabilities)
    batch = torch.stack([tensor, tensor.flip(2)])
    first, second = task.predict(batch)
    assert torch.equal(first.probabilities, task.predict([PICTURE])[0].probabilities)
    assert not torch.equal(first.probabilities, second.probabilities)
    assert task.classes[int(first.probabilities.argmax())] == first.label
    assert first.probability == float(first.probabilities.max())
    assert task.predict([]) == []


def test_a_large_and_a_turned_picture_are_made_ready(here, tmp_path):
    task = lifelong.load(RUN)["shade"]
    large = Image.open(PICTURE).resize((40, 24))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    large.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    assert torch.equal(task.transform(tmp_path / "turned.png"), task.transform(large))
    assert torch.equal(task.transform(Image.open(tmp_path / "turned.png")), task.transform(large))


def test_an_embedding_is_what_the_classes_are_told_from(here):
    task = lifelong.load(RUN)["colour"]
    (vector,) = task.embedding(PICTURE)
    with torch.inference_mode():
        assert torch.equal(
            task.network.head(vector[None]), task.network(task.transform(PICTURE)[None])
        )
    with pytest.raises(UserError, match=r"task colour of .* shares whole layers"):
        lifelong.load("results/toy_layers/hps/s0")["colour"].embedding(PICTURE)


def test_the_network_is_the_callers_own(here):
    model = lifelong.load(RUN)
    before = model["shade"].predict(PICTURE)[0].probability
    torch.nn.init.zeros_(next(model["shade"].network.parameters()))
    assert model["shade"].predict(PICTURE)[0].probability == before
    assert not model["shade"].network.training


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (torch.zeros(3, 8, 8), "a picture is a uint8 tensor"),
        (torch.zeros(8, 8, dtype=torch.uint8), r"not torch.uint8 \(8, 8\)"),
        (np.zeros((8, 8)), "a picture is a uint8 array"),
        (np.zeros((3, 8, 8), np.uint8), r"not uint8 \(3, 8, 8\)"),
        (Image.new("I;16", (8, 8)), "the picture has more than 8 bits"),
        ("none.png", "there is no picture file none.png"),
    ],
)
def test_what_is_no_picture_is_said(here, given, says):
    with pytest.raises(DataError, match=says):
        lifelong.load(RUN)["shade"].predict(given)


def test_an_unknown_task_names_those_there_are(here):
    with pytest.raises(UserError) as error:
        lifelong.load(RUN)["shape"]
    assert str(error.value) == f"{RUN} has no task 'shape'; it has shade, colour"


@pytest.mark.parametrize(
    "folder", ["results", "results/toy", "results/toy/none", f"{RUN}/01-shade"]
)
def test_a_folder_without_a_model_names_those_that_have_one(here, folder):
    with pytest.raises(UserError, match=r"holds no finished model: name one that does: .*cpg/s0"):
        lifelong.load(folder)
