"""Adapter: the Snakemake job of rule align_faces to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("align_faces", snakemake)  # type: ignore[name-defined]  # noqa: F821
