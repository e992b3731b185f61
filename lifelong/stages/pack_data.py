"""Raw images of one data set in, one HDF5 pack out."""

import logging
from pathlib import Path

from lifelong.data.pack import write_pack
from lifelong.plan.stage import Stage
from lifelong.stages.seal import seal

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write pack.h5 and its manifest; on any error neither is there."""
    outcome = write_pack(Path(stage.path("pack.h5")), stage.spec["settings"], log)
    digest = outcome.pop("digest")
    seal(stage, {"pack.h5": digest}, outcome)
    log.info("packed %s", outcome["images"])
