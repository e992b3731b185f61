"""What can be removed from an experiment's results, and how much room that makes."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lifelong import store
from lifelong.jobs.find import finished, outdated
from lifelong.plan.errors import DamagedFile, UserError
from lifelong.plan.plan import Plan


@dataclass(frozen=True)
class Removable:
    """A file or folder that nothing needs any more, and why."""

    path: Path
    why: str

    @property
    def size_mb(self) -> float:
        files = [self.path] if self.path.is_file() else self.path.rglob("*")
        return sum(path.stat().st_size for path in files if path.is_file()) / 2**20

    def remove(self) -> None:
        """Remove it, and the folders above it that are then empty."""
        if self.path.is_file():
            self.path.unlink()
            return
        shutil.rmtree(self.path)
        above = self.path.parent
        while above.name and not any(path.name != ".DS_Store" for path in above.iterdir()):
            shutil.rmtree(above)
            above = above.parent


def removable(plan: Plan, rungs: bool = False) -> Iterator[Removable]:
    """Folders that no stage of the plan writes; with `rungs`, those of tasks that are finished.

    Rungs are needed only to choose another ratio: a changed goal then prunes anew. Raises UserError
    where the experiment has no results.
    """
    base = Path(plan.paths.base)
    if not base.is_dir():
        raise UserError(f"there is no folder {base}: check the experiment, or give --configfile")
    gone = {stage.folder for stage in outdated(plan) if not stage.planned}
    for folder in sorted(gone):
        yield Removable(folder, "no stage of the configuration writes it")
    for folder in finished(base) if rungs else ():
        if folder.name == "prune" and folder not in gone and _is_finished(folder.parent):
            for path in sorted(folder.glob("ratio-*.h5")):
                yield Removable(path, "the task's weights are chosen")


def _is_finished(task: Path) -> bool:
    try:
        return "shard.h5" in store.read_manifest(task / "retrain")["files"]
    except DamagedFile:
        return False
