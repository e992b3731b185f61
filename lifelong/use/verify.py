"""Whether everything under results/ is what its stage wrote, from inputs that are what they were.

Every file has one status: `ok`; `damaged`, its bytes are not those the manifest names; `missing`;
`foreign`, no manifest names it, or the manifest belongs to another folder; `stale`, an input of its
stage has changed since, or the configuration would make it otherwise. Imports no torch.
"""

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lifelong import store
from lifelong.data.pack import check_pack
from lifelong.jobs.find import is_spare, outdated
from lifelong.plan.advice import ran_in, rebuilding, removing, running, snakemake
from lifelong.plan.errors import DamagedFile, Misfit, UserError
from lifelong.plan.grounds import FILE as GROUND_FILE
from lifelong.plan.paths import MANIFEST, place_of, split_root
from lifelong.plan.plan import Plan

_KNOWN = {"log.txt", "timing.json", "times.svg", "benchmark.tsv"}  # different in every run
_NOT_RESULTS = (  # folders that stages keep
    *(".before", ".resume-", ".snakemake", ".features", ".devices"),
)
_OF_CARD = ("experiment", "method", "seed", "position", "task")


@dataclass(frozen=True)
class Finding:
    """A file, what is wrong with it, and a command; both empty where it is ok.

    The command repairs it, or, being one of `lifelong clean`, first shows what it would remove.
    """

    status: str
    path: Path
    why: str = ""
    command: str = ""

    def __str__(self) -> str:
        return "\t".join(filter(None, (self.status, str(self.path), self.why, self.command)))


