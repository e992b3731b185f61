"""Lifelong learning as a Snakemake workflow: one compact network learns task after task."""

__version__ = "0.1.0"
