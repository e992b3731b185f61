"""Adapter: the Snakemake job of rule expand to the stage of that name."""

from lifelong.jobs.runner import from_snakemake

from_snakemake("expand", snakemake)  # type: ignore[name-defined]  # noqa: F821
