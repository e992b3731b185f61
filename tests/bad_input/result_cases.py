"""Damaged, foreign and missing files under results/."""

# ruff: noqa: E501 - one case a line, as in a table

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from bad_input.case import Case, Make
from bad_input.image_cases import Trap

from lifelong import store

TINY = "results/tiny"
PACKNET, CPG = f"{TINY}/packnet/s0", f"{TINY}/cpg/s0"
SHARD, NEXT = f"{PACKNET}/01-a/retrain/shard.h5", f"{PACKNET}/02-b/retrain/shard.h5"
MANIFEST = f"{PACKNET}/01-a/retrain/manifest.json"
GOAL, CHOSEN = f"{CPG}/01-a/goals/goal.json", f"{CPG}/01-a/select/selected.json"
LEARNED, RECORD = f"{CPG}/01-a/train/manifest.json", f"{CPG}/01-a/prune/record.csv"
PACK = f"{TINY}/pack_data/digits/pack.h5"
TRAIN = ("stage", f"{PACKNET}/02-b/train/manifest.json")
FIRST = ("stage", f"{PACKNET}/01-a/train/manifest.json")
PRUNE = ("stage", f"{CPG}/01-a/prune/manifest.json")
RETRAIN = ("stage", f"{CPG}/01-a/retrain/shard.h5")
SELECT = ("stage", f"{CPG}/01-a/select/selected.json")
INFER = ("infer", "--model", PACKNET, "--task", "b", "picture.png")
DELETE = "type the commands"
RUN = "type the command"
AGAIN = "make it again: rm …"


def _bytes(name: str, content: bytes | Callable[[bytes], bytes]) -> Make:
    def make(folder: Path) -> None:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content(path.read_bytes()))

    return make


def _half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def _flipped(whole: bytes) -> bytes:
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]


def _noted(name: str, make: Make) -> Make:
    """The manifest beside a file is made to agree with what the file has become."""

    def both(folder: Path) -> None:
        make(folder)
        path = folder / name
        found = store.digest(path)
        _json(str(path.parent / "manifest.json"), lambda m: m["files"].update({path.name: found}))(
            folder
        )

    return both


