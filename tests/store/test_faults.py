"""Whatever operation a stage dies or fails in: run again, it gives the same bytes, and nothing
that was finished before is lost.
"""

import errno
import os
import shutil
from pathlib import Path

import pytest
from fault_points import BASE, REFUSED, STAGES, Server

from lifelong import store
from lifelong.cli import main
from lifelong.plan.errors import UserError


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def finished(server, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    server.whole_experiment(folder)
    return folder


TIMED = {"log.txt", "timing.json", "times.svg"}  # different in every run


def content(folder: Path) -> dict[str, bytes]:
    """All of the results but logs and times; what stages keep to go on from, and leftovers, too."""
    files = [path for path in (folder / "results").rglob("*") if path.is_file()]
    found = {str(path.relative_to(folder)): path for path in files if path.name not in TIMED}
    return {name: path.read_bytes() for name, path in found.items()}


def without(finished: Path, folder: Path, stage: str) -> Path:
    """A copy of the finished experiment in which one stage has not run."""
    shutil.copytree(finished, folder)
    shutil.rmtree(folder / STAGES[stage])
    return folder


def fails_everywhere(server, finished, tmp_path, stage: str, how: str) -> list[int]:
    """Let a stage fail at one point after another, and run it again; how the failures ended."""
    expected, target = content(finished), STAGES[stage]
    own = {name for name in expected if name.startswith(f"{target}/")}
    points = server.points(without(finished, tmp_path / "counted", stage), target, how)
    codes = []
    for at in points:
        folder = without(finished, tmp_path / f"{at}", stage)
        codes.append(server.run_stage(folder, target, how, at))
        after = content(folder)
        assert {name: after[name] for name in expected if name not in own} == {
            name: expected[name] for name in expected if name not in own
        }
        seal = f"{target}/manifest.json"
        assert seal not in after or own <= set(after), (stage, how, at)
        assert server.run_stage(folder, target) == 0
        assert content(folder) == expected, (stage, how, at)
        shutil.rmtree(folder)
    return codes


@pytest.mark.parametrize("stage", STAGES)
def test_killed_anywhere_and_run_again_gives_the_same_bytes(server, finished, tmp_path, stage):
    codes = fails_everywhere(server, finished, tmp_path, stage, "kill")
    assert set(codes) == {-9}


@pytest.mark.parametrize("how", ["full", "short"])
@pytest.mark.parametrize("stage", ["pack_data", "train", "prune", "select"])
def test_a_disk_that_fills_up_anywhere(server, finished, tmp_path, stage, how):
    codes = fails_everywhere(server, finished, tmp_path, stage, how)
    # A folder that is there need not be made, so what fails at that does no harm.
    assert REFUSED in codes and set(codes) <= {REFUSED, 0}


@pytest.mark.parametrize("stage", ["train", "prune", "retrain", "infer"])
def test_a_disk_that_fails_to_read_anywhere(server, finished, tmp_path, stage):
    codes = fails_everywhere(server, finished, tmp_path, stage, "unreadable")
    # A resume state that cannot be read only costs the time to redo.
    assert REFUSED in codes and set(codes) <= {REFUSED, 0}


def test_a_finished_rung_is_not_climbed_again(server, finished, tmp_path):
    target = STAGES["prune"]
    folder = without(finished, tmp_path / "here", "prune")
    operations = server.operations(without(finished, tmp_path / "n", "prune"), target, "kill")
    last = len(operations) - 1 - operations[::-1].index("write_bytes")  # the manifest's
    assert server.run_stage(folder, target, "kill", last) == -9
    assert server.run_stage(folder, target) == 0
    log = (folder / target / "log.txt").read_text()
    assert "ratio 0.3 was finished before" in log and "ratio 0.6 was finished before" in log


@pytest.mark.parametrize("stage", ["train", "prune"])
def test_a_clock_that_jumps_changes_nothing(server, finished, tmp_path, stage):
    folder = without(finished, tmp_path / "here", stage)
    for path in (folder / BASE).rglob("*"):
        os.utime(path, (4e9, 4e9))  # in 2096
    assert server.run_stage(folder, STAGES[stage], "clock") == 0
    assert content(folder) == content(finished)


@pytest.mark.parametrize("where", ["unlink", "open"])
def test_a_read_only_folder_is_one_clear_message(finished, tmp_path, monkeypatch, capsys, where):
    shutil.copytree(finished, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    before = content(Path())

    def refused(path, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr("io.open" if where == "open" else f"os.{where}", refused)
    code = main(["stage", f"{STAGES['goals']}/manifest.json"])
    monkeypatch.undo()
    said = capsys.readouterr().err
    assert code == 1 and "Error: " in said and "Read-only" in said and "Traceback" not in said
    assert content(tmp_path / "here") == before


def leave(folder: Path, name: str, process: int, machine: str = "") -> Path:
    path = folder / f".{name}.{machine or os.uname().nodename}.{process}.tmp"
    path.write_bytes(b"half")
    return path


def dead_process() -> int:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_what_killed_writers_left_is_removed_by_the_next(tmp_path):
    ours = leave(tmp_path, "a.txt", dead_process())
    others = leave(tmp_path, "a.txt.txt", dead_process())
    living = leave(tmp_path, "a.txt", os.getppid())
    elsewhere = leave(tmp_path, "a.txt", dead_process(), "node7")
    store.write_text(tmp_path / "a.txt", "x")
    assert not ours.exists() and others.exists() and living.exists() and elsewhere.exists()
    store.write_manifest(tmp_path, {})
    assert not others.exists() and living.exists() and elsewhere.exists()


def test_a_disk_that_cannot_read_does_not_call_the_file_damaged(tmp_path, monkeypatch):
    store.write_manifest(tmp_path, {"a.txt": store.write_text(tmp_path / "a.txt", "x")})

    def fails(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("lifelong.store.files.open", fails, raising=False)
    with pytest.raises(UserError, match=r"cannot read .*a\.txt: Input/output error") as error:
        store.verified(tmp_path / "a.txt")
    assert "delete" not in str(error.value)
