"""The stages of a data set, which all methods share: align its faces, pack its images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifelong.plan.draws import pack_settings
from lifelong.plan.faces import alignment_settings
from lifelong.plan.paths import MANIFEST, Paths
from lifelong.plan.raw_files import raw_files
from lifelong.plan.revisions import STAGES
from lifelong.plan.specs import Alignment, Packing
from lifelong.plan.stage import Inputs, Stage


def pack_stage(config: Mapping[str, Any], paths: Paths, dataset: str) -> Stage:
    """The job that packs one data set."""
    folder = paths.pack_folder(dataset)
    files = raw_files(config["datasets"][dataset], Path(f"{paths.prefix}{folder}/{MANIFEST}"))
    spec = Packing(
        revision=[STAGES["pack_data"]],
        kind="pack_data",
        experiment=config["experiment"],
        dataset=dataset,
        settings=pack_settings(config["datasets"][dataset]) | files,
    )
    parts = [stage.path("faces.h5") for stage in align_stages(config, paths, dataset)]
    inputs: Inputs = {"parts": list(parts)} if parts else {}
    return Stage("pack_data", folder, inputs, spec)


def align_stages(config: Mapping[str, Any], paths: Paths, dataset: str) -> list[Stage]:
    """The jobs that align a face set, one per shard; none for other sets."""
    settings = pack_settings(config["datasets"][dataset])
    if "align" not in settings:
        return []
    shards = settings["align"]["shards"]
    first = Path(f"{paths.prefix}{paths.faces(dataset, 1)}/{MANIFEST}")
    how = alignment_settings(settings) | raw_files(config["datasets"][dataset], first)
    return [
        Stage("align_faces", paths.faces(dataset, shard), {}, spec)
        for shard in range(1, shards + 1)
        for spec in (
            Alignment(
                revision=[STAGES["align_faces"]],
                kind="align_faces",
                experiment=config["experiment"],
                dataset=dataset,
                settings=how,
                shard=shard,
                shards=shards,
            ),
        )
    ]