def _json(name: str, change: Callable[[dict[str, Any]], Any]) -> Make:
    def make(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        change(content)
        if "seal" in content:
            content["seal"] = store.seal_of(content)
        (folder / name).write_text(json.dumps(content))

    return make


def _hdf5(name: str, text: str | None = None) -> Make:
    """HDF5 of somebody else, with or without an attribute of ours."""

    def make(folder: Path) -> None:
        with h5py.File(folder / name, "w") as file:
            file["x"] = np.arange(3)
            if text is not None:
                file.attrs["lifelong"] = text

    return make


def _copied(source: str, target: str) -> Make:
    return lambda folder: shutil.copy(folder / source, folder / target) and None


def _swapped(folder: Path) -> None:
    one, other = (folder / name for name in (SHARD, NEXT))
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def _gone(name: str) -> Make:
    return lambda folder: (folder / name).unlink()


def _file_for_folder(name: str) -> Make:
    def make(folder: Path) -> None:
        shutil.rmtree(folder / name)
        (folder / name).write_text("x")

    return make


def _folder_for_file(name: str) -> Make:
    def make(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return make


_EVIL = pickle.dumps(Trap())
# what is wrong | message | what to do | how it is made | command
_TABLE: list[tuple[str, str, str, Make, tuple[str, ...]]] = [
    ("a shard is truncated", f"{SHARD} …", DELETE, _bytes(SHARD, _half), TRAIN),
    ("a shard is empty", f"{SHARD} …", DELETE, _bytes(SHARD, b""), TRAIN),
    ("a bit of a shard is flipped", f"{SHARD} …", DELETE, _bytes(SHARD, _flipped), TRAIN),
    ("a bit of a shard is flipped, met by infer", f"{SHARD} …", DELETE, _bytes(SHARD, _flipped), INFER),
    ("a shard is missing", f"{SHARD} is missing…", RUN, _gone(SHARD), TRAIN),
    ("a text in place of a shard", f"{SHARD} …", DELETE, _noted(SHARD, _bytes(SHARD, b"hello")), TRAIN),
    ("a pickle in place of a shard", f"{SHARD} …", DELETE, _noted(SHARD, _bytes(SHARD, _EVIL)), TRAIN),
    ("a pickle in place of a shard, met by infer", f"{SHARD} …", DELETE, _noted(SHARD, _bytes(SHARD, _EVIL)), INFER),
    ("HDF5 of something else in place of a shard", f"{SHARD} …", DELETE, _noted(SHARD, _hdf5(SHARD)), TRAIN),
    ("a shard of another format", f"{SHARD} has format 999, …", "use the version of lifelong that wrote it", _noted(SHARD, _hdf5(SHARD, '{"format": 999}')), TRAIN),
    ("a pack in place of a shard", f"{SHARD} …", DELETE, _noted(SHARD, _copied(PACK, SHARD)), TRAIN),
    ("two shards are swapped", "results/tiny/packnet/s0/…/shard.h5 …", DELETE, _swapped, TRAIN),
    ("a shard of another method", f"{SHARD} is of method cpg, not packnet: …", DELETE, _noted(SHARD, _copied(f"{CPG}/01-a/retrain/shard.h5", SHARD)), TRAIN),
    ("a shard learned after other tasks", f"{SHARD} …", DELETE, _noted(SHARD, _copied(NEXT, SHARD)), TRAIN),
    ("a manifest is missing", f"{MANIFEST} is missing…", RUN, _gone(MANIFEST), TRAIN),
    ("a manifest is no JSON", f"{MANIFEST} is damaged (…); {AGAIN}", DELETE, _bytes(MANIFEST, _half), TRAIN),
    ("a manifest is no text", f"{MANIFEST} is damaged (…); {AGAIN}", DELETE, _bytes(MANIFEST, b"\xff\xfe"), INFER),
    ("a manifest is a list", f"{MANIFEST} is damaged (…); {AGAIN}", DELETE, _bytes(MANIFEST, b"[]"), TRAIN),
    ("a manifest of another version", f"{MANIFEST} …", "use the version of lifelong that wrote it", _json(MANIFEST, lambda m: m.update(format=999)), TRAIN),
    ("a manifest that does not name the shard", f"{SHARD} is not named in {MANIFEST}; make it again: rm {MANIFEST} && lifelong run", DELETE, _json(MANIFEST, lambda m: m["files"].pop("shard.h5")), TRAIN),
    ("a manifest is changed by hand", f"{MANIFEST} is not what was written; …", DELETE, _bytes(MANIFEST, lambda whole: whole.replace(b'"seed": 0', b'"seed": 1')), TRAIN),
    ("a manifest of another stage", f"{SHARD} …", DELETE, _copied(NEXT.replace("shard.h5", "manifest.json"), MANIFEST), TRAIN),
    ("a selected ratio is changed by hand", f"{CHOSEN} is not what was written; …", "type the commands, and set ratio in the configuration", _bytes(CHOSEN, b'{"ratio": 0.0}'), RETRAIN),
    ("a manifest without an outcome", f"{LEARNED} is damaged (no outcome); {AGAIN}", DELETE, _json(LEARNED, lambda m: m.pop("outcome")), PRUNE),
    ("a manifest whose outcome is a text", f"{LEARNED} is damaged (no number 'accuracy'); {AGAIN}", DELETE, _json(LEARNED, lambda m: m["outcome"].update(accuracy="1")), PRUNE),
    ("a pack is truncated", f"{PACK} …", DELETE, _bytes(PACK, _half), FIRST),
    ("a bit of a pack is flipped", f"{PACK} …", DELETE, _bytes(PACK, _flipped), FIRST),
    ("a shard in place of a pack", f"{PACK} …", DELETE, _noted(PACK, _copied(SHARD, PACK)), FIRST),
    ("a goal that is no number", f"{GOAL} is damaged (no number 'goal'); {AGAIN}", DELETE, _bytes(GOAL, b'{"goal": "0.9"}'), PRUNE),
    ("a goal that is not a number", f"{GOAL} is damaged (no number 'goal'); {AGAIN}", DELETE, _noted(GOAL, _bytes(GOAL, b'{"goal": NaN}')), SELECT),
    ("a goal cut off", f"{GOAL} is damaged (…); {AGAIN}", DELETE, _bytes(GOAL, b'{"goal": 0.'), PRUNE),
    ("a selected ratio that leads elsewhere", f"{CHOSEN} is damaged (no number 'ratio'); {AGAIN}", DELETE, _noted(CHOSEN, _bytes(CHOSEN, b'{"ratio": "../../x"}')), RETRAIN),
    ("a selected ratio that was no rung", f"{CHOSEN} names ratio 0.33, which is no rung in {CPG}/01-a/prune; {AGAIN}", DELETE, _noted(CHOSEN, _bytes(CHOSEN, b'{"ratio": 0.33}')), RETRAIN),
    ("a record without its header", f"{RECORD} is wrong in line 1: the header is …", DELETE, _noted(RECORD, _bytes(RECORD, b"a,b\n1,2\n")), SELECT),
    ("a record that is no text", f"{RECORD} is not UTF-8 text at byte 0; {AGAIN}", DELETE, _noted(RECORD, _bytes(RECORD, b"\xff")), SELECT),
    ("a stage's folder is a file", f"cannot use {PACKNET}/01-a/train/…: Not a directory", "remove the file", _file_for_folder(f"{PACKNET}/01-a/train"), FIRST),
    ("the experiment's folder is a file", f"cannot use {TINY}/…: Not a directory", "remove the file", _file_for_folder(TINY), ("run",)),
    ("results is a file", "cannot use results/…: Not a directory", "remove the file", _file_for_folder("results"), ("run",)),
    ("a manifest is a folder", f"cannot use {FIRST[1]}: Is a directory", "remove the folder", _folder_for_file(FIRST[1]), FIRST),
    ("show: the summary is empty", f"{TINY}/tables holds other tables; {AGAIN}", DELETE, _bytes(f"{TINY}/tables/summary.csv", b""), ("show", TINY)),
    ("show: the summary is another table", f"{TINY}/tables holds other tables; {AGAIN}", DELETE, _bytes(f"{TINY}/tables/summary.csv", b"a,b\n1,2\n"), ("show", TINY)),
    ("show: the table of goals is missing", f"{TINY}/tables/goals.csv is missing; make it again: lifelong run", RUN, _gone(f"{TINY}/tables/goals.csv"), ("show", TINY)),
]  # fmt: skip
CASES = [
    Case(wrong, says, do, make, command, start="finished")
    for wrong, says, do, make, command in _TABLE
]
