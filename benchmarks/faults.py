"""An experiment under random kills: does it end with the same bytes, and what does a kill cost?

Runs config.yaml through `snakemake --cores 2` with the warm worker, once undisturbed. Then runs it
again and kills Snakemake and its jobs (SIGKILL to the process group) at a random moment, uniform
in a window after every start, unlocks and starts again; a run that ends before its kill is
compared and another begins, until there were so many kills. Compared is every file but logs and
benchmark.tsv, which hold times. What a kill costs is the time its run takes longer than the mean of
two undisturbed ones, before and after; where other work goes on, noise may be more than that.
Stages save their state every `save_every_s` (60 by default, much longer than a stage of digits):
the benchmark sets that in its own copy of the package, so that kills do fall between two saves of
an epoch.

`save_cost.csv`: what saving and digests cost at the default interval. Target: 2 % of the time.
"""

import functools
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from default_experiment import CORES, ROOT, copy_workflow
from step_ratio import older
from synthetic import card
from table import Row, arguments, figure, machine, publish

from lifelong import store
from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.jobs import driver
from lifelong.masks.learner import Learner
from lifelong.optim.phase import Phase
from lifelong.plan.config import check, read
from lifelong.plan.plan import Plan
from lifelong.store import arrays, files
from lifelong.train.loop import fit
from lifelong.train.step import mask_step
from lifelong.work import resume

TARGET_SHARE = 0.02
TINY: dict[str, Any] = {
    "experiment": "digits",
    "methods": ["packnet"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "zero_one", "classes": [0, 1]}],
    "network": {"name": "small_cnn", "channels": 0.25},
    "recipe": {"crop_padding": 1, "flip": False},
    "train": {"epochs": 40, "min_train_accuracy": 0.0},
    "prune": {"ratios": [0.3, 0.6], "epochs": 2, "window": 1, "min_train_accuracy": 0.0},
    "retrain": {"epochs": 2},
}
_TIMES = {"log.txt", "benchmark.tsv", "timing.json", "times.svg"}
_RESUMED = re.compile(r"^.* (?:resumed in epoch|was finished before).*$", re.MULTILINE)
_INSIDE = re.compile(r"resumed in epoch \d+ at step [1-9]")


class Experiment:
    """A copy of the workflow, run and killed."""

    def __init__(self, folder: Path, config: str, save_every_s: float) -> None:
        self.folder, self.kills = folder, 0
        self.resumed: set[str] = set()
        copy_workflow(folder)
        (folder / "config.yaml").write_text(config)
        path = folder / "lifelong/work/resume.py"
        text = path.read_text()
        for name, value in (("SAVE_EVERY_S", save_every_s), ("SHARE_OF_TIME", 1.0)):
            text, count = re.subn(rf"^{name} = [\d.]+", f"{name} = {value}", text, flags=re.M)
            assert count == 1, f"{path} has no {name}"
        path.write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "snakemake", "--cores", str(CORES), *arguments]
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        log = (self.folder / "said.txt").open("wb")
        with log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, *arguments: str, kill_after_s: float | None = None) -> bool:
        """Whether Snakemake ended by itself; raises where it failed."""
        process = self.start(*arguments)
        try:
            process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.kills += 1
            self.look()
            return False
        self.look()
        if process.returncode:
            raise SystemExit(f"snakemake failed:\n{(self.folder / 'said.txt').read_text()[-4000:]}")
        return True

    def run_disturbed(self, kills: int, moment: Callable[[], float]) -> float:
        """Run to the end, killed at most so many times; wall seconds."""
        shutil.rmtree(self.folder / "results", ignore_errors=True)
        shutil.rmtree(self.folder / ".snakemake", ignore_errors=True)
        started, until = time.perf_counter(), self.kills + kills
        while not self.run(kill_after_s=moment() if self.kills < until else None):
            self.run("--unlock")
        return time.perf_counter() - started

    def look(self) -> None:
        """Remember which stages went on where they were killed: their next log hides it."""
        for path in (self.folder / "results").rglob("log.txt"):
            found = _RESUMED.findall(path.read_text(errors="replace"))
            self.resumed |= {f"{path} {line}" for line in found}

    def content(self) -> dict[str, str]:
        """Digests of all files that hold no times, what nobody should have left among them."""
        results = self.folder / "results"
        paths = [path for path in results.rglob("*") if path.is_file() and path.name not in _TIMES]
        return {str(path.relative_to(results)): store.digest(path) for path in paths}


