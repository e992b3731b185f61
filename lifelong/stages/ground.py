"""Pretrained weights in, task 0 of every model out: checked, stored once, never changed."""

import logging
from pathlib import Path

from lifelong.plan.grounds import FILE
from lifelong.plan.raw_files import Knowing
from lifelong.plan.stage import Stage
from lifelong.work import shards
from lifelong.work.pretrained import ground_part
from lifelong.work.seal import seal

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write ground.h5 and its manifest; on any error neither is there."""
    files = Knowing([stage.spec.pretrained], stage.spec.files.get("files"))
    part, path = ground_part(stage.spec), Path(stage.path(FILE))
    digest = shards.save(path, part)
    weights = sum(values.size for values in part.values.values())
    outcome = {"weights": weights, "bytes": path.stat().st_size}
    seal(stage, {FILE: digest}, outcome | files.facts())
    log.info("%s: %d weights of %s", part.card.task, weights, part.card.network)
