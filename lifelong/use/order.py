"""Which tasks an experiment or a model has now, among folders of tasks that it had before."""

from collections.abc import Iterator
from pathlib import Path

from lifelong import store
from lifelong.plan.ages import made_ns
from lifelong.plan.paths import slug

MANIFEST = "manifest.json"


def tasks_of(folder: Path) -> list[str] | None:
    """The folders of a model's tasks in their order; None where no stage has said it yet."""
    told = [path for path in _tellers(folder) if path.is_file()]
    for path in sorted(told, key=made_ns, reverse=True):
        spec = store.read_manifest(path.parent)["spec"]
        if names := spec.get("tasks") or [data["task"] for data in spec.get("data", ())]:
            return _folders(folder, names)
    return None


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