def disturbed(options: Any, config: str, folder: Path) -> Row:
    """All kills, over as many runs as they take."""
    experiment = Experiment(folder, config, options.save_every)
    started = time.perf_counter()
    experiment.run()
    whole_s = time.perf_counter() - started
    expected, rng = experiment.content(), random.Random(options.seed)
    window_s = options.window or whole_s / 4
    print(f"undisturbed: {whole_s:.1f} s, {len(expected)} files", file=sys.stderr, flush=True)
    seconds, runs, different = 0.0, 0, set()
    while experiment.kills < options.kills:
        left = options.kills - experiment.kills
        seconds += experiment.run_disturbed(left, lambda: rng.uniform(0, window_s))
        runs += 1
        found = experiment.content()
        different |= {name for name, _ in set(found.items()) ^ set(expected.items())}
        print(
            f"run {runs}: {experiment.kills} kills, {len(different)} files differ "
            f"{sorted(different)[:5]}, {len(experiment.resumed)} stages and rungs went on",
            file=sys.stderr,
            flush=True,
        )
    # Once more at the end: what else the machine did in the meantime counts half as much.
    whole_s = (whole_s + experiment.run_disturbed(0, lambda: 0.0)) / 2
    return {
        "kills": experiment.kills,
        "runs": runs,
        "files": len(expected),
        "equal": "no" if different else "yes",
        "went_on": len(experiment.resumed),
        "inside_epoch": sum(bool(_INSIDE.search(line)) for line in experiment.resumed),
        "save_every_s": options.save_every,
        "window_s": figure(window_s, 1),
        "undisturbed_s": figure(whole_s, 1),
        "lost_s": round((seconds - runs * whole_s) / experiment.kills, 2),
    }


class _Clock:
    """Wall seconds inside functions that are called through it; the outermost call counts."""

    def __init__(self) -> None:
        self.seconds, self.calls, self.inside = 0.0, 0, False

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*positional: Any, **named: Any) -> Any:
            if self.inside:
                return function(*positional, **named)
            self.inside, started = True, time.perf_counter()
            try:
                return function(*positional, **named)
            finally:
                self.inside = False
                self.seconds += time.perf_counter() - started
                self.calls += 1

        return call


def cost(what: str, calls: int, seconds: float, of_s: float) -> Row:
    share = seconds / of_s
    return {
        "what": what,
        "calls": calls,
        "seconds": figure(seconds, 4),
        "of_s": figure(of_s, 1),
        "share": figure(share, 5),
        "target": TARGET_SHARE,
        "met": "yes" if share <= TARGET_SHARE else "no",
    }


def stage_costs(config: dict[str, Any], folder: Path) -> list[Row]:
    """Saves and digests of one method's first task in this process, stage by stage."""
    saves, digests, stages = _Clock(), _Clock(), _Clock()
    resume.ResumeFile.save = saves.timed(resume.ResumeFile.save)  # type: ignore[method-assign]
    files.digest = arrays.digest_of = digests.timed(files.digest)
    driver.execute = stages.timed(driver.execute)
    os.chdir(folder)
    driver.run_experiment(Plan(check({**config, "methods": ["packnet"]})), limit=1)
    return [
        cost("saves of a task's stages", saves.calls, saves.seconds, stages.seconds),
        cost("digests of a task's stages", digests.calls, digests.seconds, stages.seconds),
    ]


def save_cost(channels: float, folder: Path) -> Row:
    """One save of a VGG16's state on its clock, with picks and everything that goes into it."""
    took: list[float] = []

    class Timed(resume.ResumeFile):
        def due(self) -> bool:
            return True

        def save(self, *state: Any) -> None:
            started = time.perf_counter()
            super().save(*state)
            took.append(time.perf_counter() - started)

    images = torch.randint(256, (96, 3, 32, 32), dtype=torch.uint8)
    split = Split(images, torch.arange(96) % 5)
    data = TaskData(split, split, split, tuple("01234"), (0.5,) * 3, (0.25,) * 3, "validation")
    model = older(channels)
    learner = Learner(model, card(len(model.shards) + 1, channels), seed=5)
    phase = Phase(epochs=1, lr=0.01, mask_lr=1e-4, momentum=0.9, weight_decay=4e-5,
                  crop_padding=0, flip=False)  # fmt: skip
    place = Timed(folder / "state.h5", "key")
    fit(mask_step(learner, phase), data, phase, seed=7, resume=place)
    save_s = statistics.median(took)
    wait_s = max(resume.SAVE_EVERY_S, save_s / resume.SHARE_OF_TIME)
    return cost(f"a save of VGG16 x {channels:g}", 1, save_s, wait_s)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--kills", type=int, help="how many (default 100; --quick: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--save-every", type=float, default=0.5, metavar="S")
    parser.add_argument("--window", type=float, metavar="S", help="a quarter of the run by default")
    options = parser.parse_args()
    options.kills = options.kills or (1 if options.quick else 100)
    out = options.out.resolve()
    config = TINY if options.quick else read(ROOT / "config.yaml")
    torch.set_num_threads(1)
    facts = machine() | {"threads": 1, "snakemake_cores": CORES}
    with tempfile.TemporaryDirectory() as name:
        rows = [disturbed(options, yaml.safe_dump(config), Path(name))]
    publish("faults", rows, facts, out)
    with tempfile.TemporaryDirectory() as name:
        costs = [save_cost(0.03125 if options.quick else 1.0, Path(name))]
        costs += stage_costs(config, Path(name))
        os.chdir(out)
    publish("save_cost", costs, facts, out)


if __name__ == "__main__":
    main()
