"""The warm worker: what it changes (nothing but time), and that nothing outlives its owner."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from harness_tree import content
from workflow_tree import EXPERIMENT, copy_workflow, living, running, snakemake, write_config

from lifelong.jobs import handover
from lifelong.jobs.driver import run_stage
from lifelong.jobs.owner import GONE
from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Key, Stage

SLOW = {**EXPERIMENT["train"], "epochs": 100_000}
ADAPTER = """
import json, sys
from types import SimpleNamespace as New
from lifelong.jobs.runner import from_snakemake
kind, folder, inputs, spec, log = json.loads(sys.argv[1])
made = New(input=inputs, output=[f"{folder}/manifest.json"], params=New(spec=spec), log=[log])
from_snakemake(kind, New(**vars(made), threads=1, resources={}))
"""
ASKING = """
import sys
from lifelong.jobs.handover import hand_over
sys.exit(hand_over(sys.argv[1], {"word": "asked"}))
"""
SERVING = """
import os, signal, sys, time
from lifelong.jobs import runner, worker
def run_request(request):
    {job}
worker._prepare = lambda: None
runner.run_request = run_request
worker.main({number}, {folder!r})
"""


def soon(true: Callable[[], Any]) -> Any:
    """The first true answer within two minutes."""
    for _ in range(12000):
        if found := true():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come true")


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def train(**changes: Any) -> Stage:
    plan = Plan(check({**EXPERIMENT, **changes}))
    return plan.stage(Key("train", "cpg", 0, 1))


def adapter(folder: Path, stage: Stage, address: str) -> subprocess.Popen[str]:
    """The process of a job, as Snakemake would start it."""
    told = [stage.kind, stage.folder, dict(stage.inputs), canonical(stage.spec)]
    return subprocess.Popen(
        [sys.executable, "-c", ADAPTER, json.dumps([*told, stage.path("log.txt")])],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", handover.VARIABLE: address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output and error output; one that does not end in time is killed."""
    with process:
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stage(Plan(check(EXPERIMENT)).pack_stage("digits"))
    return folder


@pytest.fixture
def here(packed, tmp_path) -> Path:
    return Path(shutil.copytree(packed, tmp_path / "here"))


@pytest.fixture(scope="module")
def plain(packed, tmp_path_factory) -> dict[str, bytes]:
    """What a training job without a worker leaves."""
    folder = shutil.copytree(packed, tmp_path_factory.mktemp("plain") / "here")
    assert outcome(adapter(folder, train(), "off")) == (0, "", "")
    return content(folder)


@pytest.fixture
def started() -> Iterator[tuple[psutil.Process, str]]:
    """A worker and its socket."""
    environ = dict(os.environ)
    environ.pop(handover.VARIABLE, None)
    process = handover.start(environ)
    assert process
    yield psutil.Process(process.pid), environ[handover.VARIABLE]
    handover.stop(process, str(Path(environ[handover.VARIABLE]).parent))


@pytest.fixture
def serve(tmp_path) -> Iterator[Callable[[str], tuple[subprocess.Popen[bytes], str]]]:
    """A function from the code of a job to a worker that runs it, and its socket."""
    workers = []

    def start(job: str) -> tuple[subprocess.Popen[bytes], str]:
        folder, listener = handover._listen()
        number = listener.fileno()
        code = SERVING.format(job=job, number=number, folder=folder)
        made = [sys.executable, "-c", code]
        worker = subprocess.Popen(made, stdin=subprocess.PIPE, pass_fds=[number])
        listener.close()
        workers.append((worker, folder))
        return worker, f"{folder}/worker"

    yield start
    for worker, folder in workers:
        handover.stop(worker, folder)


