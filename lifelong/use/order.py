"""Which tasks an experiment or a model has now, among folders of tasks that it had before."""

from collections.abc import Iterator
from pathlib import Path

from lifelong import store
from lifelong.plan.paths import slug

MANIFEST = "manifest.json"


def tasks_of(folder: Path) -> list[str] | None:
    """The folders of a model's tasks in their order; None where no stage has said it yet."""
    told = [path for path in _tellers(folder) if path.is_file()]
    for path in sorted(told, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        spec = store.read_manifest(path.parent)["spec"]
        if names := spec.get("tasks") or [data["task"] for data in spec.get("data", ())]:
            return [slug(position, name) for position, name in enumerate(names, 1)]
    return None


def _tellers(folder: Path) -> Iterator[Path]:
    """Manifests that name the tasks of an experiment or of a model."""
    yield folder.resolve().parents[1] / "tables" / MANIFEST
    yield from folder.glob(f"*/infer/{MANIFEST}")
