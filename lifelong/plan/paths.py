"""Every path under results/ is made here and nowhere else.

results/{experiment}/{method}/s{seed}/{NN-task}/{stage}/ holds a stage of a task; attempts of
expand lie in expand/a{attempt}/. Packs, tables and the report belong to the experiment.
"""

import re
from dataclasses import dataclass

ROOT = "results"
OF_EXPERIMENT = ("align_faces", "pack_data", "report", "tables")  # folders beside the methods'
_STAGE = re.compile(
    r"(?P<root>.*/)?(?P<experiment>[^/]+)/(?P<method>[^/]+)/s(?P<seed>\d+)/"
    r"(?P<slug>\d{2,}-[^/]+)/(?P<kind>[a-z]+)(/a(?P<attempt>\d{1,4}))?/[^/]+$",
    re.ASCII,  # \d would take the digits of every script
)

_FOLDERS = (  # of a stage, below the root
    re.compile(r"(?:(?P<root>.*)/)?(?P<below>[^/]+/pack_data/[^/]+)", re.ASCII),
    re.compile(r"(?:(?P<root>.*)/)?(?P<below>[^/]+/align_faces/[^/]+/\d+)", re.ASCII),
    re.compile(
        r"(?:(?P<root>.*)/)?(?P<below>[^/]+/[^/]+/s\d+/\d{2,}-[^/]+/[a-z]+(?:/a\d{1,4})?)", re.ASCII
    ),
    re.compile(r"(?:(?P<root>.*)/)?(?P<below>[^/]+/(?:tables|report))", re.ASCII),
)


def slug(position: int, task: str) -> str:
    """The folder of a task, numbered from 1 in order of arrival."""
    return f"{position:02d}-{task}"


@dataclass(frozen=True)
class Paths:
    """The files of one experiment."""

    experiment: str
    root: str = ROOT

    @property
    def base(self) -> str:
        return f"{self.root}/{self.experiment}"

    def pack(self, dataset: str) -> str:
        return f"{self.base}/pack_data/{dataset}/pack.h5"

    def faces(self, dataset: str, shard: int) -> str:
        """The folder of one shard of a face set, counted from 1."""
        return f"{self.base}/align_faces/{dataset}/{shard:03d}"

    def model(self, method: str, seed: int) -> str:
        return f"{self.base}/{method}/s{seed}"

    def stage(self, kind: str, method: str, seed: int, task: str, attempt: int = 0) -> str:
        """The folder of a stage; `task` is a slug. Attempt 0 of expand is the train stage."""
        folder = f"{self.model(method, seed)}/{task}/{kind}"
        return f"{folder}/a{attempt}" if kind == "expand" else folder

    def tables(self, name: str) -> str:
        return f"{self.base}/tables/{name}.csv"

    def report(self, name: str) -> str:
        return f"{self.base}/report/{name}"


def parse_stage(path: str) -> dict[str, str | None] | None:
    """The parts of a path to a stage's file, or None where it is not one."""
    match = _STAGE.match(path)
    return match.groupdict() if match else None


def split_root(folder: str) -> tuple[str, str] | None:
    """The root that a stage's folder lies in, and the folder below it; None for other folders."""
    for pattern in _FOLDERS:
        if match := pattern.fullmatch(folder):
            return match["root"] or ("/" if folder.startswith("/") else ""), match["below"]
    return None
