"""A folder of pictures that changed is packed again, one that was copied or touched is not."""

import json
import os
import shutil
from pathlib import Path

import pytest

from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.plan.raw_files import Knowing, files_digest, given_files, raw_files

CONFIG = {
    "experiment": "own",
    "methods": ["scratch"],
    "datasets": {
        "pictures": {"source": "image_folder", "root": "raw", "image_size": 8, "channels": 1}
    },
    "tasks": [{"name": "a", "classes": ["dark", "light"]}],
    "network": {"name": "small_cnn"},
}


@pytest.fixture
def raw(tmp_path, monkeypatch) -> Path:
    """A tree of two pictures; whether they are any does not matter here."""
    monkeypatch.chdir(tmp_path)
    for name in ("dark/1.png", "light/1.png"):
        path = tmp_path / "raw" / "train" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"pixels")
        os.utime(path, (1e9, 1e9))
    return tmp_path / "raw"


def packing(**dataset: object) -> dict:
    """What the packing stage must know, asked anew."""
    sets = {"pictures": {**CONFIG["datasets"]["pictures"], **dataset}}
    return Plan(check({**CONFIG, "datasets": sets})).pack_stage("pictures").spec.settings


def add(raw: Path) -> None:
    (raw / "train/dark/2.png").write_bytes(b"pixels")


def add_class(raw: Path) -> None:
    (raw / "train/grey").mkdir()
    (raw / "train/grey/1.png").write_bytes(b"pixels")


def touch(raw: Path) -> None:
    os.utime(raw / "train/dark/1.png", (1e9, 1e9 + 1))


@pytest.mark.parametrize(
    "change",
    [
        add,
        add_class,
        touch,
        lambda raw: (raw / "train/dark/1.png").write_bytes(b"more pixels"),
        lambda raw: (raw / "train/dark/1.png").unlink(),
        lambda raw: (raw / "train/dark/1.png").rename(raw / "train/dark/3.png"),
    ],
)
def test_a_changed_tree_is_noticed_and_an_unchanged_one_is_the_same(raw, change):
    before = packing()
    assert packing() == before and len(before["files"]) == 32
    change(raw)
    assert packing()["files"] != before["files"]


@pytest.mark.parametrize("change", [add, touch])
def test_a_tree_that_is_not_watched_may_change(raw, change):
    before = packing(watch=False)
    change(raw)
    assert packing(watch=False) == before and "files" not in before and "watch" not in before


def test_files_that_nobody_reads_do_not_count(raw):
    before = packing()
    (raw / ".DS_Store").write_bytes(b"?")
    (raw / "train/dark/.hidden").write_bytes(b"?")
    (raw / "train/dark/Thumbs.db").write_bytes(b"?")
    (raw / "__MACOSX/train").mkdir(parents=True)
    (raw / "__MACOSX/train/1.png").write_bytes(b"?")
    assert packing() == before


def test_a_tree_that_is_gone_changes_nothing_that_was_made_of_it(raw):
    spec = Plan(check(CONFIG)).pack_stage("pictures").spec
    folder = Path("results/own/pack_data/pictures")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"spec": {"settings": spec.settings}}))
    raw.rename(raw.with_name("elsewhere"))
    assert packing() == spec.settings


def test_digits_and_what_is_downloaded_are_not_watched(raw):
    for more in ({"source": "digits"}, {"download": True}):
        assert raw_files({**CONFIG["datasets"]["pictures"], **more}, Path("none")) == {}


def made(raw: Path, **dataset: object) -> dict:
    """What the packing stage must know, once its manifest says that it is done."""
    settings = packing(**dataset)
    folder = Path("results/own/pack_data/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    outcome = Knowing(given_files(settings), settings["files"]).facts()
    facts = {"spec": {"settings": settings}, "outcome": outcome}
    (folder / "manifest.json").write_text(json.dumps(facts))
    return settings


def test_pictures_with_other_times_that_hold_the_same_are_the_same(raw):
    before = made(raw)
    touch(raw)
    assert packing() == before
    raw.rename("moved")
    shutil.copytree("moved", raw, copy_function=shutil.copy)  # all times are new
    assert packing() == before


@pytest.mark.parametrize(
    "change",
    [
        add,
        lambda raw: (raw / "train/dark/1.png").write_bytes(b"sixels"),  # as many bytes
        lambda raw: (raw / "train/dark/1.png").rename(raw / "train/dark/3.png"),
        lambda raw: (raw / "train/dark/link.png").symlink_to("nothing"),
    ],
)
def test_pictures_that_hold_something_else_are_not_the_same(raw, change):
    before = made(raw)
    change(raw)
    assert packing()["files"] != before["files"]


def test_a_copy_is_read_once(raw, monkeypatch):
    before = made(raw)
    touch(raw)
    assert packing() == before
    with monkeypatch.context() as patch:
        patch.setattr("lifelong.plan.file_digests.contents", None)
        assert packing() == before
    [note] = Path(".snakemake/lifelong/raw_files").iterdir()
    note.write_text("")  # on a full disk
    assert packing() == before and len(note.read_text()) == 32


def test_what_was_read_of_one_folder_says_nothing_of_another(raw):
    """Archives give files of one size, such as bitmaps, equal times."""
    shutil.copytree(raw, "other")
    (raw.parent / "other/train/dark/1.png").write_bytes(b"sixels")
    os.utime(raw.parent / "other/train/dark/1.png", (1e9, 1e9))
    facts = Knowing(["raw"], "watched").facts()
    manifest = Path("manifest.json")
    spec = {"settings": {"files": "of other times"}}
    facts["raw_files"]["dated"] = "other times"
    manifest.write_text(json.dumps({"spec": spec, "outcome": facts}))
    assert files_digest(["raw"], manifest) == {"files": "of other times"}
    assert files_digest(["other"], manifest) != {"files": "of other times"}


def test_pictures_that_changed_while_they_were_read_are_known_by_nothing(raw):
    settings = packing()
    files = Knowing(given_files(settings), settings["files"])
    touch(raw)
    assert files.facts() == {}


def test_a_pack_of_a_copy_knows_it_the_next_time(raw):
    """It is made again, for another setting or because it is lost, and keeps the old digest."""
    before = made(raw)
    touch(raw)
    assert made(raw) == before
    shutil.rmtree(".snakemake")
    assert packing() == before and not Path(".snakemake").exists()  # without reading anything


def test_odd_files_beside_the_pictures_do_no_harm(raw, monkeypatch):
    os.mkfifo(raw / "pipe")
    (raw / "closed.txt").write_bytes(b"?")
    settings = packing()
    files = Knowing(given_files(settings), settings["files"])
    assert files.facts()
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError))
    assert files.facts() == {}


def test_pretrained_weights_that_are_gone_or_copied_change_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights, manifest = tmp_path / "weights.pth", tmp_path / "manifest.json"
    weights.write_bytes(b"weights")
    before = files_digest([str(weights)], manifest)
    outcome = Knowing([str(weights)], before["files"]).facts()
    manifest.write_text(json.dumps({"spec": {"files": before}, "outcome": outcome}))
    os.utime(weights, (1e9, 1e9))
    assert files_digest([str(weights)], manifest) == before
    weights.write_bytes(b"weighty")
    assert files_digest([str(weights)], manifest) != before
    weights.unlink()
    assert files_digest([str(weights)], manifest) == before
