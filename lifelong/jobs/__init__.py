"""How a stage gets run: as a Snakemake job, by the warm worker, or by `lifelong run`."""
