"""The stages of a data set, which all methods share: align its faces, pack its images."""

from collections.abc import Mapping
from typing import Any

from lifelong.plan.draws import pack_settings
from lifelong.plan.faces import alignment_settings
from lifelong.plan.paths import Paths
from lifelong.plan.revisions import STAGES
from lifelong.plan.specs import Alignment, Packing
from lifelong.plan.stage import Inputs, Stage


def pack_stage(config: Mapping[str, Any], paths: Paths, dataset: str) -> Stage:
    """The job that packs one data set."""
    spec = Packing(
        revision=[STAGES["pack_data"]],
        kind="pack_data",
        experiment=config["experiment"],
        dataset=dataset,
        settings=pack_settings(config["datasets"][dataset]),
    )
    parts = [stage.path("faces.h5") for stage in align_stages(config, paths, dataset)]
    inputs: Inputs = {"parts": list(parts)} if parts else {}
    return Stage("pack_data", paths.pack_folder(dataset), inputs, spec)


def align_stages(config: Mapping[str, Any], paths: Paths, dataset: str) -> list[Stage]:
    """The jobs that align a face set, one per shard; none for other sets."""
    settings = pack_settings(config["datasets"][dataset])
    if "align" not in settings:
        return []
    shards = settings["align"]["shards"]
    return [
        Stage("align_faces", paths.faces(dataset, shard), {}, spec)
        for shard in range(1, shards + 1)
        for spec in (
            Alignment(
                revision=[STAGES["align_faces"]],
                kind="align_faces",
                experiment=config["experiment"],
                dataset=dataset,
                settings=alignment_settings(settings),
                shard=shard,
                shards=shards,
            ),
        )
    ]