def verify(
    results: Path, plan: Plan | None = None, files: Sequence[Path] = ()
) -> Iterator[Finding]:
    """Check a results tree, an experiment or a stage's folder; every file is named once.

    With a plan, whose results they are, also whether they are what it would make; `files` are those
    of its configuration. It is of this folder: see `use/home.py`. Raises UserError where there are
    no results.
    """
    typed = running(files, Path(results)) if plan and files else None
    folders = [_Folder(path, names, typed) for path, names in _walk(Path(results))]
    if not any(folder.place for folder in folders):
        raise UserError(f"{results} holds no results: name a folder like results/digits")
    told: set[Path] = set()
    for finding in _outdated(plan, files, typed) if plan else ():
        told.add(finding.path)
        yield finding
    size = sum((folder.path / name).stat().st_size for folder in folders for name in folder.names)
    with tqdm(total=size, unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        for folder in folders:
            for finding in folder.findings():
                if finding.path not in told:
                    yield finding
                told.add(finding.path)
            bar.update(sum((folder.path / name).stat().st_size for name in folder.names))


def _outdated(plan: Plan, files: Sequence[Path], typed: str | None) -> Iterator[Finding]:
    """Finished stages that the plan would make otherwise, or not at all."""
    given = ["--configfile", *map(str, files)] if files else []
    clean = shlex.join(["lifelong", "clean", plan.paths.base, *given])
    for stage in outdated(plan):
        if not stage.gone:  # which is told as the missing file
            command = (typed or snakemake()) if stage.planned else clean
            yield Finding("stale", stage.folder / MANIFEST, stage.why, command)


def _walk(results: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders with files in them, without those that stages keep for themselves."""
    for path, below, names in os.walk(results, onerror=_unreadable):
        below[:] = sorted(name for name in below if not name.startswith(_NOT_RESULTS))
        if names:
            yield Path(path), sorted(names)


def _unreadable(error: OSError) -> None:
    """Without it a folder that may not be read would be passed over, as if all were well."""
    if not isinstance(error, FileNotFoundError):
        raise error


class _Folder:
    """A folder, and the stage that wrote it if it is a stage's.

    `typed` is the command that runs its experiment, where that is known.
    """

    def __init__(self, path: Path, names: list[str], typed: str | None = None) -> None:
        self.path, self.names, self.typed = path, names, typed
        self.place = split_root(path.absolute().as_posix())

    def findings(self) -> Iterator[Finding]:
        loose = [name for name in self.names if name not in _KNOWN and name != MANIFEST]
        if self.place is None:
            yield from (self.foreign(name, "lies in no stage's folder") for name in loose)
            return
        if MANIFEST not in self.names:
            if loose:
                yield self.wrong("missing", MANIFEST, "the stage has not finished")
        else:
            try:
                files = self.manifest["files"]
            except DamagedFile as error:
                yield self.wrong("damaged", MANIFEST, error.what, error.remove)
            else:
                yield from self.sealed(files)
                loose = [name for name in loose if name not in files]
        yield from (self.foreign(name, "is named in no manifest") for name in loose)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return store.read_manifest(self.path)

    def sealed(self, files: dict[str, str]) -> Iterator[Finding]:
        """The manifest, and the files that it names."""
        wrote = split_root(self.manifest["folder"])
        if self.place is None or wrote is None or wrote[1] != self.place[1]:
            why = f"its manifest is that of {self.manifest['folder']}"
            for name in (MANIFEST, *files):
                yield self.wrong("foreign", name, why, remove=self.path)
            return
        changed = []
        for path, digest in self.manifest["inputs"].items():
            here, finding = self.input(path, wrote[0])
            if finding is not None:
                yield finding
            elif store.digest_once(here) != digest:
                changed.append(path)
        if changed:
            yield self.wrong("stale", MANIFEST, f"{changed[0]} has changed", self.path / MANIFEST)
        else:
            yield Finding("ok", self.path / MANIFEST)
        for name, digest in files.items():
            if (self.path / name).is_file() or not is_spare((self.path / name).as_posix()):
                yield self.file(name, digest)

    def input(self, path: str, root: str) -> tuple[Path, Finding | None]:
        """Where an input lies now, and what is wrong with it as such."""
        assert self.place is not None
        ours = root == "" or path.startswith(f"{root}/")
        base = Path(self.place[0])
        home = Path(ran_in(self.path) or base.parent)
        beside = base.parent if home == base.parent.absolute() else home  # as it was typed
        here = base / path[len(root) :].lstrip("/") if ours else beside / path
        folder = _Folder(_like(self.path, here.parent), [], self.typed)
        if not here.is_file():
            return here, folder.wrong("missing", here.name, "was an input")
        if ours and here.name != MANIFEST:
            try:
                named = folder.manifest["files"].get(here.name)
            except DamagedFile:
                return here, None  # a damaged manifest is reported when its own folder is checked
            if named is not None and store.digest_once(here) != named:
                return here, folder.damaged(here.name)
        return here, None

    def file(self, name: str, digest: str) -> Finding:
        path = self.path / name
        if not path.is_file():
            return self.wrong("missing", name, "its manifest names it")
        try:
            if store.digest_once(path) != digest:
                return self.damaged(name)
            if path.suffix == ".h5":
                self.check_content(path)
        except Misfit as error:
            return self.damaged(name, str(error))
        except DamagedFile as error:
            return self.damaged(name, error.what)
        return Finding("ok", path)

    def check_content(self, path: Path) -> None:
        """A pack's checksums, or a task's card and lineage. Raises DamagedFile or Misfit."""
        attrs = store.read_attrs(path)
        if attrs.get("kind") == "pack":
            check_pack(path)
        card, spec = attrs.get("card"), self.manifest["spec"]
        if card is None:
            return
        for name in _OF_CARD:
            if name in spec and card[name] != spec[name]:
                raise Misfit(f"is of {name} {card[name]}, not {spec[name]}")
        if not card["alone"] and card["lineage"] != self.lineage(card["lineage"]):
            raise Misfit("was learned on other tasks than its stage read")

    def lineage(self, said: list[str]) -> list[str]:
        """The digests of the shards that the stage's task was learned on, oldest first.

        A stage reads the shard of the task before its own, and the card of that shard names the
        older ones. Where that shard is missing or has changed, its card proves nothing: then the
        older digests are taken from `said`, the lineage that is being checked.
        """
        shards = [path for path in self.manifest["inputs"] if path.endswith("/shard.h5")]
        if not shards:
            inputs = self.manifest["inputs"].items()
            return [digest for path, digest in inputs if path.endswith(f"/{GROUND_FILE}")]
        newest = max(shards, key=_position)
        digest, root = self.manifest["inputs"][newest], split_root(self.manifest["folder"])
        before, _ = self.input(newest, root[0] if root else "")
        if not before.is_file() or store.digest_once(before) != digest:
            return [*said[:-1], digest]
        return [*store.read_attrs(before)["card"]["lineage"], digest]

    def damaged(self, name: str, why: str = "is not what was written") -> Finding:
        path = self.path / name
        if is_spare((self.path / name).as_posix()):  # nothing reads it any more
            return Finding("damaged", path, why, removing(path))
        return self.wrong("damaged", name, why, remove=path)

    def wrong(self, status: str, name: str, why: str, remove: Path | str | None = None) -> Finding:
        """A file that its stage can write again, where need be after something was removed."""
        if self.place is None:
            return Finding(status, self.path / name, why, "put it back")
        command = rebuilding(self.path / name, remove, self.typed)
        return Finding(status, self.path / name, why, command)

    def foreign(self, name: str, why: str) -> Finding:
        return Finding("foreign", self.path / name, why, removing(self.path / name))


def _position(shard: str) -> int:
    """The position of the task that a shard belongs to."""
    place = place_of(shard)
    return place.position if place else 0


def _like(given: Path, path: Path) -> Path:
    """`path`, absolute or relative as the path that the user gave is."""
    return path if given.is_absolute() else Path(os.path.relpath(path))
