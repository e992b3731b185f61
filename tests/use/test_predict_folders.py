"""`lifelong predict` on folders of whole pictures: rows, scores, what was bad, and the bar."""

import csv
import io
import json
import shutil
import threading
from pathlib import Path

import pytest

import lifelong
from lifelong.cli import main
from lifelong.use import printing
from lifelong.use.ahead import ahead

RUN = "results/toy/cpg/s0"


@pytest.fixture
def messy(here, tmp_path) -> Path:
    """Test pictures of a task, one in no class's folder, two that are broken and a text."""
    folder = tmp_path / "mine"
    shutil.copytree("raw/colour/test", folder)
    shutil.copy("raw/colour/test/red/0.png", folder / "own.png")
    (folder / "red/9.png").write_bytes(b"broken")
    (folder / "zzz.jpg").touch()
    (folder / "red/notes.txt").write_text("no picture, and not asked about")
    (folder / ".hidden.png").touch()
    return folder


def rows(capsys, *command: object, code: int = 0) -> list[dict[str, str]]:
    """What `predict --csv` prints."""
    capsys.readouterr()
    assert main(["predict", RUN, *map(str, command), "--csv"]) == code
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_every_picture_below_a_folder_has_its_rows(messy, capsys):
    found = rows(capsys, messy)
    read = [row for row in found if row["status"] == "read"]
    bad = [row for row in found if row["status"] != "read"]
    assert [(Path(row["path"]).name, row["status"]) for row in bad] == [
        ("9.png", "unreadable"),
        ("zzz.jpg", "unreadable"),
    ]
    assert all("cannot be read as a picture" in row["why"] and not row["task"] for row in bad)
    assert len(read) == 2 * 19 and {row["task"] for row in read} == {"shade", "colour"}
    paths = list(dict.fromkeys(row["path"] for row in found))
    assert paths == sorted(paths) and len(paths) == 21
    predicted = lifelong.load(RUN)["colour"].predict([row["path"] for row in read[1::2]])
    for row, one in zip(read[1::2], predicted, strict=True):
        assert (row["class"], row["probability"]) == (one.label, f"{one.probability:.6f}")
    assert {row["rank"] for row in read} == {"1"}
    three = rows(capsys, messy / "own.png", "--tasks", "colour", "--top", "3")
    assert [row["rank"] for row in three] == ["1", "2", "3"]


def test_folders_named_as_classes_are_scored(messy, capsys):
    assert main(["predict", RUN, str(messy), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (task,) = found["scores"]
    scores = found["scores"][task]
    assert (task, scores["pictures"], scores["answered"]) == ("colour", 19, 18)
    assert scores["classes"] == ["blue", "green", "red"]
    told = {name: [0, 0, 0] for name in scores["classes"]}
    model = lifelong.load(RUN)["colour"]
    for name, counts in told.items():
        for one in model.predict(sorted(Path("raw/colour/test", name).glob("*.png"))):
            counts[scores["classes"].index(one.label)] += 1
    assert scores["confusion"] == list(told.values())
    right = sum(row[place] for place, row in enumerate(scores["confusion"]))
    assert scores["accuracy"] == right / 18
    assert main(["predict", RUN, str(messy)]) == 0
    text = capsys.readouterr().out.splitlines()
    share = f"colour: accuracy {100 * right / 18:.1f} % on 18 of 19 pictures"
    assert f"{share} in folders named as its classes" in text
    assert [line.split() for line in text[-3:]] == [
        [name, *map(str, counts)] for name, counts in told.items()
    ]


def test_the_exit_code_tells_whether_one_was_answered(messy, capsys):
    assert rows(capsys, messy / "zzz.jpg", messy / "own.png")[0]["status"] == "unreadable"
    empty = messy / "empty"
    empty.mkdir()
    bad = rows(capsys, messy / "zzz.jpg", empty, messy / "none.png", code=1)
    assert [row["status"] for row in bad] == ["unreadable", "unreadable", "missing"]
    assert main(["predict", RUN, str(empty)]) == 1
    said = capsys.readouterr()
    assert said.out == f"{empty}: unreadable (a folder without pictures)\n"
    assert said.err == "Error: nothing could be read of 1 pictures\n"


def test_a_bar_is_shown_on_a_terminal_only(messy, capsys, monkeypatch):
    assert rows(capsys, messy)
    assert "pictures" not in capsys.readouterr().err
    monkeypatch.setattr(printing.sys.stderr, "isatty", lambda: True)
    assert main(["predict", RUN, str(messy), "--csv"]) == 0
    said = capsys.readouterr()
    assert "21/21" in said.err and "\r" not in said.out


def test_what_is_done_ahead_comes_in_order_and_no_further_than_asked():
    begun, gate = [], threading.Event()

    def half(number: int) -> float:
        begun.append(number)
        gate.wait(10)
        return 1 / number

    results = ahead(half, iter(range(4, -1, -1)), threads=2, room=3)
    gate.set()
    assert next(results) == 1 / 4
    assert len(begun) <= 4  # the first, and three ahead
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_is_done_in_groups_comes_one_by_one():
    begun = []
    results = ahead(lambda number: begun.append(number) or -number, range(7), 1, 4, together=2)
    assert next(results) == 0
    assert begun[:2] == [0, 1] and len(begun) <= 6  # the first two, and four ahead
    assert list(results) == [-1, -2, -3, -4, -5, -6]
