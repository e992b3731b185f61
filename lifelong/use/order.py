"""Which tasks an experiment or a model has now, among folders of tasks that it had before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lifelong import store
from lifelong.plan.ages import made_ns
from lifelong.plan.paths import MANIFEST, slug


def tasks_of(folder: Path) -> list[str] | None:
    """The folders of a model's tasks in their order; None where no stage has said it yet."""
    told = {path: made_ns(path) for path in _tellers(folder) if path.is_file()}
    newest_first = sorted(told, key=told.__getitem__, reverse=True)
    tellers = [one for one in map(_teller, newest_first) if one.names]
    if not tellers:
        return None
    last = tellers[0]
    while later := next((one for one in tellers if one.was_made_from(last)), None):
        last = later
    return _folders(folder, last.names)


@dataclass(frozen=True)
class _Teller:
    """A stage that names the tasks which were there when it ran."""

    names: list[str]
    files: Mapping[str, str]  # digests of what it wrote, by TASK/STAGE/FILE
    inputs: Mapping[str, str]  # of what it read, likewise

    def was_made_from(self, other: "_Teller") -> bool:
        """Whether it read what the other wrote and knows more tasks: so it is newer.

        Times do not always say so: those of a copy may be in any order.
        """
        goes_on = other.names == self.names[: len(other.names)] and self.names != other.names
        return goes_on and bool(self.inputs.items() & other.files.items())


def _teller(path: Path) -> _Teller:
    made = store.read_manifest(path.parent)
    spec = made["spec"]
    names = spec.get("tasks") or [data["task"] for data in spec.get("data", ())]
    files = {_below(path.parent / name): digest for name, digest in made.get("files", {}).items()}
    return _Teller(
        names, files, {_below(Path(p)): one for p, one in made.get("inputs", {}).items()}
    )


def _below(path: Path) -> str:
    return "/".join(path.parts[-3:])


def _folders(folder: Path, names: list[str]) -> list[str]:
    """The folders of tasks in their order; of tasks that were learned together, their lesson's.

    Where a task has several, from other configurations, the one that was measured last.
    """
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    folders: list[str] = []
    last = len(names)
    while last:
        lessons = {slug(last, *names[first:last]): first for first in range(last)}
        made = [one for one in lessons if one in there] or [slug(last, names[last - 1])]
        newest = max(made, key=lambda one: _measured_ns(folder / one))
        folders.append(newest)
        last = lessons[newest]
    return folders[::-1]


def _measured_ns(folder: Path) -> int:
    path = folder / "infer" / MANIFEST
    return made_ns(path) if path.is_file() else 0


def _tellers(folder: Path) -> Iterator[Path]:
    """Manifests that name the tasks of an experiment or of a model."""
    yield folder.resolve().parents[1] / "tables" / MANIFEST
    yield from folder.glob(f"*/infer/{MANIFEST}")
