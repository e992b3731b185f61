"""Nothing damaged and nothing of another task, run or stage is ever read by a stage."""

import contextlib
import itertools
import shutil
import time
from pathlib import Path

import pytest
from known_methods import NETWORK_METHODS
from toy_experiment import toy_plan
from workflow_tree import copy_workflow, running, snakemake, write_config

from lifelong import store
from lifelong.jobs.driver import run_stage
from lifelong.jobs.find import find_stage
from lifelong.jobs.runner import execute
from lifelong.plan.advice import VARIABLE
from lifelong.plan.errors import DamagedFile
from lifelong.plan.stage import Stage

PLAN = toy_plan(NETWORK_METHODS)
METHODS = ("scratch", "finetune", "packnet", "pae", "cpg", "wsn")
SMALL = {
    "experiment": "tiny",
    "methods": ["scratch"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "x", "classes": [0, 1]}],
    "network": {"name": "small_cnn", "channels": 0.25},
    "recipe": {"crop_padding": 1, "flip": False},
    "baseline": {"epochs": 2},
}


@pytest.fixture
def here(undisturbed, tmp_path, monkeypatch):
    """A copy of the finished experiment, as the working folder."""
    monkeypatch.setenv(VARIABLE, "snakemake --cores 1")  # else each error looks through all results
    shutil.copytree(undisturbed.parents[1], tmp_path / "here")
    with contextlib.chdir(tmp_path / "here"):
        yield Path("results/toy")


@pytest.fixture(scope="module")
def stages(undisturbed) -> list[Stage]:
    """The stages of methods whose files differ; all others write the like."""
    with contextlib.chdir(undisturbed.parents[1]):
        seals = sorted(Path("results").rglob("manifest.json"))
        known = [find_stage(PLAN, str(seal)) for seal in seals]
    return [one for one in known if getattr(one.spec, "method", None) in METHODS]


def exchange(one: Path, other: Path) -> None:
    between = one.with_name("between")
    one.rename(between)
    other.rename(one)
    between.rename(other)


def refused(stage: Stage, log: Path, *names: Path) -> None:
    """That the stage does not start, because of one of these files or folders."""
    with pytest.raises(DamagedFile) as error:
        execute(stage, str(log))
    assert str(error.value).startswith(tuple(map(str, names))), error.value


def first_reader(stages: list[Stage], folder: Path) -> Stage:
    """A stage that reads a file of the folder."""
    return next(s for s in stages if folder in {Path(path).parent for path in s.files_read()})


def test_every_input_is_refused_once_a_bit_of_it_is_flipped(here, stages, tmp_path):
    seen = 0
    for stage in stages:
        for path in map(Path, stage.files_read()):
            whole = path.read_bytes()
            middle = len(whole) // 2
            path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
            refused(stage, tmp_path / "log.txt", path)
            path.write_bytes(whole)
            seen += 1
    assert seen > 200


def test_every_input_is_refused_from_another_folder(here, stages, tmp_path):
    """Whole folders, manifests among them, exchanged with those of other tasks, methods, stages."""
    folders = sorted({Path(path).parent for stage in stages for path in stage.files_read()})
    seen = 0
    for one, other in itertools.combinations(folders, 2):
        if one.name != other.name and one.parent != other.parent:
            continue
        exchange(one, other)
        for stage in (first_reader(stages, one), first_reader(stages, other)):
            refused(stage, tmp_path / "log.txt", one, other)
        exchange(one, other)
        seen += 1
    assert seen > 100


def test_two_exchanged_baselines_are_refused_by_infer(here):
    first, second = (here / "scratch/s0" / task / "baseline" for task in sorted(
        path.name for path in (here / "scratch/s0").iterdir()
    )[:2])  # fmt: skip
    exchange(first, second)
    stage = find_stage(PLAN, f"{first.parents[1] / second.parent.name}/infer/manifest.json")
    with pytest.raises(DamagedFile, match=f"{first}/shard.h5 does not belong there"):
        run_stage(stage)


def test_another_experiments_pack_is_refused(here):
    manifest = store.read_manifest(here / "pack_data/digits")
    other = Path("results/other/pack_data/digits")
    shutil.copytree(here / "pack_data/digits", other)
    facts = {key: manifest[key] for key in ("spec", "outcome", "inputs", "versions")}
    store.write_manifest(other, manifest["files"], **facts)
    exchange(here / "pack_data/digits", other)
    stage = find_stage(PLAN, next(map(str, here.glob("cpg/s0/01-*/train"))) + "/manifest.json")
    with pytest.raises(DamagedFile, match="its manifest is that of results/other/pack_data"):
        run_stage(stage)


def test_a_rung_of_another_ratio_is_refused(here):
    task = next(here.glob("cpg/s0/01-*"))
    assert store.read_json(task / "select/selected.json")["ratio"] in (0.3, 0.6)
    exchange(task / "prune/ratio-0.3.h5", task / "prune/ratio-0.6.h5")
    with pytest.raises(DamagedFile, match=r"ratio-[\d.]+\.h5 is not what was written"):
        run_stage(find_stage(PLAN, f"{task}/retrain/manifest.json"))


def test_a_candidate_of_another_width_is_refused(here):
    task = next(here.glob("cpg/s0/02-*"))
    exchange(task / "train/candidate.h5", task / "expand/a1/candidate.h5")
    with pytest.raises(DamagedFile, match=r"candidate\.h5 is not what was written"):
        run_stage(find_stage(PLAN, f"{task}/retrain/manifest.json"))


def test_a_damaged_repetition_is_refused(here):
    task = next(here.glob("finetune/s0/01-*"))
    exchange(task / "baseline/repeat-1.h5", task / "baseline/shard.h5")
    stage = find_stage(PLAN, f"{task}/infer/manifest.json")
    with pytest.raises(DamagedFile, match=r"shard\.h5 is not what was written"):
        run_stage(stage)
    shutil.copy(task / "baseline/repeat-1.h5", task / "baseline/shard.h5")
    with pytest.raises(DamagedFile, match=r"repeat-1\.h5 is not what was written"):
        run_stage(stage)


def test_a_second_snakemake_in_the_folder_is_refused_and_the_first_unharmed(tmp_path):
    folder = copy_workflow(tmp_path)
    write_config(folder, SMALL)
    with running(folder) as first:
        deadline = time.monotonic() + 60
        while not list(folder.glob(".snakemake/locks/*.lock")):
            assert first.poll() is None and time.monotonic() < deadline, "it never locked"
            time.sleep(0.02)
        said = snakemake(folder, succeeds=False)
        assert first.wait() == 0
    assert "locked" in said.lower()
    assert "Nothing to be done" in snakemake(folder)