def ask(address: str) -> subprocess.Popen[str]:
    made = [sys.executable, "-c", ASKING, address]
    return subprocess.Popen(made, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def child_of(worker: subprocess.Popen[bytes]) -> psutil.Process:
    return soon(psutil.Process(worker.pid).children)[0]


def test_a_job_leaves_the_same_bytes_with_and_without_a_worker(here, plain, started):
    worker, address = started
    assert outcome(adapter(here, train(), address)) == (0, "", "")
    assert content(here) == plain
    log = here / train().path("log.txt")
    assert "training" in log.read_text() and "finished in" in log.read_text()
    assert worker.num_threads() == 1  # or the next fork would not be safe
    assert not worker.children()


def test_a_users_mistake_is_said_once_and_in_the_same_words(here, started):
    pack = here / train().input("pack")
    pack.write_bytes(pack.read_bytes()[:-100])
    alone = outcome(adapter(here, train(), "off"))
    code, out, err = alone
    assert (code, out) == (1, "") and err.startswith("Error: ") and err.count("\n") == 1
    assert outcome(adapter(here, train(), started[1])) == alone


def test_a_worker_killed_in_a_job_costs_only_time(here, plain, started):
    worker, address = started
    job = adapter(here, train(), address)
    child = soon(worker.children)[0]
    worker.kill()
    assert outcome(job) == (0, "", "")
    assert gone(child.pid) and content(here) == plain


@pytest.mark.parametrize("address", ["/nowhere/worker", "off"])
def test_without_a_worker_the_job_runs_alone(here, plain, address):
    assert outcome(adapter(here, train(), address)) == (0, "", "")
    assert content(here) == plain


def test_streams_and_exit_code_arrive(serve):
    job = "print(request['word']); print('warning', file=sys.stderr); sys.exit(3)"
    _, address = serve(job)
    for _ in range(2):  # one worker serves many
        assert outcome(ask(address)) == (3, "asked\n", "warning\n")


def test_a_bug_in_a_job_shows_its_traceback(serve):
    code, _, err = outcome(ask(serve("return 1 / 0")[1]))
    assert code == 1 and "Traceback" in err and "ZeroDivisionError" in err


def test_a_job_killed_by_a_signal_is_one_clear_line(serve):
    code, out, err = outcome(ask(serve("os.kill(os.getpid(), signal.SIGKILL)")[1]))
    assert (code, out) == (1, "")
    assert err == "Error: the stage was ended by signal SIGKILL: was there too little memory?\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_job_ends_with_the_process_that_asked_for_it(serve, number):
    worker, address = serve("print('started', flush=True); time.sleep(1000)")
    asking = ask(address)
    assert asking.stdout and asking.stdout.readline() == "started\n"
    child = child_of(worker)
    asking.send_signal(number)
    soon(lambda: gone(child.pid))
    assert worker.poll() is None
    outcome(asking)


def test_a_killed_worker_takes_its_jobs_along(serve):
    worker, address = serve("print('started', flush=True); time.sleep(1000)")
    asking = ask(address)
    assert asking.stdout and asking.stdout.readline() == "started\n"
    child = child_of(worker)
    worker.kill()
    soon(lambda: gone(child.pid))
    assert outcome(asking) == (0, "", "")  # None of `hand_over`: to be done again


def test_when_the_owner_dies_worker_and_jobs_end(serve):
    worker, address = serve("print('started', flush=True); time.sleep(1000)")
    asking = ask(address)
    assert asking.stdout and asking.stdout.readline() == "started\n"
    child = child_of(worker)
    assert worker.stdin
    worker.stdin.close()
    assert worker.wait(30) == 0 and gone(child.pid)
    code, _, err = outcome(asking)
    assert code == 1 and "Snakemake is gone" in err  # and the job is not done again by an orphan
    assert not Path(address).parent.exists()


def test_a_worker_of_another_python_is_not_used(serve, monkeypatch):
    _, address = serve("pass")
    assert handover.hand_over(address, {}) == 0
    monkeypatch.setattr(handover, "identity", lambda: {"python": "another"})
    assert handover.hand_over(address, {}) is None


def test_a_worker_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(handover, "PATIENCE_S", 0.05)
    folder, listener = handover._listen()
    with listener:
        assert handover.hand_over(f"{folder}/worker", {}) is None
    shutil.rmtree(folder)


def test_only_the_user_may_reach_the_socket():
    folder, listener = handover._listen()
    listener.close()
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    shutil.rmtree(folder)


def test_a_long_temporary_folder_is_avoided(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    folder, listener = handover._listen()
    listener.close()
    assert folder.startswith("/tmp/") and not list(long.iterdir())
    shutil.rmtree(folder)


def test_off_means_off():
    environ = {handover.VARIABLE: "off"}
    assert handover.start(environ) is None
    assert environ == {handover.VARIABLE: "off"}


def test_a_worker_that_is_there_is_used(started):
    environ = {handover.VARIABLE: started[1]}
    assert handover.start(environ) is None and environ == {handover.VARIABLE: started[1]}


@pytest.mark.parametrize("how", ["it is gone", "other packages"])
def test_one_that_cannot_do_the_jobs_is_replaced(started, monkeypatch, tmp_path, how):
    address = str(tmp_path / "worker") if how == "it is gone" else started[1]
    if how == "other packages":
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    environ = {**os.environ, handover.VARIABLE: address}
    process = handover.start(environ)
    assert process and environ[handover.VARIABLE] != address
    handover.stop(process, str(Path(environ[handover.VARIABLE]).parent))


def test_handing_over_imports_nothing_heavy():
    code = "import sys, lifelong.jobs.runner, lifelong.jobs.handover; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "h5py", "pandas"} & set(done.stdout.split())


def workflow(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    write_config(copy_workflow(folder), {**EXPERIMENT, **changes})
    return folder


def test_a_run_with_and_without_a_worker_leaves_equal_files(tmp_path, monkeypatch):
    target = train().path("manifest.json")
    left = []
    for name in ("on", "off"):
        monkeypatch.setenv(handover.VARIABLE, "off" if name == "off" else "")
        folder = workflow(tmp_path / name)
        snakemake(folder, target)
        files = content(folder / "results")
        left.append({path: data for path, data in files.items() if "benchmark" not in path})
        assert not living(folder)
    assert left[0] == left[1] and len(left[0]) > 4


def test_a_stage_without_the_worker_ends_with_a_snakemake_that_was_killed(tmp_path, monkeypatch):
    folder = workflow(tmp_path / "run", train=SLOW)
    stage = train(train=SLOW)
    monkeypatch.setenv(handover.VARIABLE, "off")
    with running(folder, stage.path("manifest.json")) as run:
        log = folder / stage.path("log.txt")
        soon(lambda: log.is_file() and "epoch" in log.read_text())
        run.kill()
        soon(lambda: not living(folder))
    assert not (folder / stage.path("manifest.json")).exists()


def test_an_owner_that_cannot_be_seen_is_not_waited_for():
    """As from a container, or where the variable is of another machine."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    code = (
        f"import time; from lifelong.jobs import owner; owner.end_with({gone.pid}); time.sleep(1)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("pidfd", [True, False])
def test_a_process_ends_with_its_owner(pidfd):
    """With and without what only Linux has."""
    hide = "" if pidfd else "del os.pidfd_open; "
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as one:
        code = (
            f"import os, time; from lifelong.jobs import owner; {hide}owner._LOOK_EVERY_S = 0.1; "
        )
        code += f"owner.end_with({one.pid}); time.sleep(100)"
        with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as other:
            time.sleep(1)
            assert other.poll() is None
            one.communicate(b"\n")
            assert other.communicate()[1].decode() == f"{GONE}\n" and other.returncode == 1


@pytest.mark.parametrize("end", ["job killed", "SIGINT", "SIGKILL"])
def test_nothing_outlives_snakemake(tmp_path, monkeypatch, end):
    folder = workflow(tmp_path / "run", train=SLOW)
    stage = train(train=SLOW)
    monkeypatch.setenv(handover.VARIABLE, "")
    said = (tmp_path / "said").open("w+")
    with said, running(folder, stage.path("manifest.json"), stdout=said) as run:
        log = folder / stage.path("log.txt")
        soon(lambda: log.is_file() and "epoch" in log.read_text())
        (worker,) = (
            process
            for process in living(folder)
            if "lifelong.jobs.worker" in " ".join(process.cmdline()) and process.ppid() == run.pid
        )
        (child,) = worker.children()
        if end == "job killed":
            child.kill()
        elif end == "SIGINT":
            os.killpg(run.pid, signal.SIGINT)
        else:
            run.kill()
        assert run.wait(60) != 0
        soon(lambda: not living(folder))
        said.seek(0)
        text = said.read()
    assert ("signal SIGKILL" in text) == (end == "job killed")
    assert ("train: the same command goes on; what trains is saved every minute" in text) == (
        end == "SIGINT"
    )
    assert "Traceback" not in text
    assert not (folder / stage.path("manifest.json")).exists()
