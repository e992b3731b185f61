"""`snakemake --profile slurm` on a real SLURM, whose jobs are cancelled, killed, late, requeued."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from slurm.cluster import Cluster
from workflow_tree import EXPERIMENT, TREE, copy_workflow, snakemake, write_config

pytestmark = pytest.mark.slurm

FAST = Path(__file__).with_name("fast_snakemake.py")
PROFILE = ("--profile", "slurm", "--slurm-status-command", "squeue")
# Rungs long enough to catch a job between two of them.
PRUNE = {**EXPERIMENT["prune"], "epochs": 40}
LONG_EPOCHS = 3000  # some 40 seconds of training; a job of a minute has less than half of it
SMALL = {**EXPERIMENT, "methods": ["packnet", "cpg"], "prune": PRUNE}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The workflow with its profile for clusters; nothing has run."""
    return _tree(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a local run."""
    folder = _tree(tmp_path_factory.mktemp("local"))
    snakemake(folder, "--cores", "2")
    return folder


def _tree(folder: Path) -> Path:
    copy_workflow(folder)
    shutil.copytree(TREE / "slurm", folder / "slurm")
    write_config(folder, SMALL)
    return folder


class Watched:
    """A run of Snakemake on the cluster, and its jobs."""

    def __init__(self, cluster: Cluster, folder: Path, *arguments: str) -> None:
        self.cluster, self.folder, self.log = cluster, folder, folder / "said.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(FAST), *PROFILE, *arguments],
                cwd=folder,
                env={**cluster.environment, "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # if the test failed before it ended

    def said(self) -> str:
        return self.log.read_text()

    def until(self, found: Callable[[], object], what: str, seconds: float = 120) -> object:
        """What `found` finds as soon as it finds something."""
        deadline = time.monotonic() + seconds
        while not (thing := found()):
            assert self.process.poll() is None and time.monotonic() < deadline, (
                f"{what} was never seen\n{self.said()}"
            )
            time.sleep(0.02)
        return thing

    def stage(self, rule: str, wildcards: str) -> tuple[str, int]:
        """The number of the cluster job that runs a stage, and the process of the stage."""

        def running() -> tuple[str, int] | None:
            for job, state, comment in self.jobs():
                if state == "RUNNING" and comment == f"rule_{rule}_wildcards_{wildcards}":
                    for process in _processes(job):
                        if _arguments(process)[-1].endswith(f".{rule}.py"):
                            return job, process
            return None

        found = self.until(running, f"{rule} of {wildcards}")
        assert isinstance(found, tuple)
        return found

    def jobs(self) -> list[tuple[str, ...]]:
        """Number, state and comment of every job so far."""
        name = re.search(r"SLURM run ID: (\S+)", self.said())
        if name is None:
            return []
        mine = ("--states=all", "--name", name[1])
        said = self.cluster.run("squeue", *mine, "-h", "-o", "%i|%T|%k")
        return [tuple(line.split("|")) for line in said.splitlines()]

    def ends_well(self) -> None:
        assert self.process.wait(600) == 0, self.said()


def _processes(job: str) -> Iterator[int]:
    """The Python processes of a cluster job."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, environment = (folder / "comm").read_text(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if name.startswith("python") and f"SLURM_JOB_ID={job}".encode() in environment.split(b"\0"):
            yield int(folder.name)


def _arguments(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return [""]


def _environment(process: int) -> dict[str, str]:
    text = Path(f"/proc/{process}/environ").read_text().rstrip("\0")
    return dict(line.split("=", 1) for line in text.split("\0"))


def test_a_disturbed_run_ends_with_the_bytes_of_an_undisturbed_one(cluster, undisturbed, tree):
    asked = ("--set-resources", "train:gpu=1", "train:slurm_partition=gpu", "prune:runtime=1")
    folder = tree / "results/tiny/cpg/s0/01-x"
    with Watched(cluster, tree, *asked) as run:
        killed, process = run.stage("train", "packnet_0_01-x")
        os.kill(process, signal.SIGKILL)
        cancelled, process = run.stage("train", "cpg_0_01-x")
        environment = _environment(process)
        cluster.run("scancel", cancelled)
        hung, process = run.stage("prune", "cpg_0_01-x")
        run.until((folder / "prune/ratio-0.3.h5").exists, "a finished rung")
        os.kill(process, signal.SIGSTOP)  # it will be there when its minute is over
        requeued, _ = run.stage("train", "packnet_0_02-y")
        cluster.run("scontrol", "requeue", requeued)  # as SLURM does when a node dies
        run.until(lambda: cluster.state(requeued) == "PENDING", "the queue")
        run.ends_well()
        states = {job: state for job, state, _ in run.jobs()}
    disturbed = [states.pop(job) for job in (killed, cancelled, hung, requeued)]
    assert disturbed == ["FAILED", "CANCELLED", "TIMEOUT", "COMPLETED"]
    assert set(states.values()) == {"COMPLETED"}
    assert environment["CUDA_VISIBLE_DEVICES"] in {"0", "1"}
    assert environment["LIFELONG_WORKER"] == "off"  # the warm worker is for local jobs
    assert "ratio 0.3 was finished before" in (folder / "prune/log.txt").read_text()
    _same_results(tree, undisturbed)


def test_a_stage_longer_than_its_limit_goes_on_in_the_next_job(cluster, tree, tmp_path_factory):
    long = {**SMALL, "train": {**EXPERIMENT["train"], "epochs": LONG_EPOCHS}}
    stage = Path("results/tiny/packnet/s0/01-x/train")
    alone = _tree(tmp_path_factory.mktemp("alone"))
    for folder in (alone, tree):
        write_config(folder, long)
    limit = ("--set-resources", "train:runtime=1", "--retries", "9", "--")
    with Watched(cluster, tree, *limit, f"{stage}/manifest.json") as run:
        run.ends_well()
        states = [state for _, state, comment in run.jobs() if comment.startswith("rule_train")]
    # Every job but the last left before SLURM ended it: none is TIMEOUT.
    assert set(states) == {"COMPLETED", "FAILED"} and states.count("COMPLETED") == 1
    assert "resumed in epoch" in (tree / stage / "log.txt").read_text()
    snakemake(alone, "--cores", "1", f"{stage}/manifest.json")
    assert (tree / stage / "candidate.h5").read_bytes() == (
        alone / stage / "candidate.h5"
    ).read_bytes()


def test_groups_and_arrays_of_the_profile(cluster, undisturbed, tree):
    profile = tree / "slurm/config.yaml"
    options = r"^# (groups:|  \w+: \"{method}|slurm-array-jobs:)"
    text, found = re.subn(options, r"\1", profile.read_text(), flags=re.MULTILINE)
    assert found == 1 + 4 + 1
    profile.write_text(text)
    tasks = [f"results/tiny/{method}/s0/01-x" for method in ("packnet", "cpg")]
    with Watched(cluster, tree, *(f"{task}/infer/manifest.json" for task in tasks)) as run:
        run.ends_well()
        jobs, _, comments = zip(*run.jobs(), strict=True)
    assert len(jobs) == 6  # the data, CPG's baseline, an array of two, and two groups
    assert [job.partition("_")[2] for job in sorted(jobs) if "_" in job] == ["1", "2"]
    assert "rule_packnet.s0.01-x_infer_prune_retrain_select" in comments
    for task in tasks:
        shard = f"{task}/retrain/shard.h5"
        assert (tree / shard).read_bytes() == (undisturbed / shard).read_bytes()


def test_one_allocation_goes_back_into_the_queue(cluster, undisturbed, tree):
    path = f"{Path(sys.executable).parent}:{cluster.environment['PATH']}"
    shard = "results/tiny/cpg/s0/01-x/retrain/shard.h5"
    asked = ("--cpus-per-task=2", "--mem=4000", "--time=30")
    submitted = subprocess.run(
        ["sbatch", "--parsable", *asked, "slurm/one_allocation.sh", shard],
        cwd=tree,
        env={**cluster.environment, "PATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    job = submitted.stdout.strip()

    def wait_for(happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 300
        while not happened():
            assert time.monotonic() < deadline, (tree / f"lifelong-{job}.log").read_text()
            time.sleep(0.05)

    wait_for((tree / "results/tiny/cpg/s0/01-x/train/log.txt").exists)
    cluster.run("scancel", "--batch", "--signal=USR1", job)  # as SLURM does before the end
    wait_for(lambda: cluster.state(job) == "PENDING")
    assert not (tree / shard).exists()
    wait_for(lambda: cluster.state(job) == "COMPLETED")  # it rests in the queue for two minutes
    assert (tree / shard).read_bytes() == (undisturbed / shard).read_bytes()


def _same_results(folder: Path, other: Path) -> None:
    """The tables, and every shard, rung and candidate."""
    names = {"accuracy.csv", "size.csv", "summary.csv", "goals.csv"}
    files = [path for path in sorted(other.glob("results/**/*.*")) if path.name in names]
    shards = sorted(other.glob("results/tiny/*/s0/**/*.h5"))
    assert len(files) == len(names) and len(shards) > 8
    for path in (*files, *shards):
        assert (folder / path.relative_to(other)).read_bytes() == path.read_bytes(), path


def test_the_command_of_the_readme_runs_a_stage(cluster, tree):
    target = "results/tiny/pack_data/digits/manifest.json"
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *PROFILE, target],
        cwd=tree,
        env=cluster.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (tree / target).is_file()
    assert list((tree / "logs/slurm/rule_pack_data").rglob("*.log"))
