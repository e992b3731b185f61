"""Every path under results/ is made and taken apart here, and nowhere else.

results/{experiment}/{method}/s{seed}/{NN-task}/{stage}/ holds a stage of a task, or of a lesson:
tasks that are learned together, in {NN-first+second}, NN being the last one's number. Attempts of
expand lie in expand/a{attempt}/. Packs, tables and the report belong to the experiment.
"""

import posixpath
import re
from dataclasses import dataclass

ROOT = "results"
MANIFEST = "manifest.json"  # of a stage, in its folder
# Folders beside the methods'.
OF_EXPERIMENT = ("align_faces", "ground", "pack_data", "report", "tables")
_LONGEST = 60  # characters that the tasks of a lesson may have together in a folder's name
_STAGE = re.compile(
    r"(?P<root>.*/)?(?P<experiment>[^/]+)/(?P<method>[^/]+)/s(?P<seed>\d{1,10})/"
    r"(?P<slug>\d{2,}-[^/]+)/(?P<kind>[a-z]+)(/a(?P<attempt>\d{1,4}))?/[^/]+$",
    re.ASCII,  # \d would take the digits of every script
)

_FOLDERS = (  # of a stage, below the root
    re.compile(r"(?:(?P<root>.*)/)?(?P<below>[^/]+/pack_data/[^/]+)", re.ASCII),
    re.compile(r"(?:(?P<root>.*)/)?(?P<below>[^/]+/align_faces/[^/]+/\d+)", re.ASCII),
    re.compile(
        r"(?:(?P<root>.*)/)?(?P<below>[^/]+/[^/]+/s\d+/\d{2,}-[^/]+/[a-z]+(?:/a\d{1,4})?)", re.ASCII
    ),
    re.compile(r"(?:(?P<root>.*)/)?(?P<below>[^/]+/(?:ground|tables|report))", re.ASCII),
)


def slug(position: int, *tasks: str) -> str:
    """The folder of a task, numbered from 1 in order of arrival, or of the tasks of a lesson.

    A lesson has the number of its last task. Of many long names the first stands for all: no task
    has a + in its name.
    """
    name = "+".join(tasks)
    if len(tasks) > 1 and len(name) > _LONGEST:
        name = f"{tasks[0]}+{len(tasks) - 1}"
    return f"{position:02d}-{name}"


@dataclass(frozen=True)
class Paths:
    """The files of one experiment, which lie below `root`.

    `prefix` is what Snakemake puts before them where another workflow imports this one.
    """

    experiment: str
    root: str = ROOT
    prefix: str = ""

    @property
    def base(self) -> str:
        return posixpath.normpath(f"{self.root}/{self.experiment}")

    def of_kind(self, kind: str) -> str:
        """The folder of a stage that the experiment has once: ground, tables, report."""
        return f"{self.base}/{kind}"

    def pack_folder(self, dataset: str) -> str:
        return f"{self.base}/pack_data/{dataset}"

    def pack(self, dataset: str) -> str:
        return f"{self.pack_folder(dataset)}/pack.h5"

    def faces(self, dataset: str, shard: int) -> str:
        """The folder of one shard of a face set; shards count from 1."""
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


@dataclass(frozen=True)
class Place:
    """What the path of a stage's file says of its stage; attempt 0 is none."""

    experiment: str
    method: str
    seed: int
    slug: str
    kind: str
    attempt: int

    @property
    def position(self) -> int:
        """The position of the task, from 1."""
        return int(self.slug.partition("-")[0])

    @property
    def words(self) -> str:
        """Such as "cpg s0 02-dogs train", in lines that people read."""
        attempt = f" a{self.attempt}" if self.attempt else ""
        return f"{self.method} s{self.seed} {self.slug} {self.kind}{attempt}"


def place_of(path: str) -> Place | None:
    """The stage of a task that a file belongs to, or None where it is no such file."""
    match = _STAGE.match(path)
    if match is None:
        return None
    parts = {name: match[name] for name in ("experiment", "method", "slug", "kind")}
    return Place(**parts, seed=int(match["seed"]), attempt=int(match["attempt"] or 0))


def dataset_of(path: str) -> str:
    """The data set that a pack holds. Raises ValueError for other paths."""
    parts = path.split("/")
    if len(parts) < 3 or parts[-3] != "pack_data":
        raise ValueError(f"{path} is no pack of a data set")
    return parts[-2]


def beside(file: str, kind: str) -> str:
    """The folder of another stage of the task that a file of a stage belongs to."""
    return f"{file.rsplit('/', 2)[0]}/{kind}"


def ground_beside(shard: str) -> str:
    """The pretrained weights of the experiment that a task's shard belongs to."""
    return f"{shard.rsplit('/', 5)[0]}/ground/ground.h5"


def split_root(folder: str) -> tuple[str, str] | None:
    """The root that a stage's folder lies in, and the folder below it; None for other folders."""
    for pattern in _FOLDERS:
        if match := pattern.fullmatch(folder):
            return match["root"] or ("/" if folder.startswith("/") else ""), match["below"]
    return None
