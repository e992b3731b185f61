"""Raw images of one data set in, one HDF5 pack out."""

import logging
from pathlib import Path

from lifelong import store
from lifelong.data.pack import write_pack
from lifelong.plan.stage import Stage

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write pack.h5 and its manifest; on any error neither is there."""
    outcome = write_pack(Path(stage.path("pack.h5")), stage.spec["settings"], log)
    digest = outcome.pop("digest")
    store.write_manifest(
        Path(stage.folder), {"pack.h5": digest}, spec=stage.spec, outcome=outcome, inputs={}
    )
    log.info("packed %s", outcome["images"])
