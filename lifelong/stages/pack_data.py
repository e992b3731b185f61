"""Raw images of one data set in, one HDF5 pack out."""

import logging
from pathlib import Path

from lifelong.data.packing import write_pack, write_raw
from lifelong.plan.raw_files import Knowing, given_files
from lifelong.plan.sources import SOURCES
from lifelong.plan.stage import Stage
from lifelong.work.face_packs import raw_faces
from lifelong.work.seal import seal

log = logging.getLogger(__name__)


def run(stage: Stage) -> None:
    """Write pack.h5 and its manifest; on any error neither is there."""
    path, settings = Path(stage.path("pack.h5")), {**stage.spec.settings, "workers": stage.threads}
    files = Knowing(given_files(settings), settings.get("files"))
    if SOURCES[settings["source"]].faces:
        raw, more = raw_faces(settings, stage.input_list("parts"), path.parent, log)
        outcome = write_raw(path, raw) | more
    else:
        outcome = write_pack(path, settings, log)
    digest = outcome.pop("digest")
    seal(stage, {"pack.h5": digest}, outcome | files.facts())
    log.info("packed %s", outcome["images"])
    if repeated := outcome["tested_and_trained"]:
        log.warning("%d test images are also images to train or decide on", repeated)
