"""Copies of the workflow: bare ones, and one that has run."""

import shutil
from pathlib import Path

import pytest
from workflow_tree import EXPERIMENT, copy_workflow, snakemake, write_config


@pytest.fixture
def workflow(tmp_path) -> Path:
    """A folder with the workflow, to be given a config.yaml."""
    return copy_workflow(tmp_path)


@pytest.fixture
def tiny(workflow) -> Path:
    """A folder with the workflow and the tiny experiment; nothing has run."""
    write_config(workflow, EXPERIMENT)
    return workflow


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """The tiny experiment after `snakemake --cores 2`. Not to be changed: see `again`."""
    folder = copy_workflow(tmp_path_factory.mktemp("finished"))
    write_config(folder, EXPERIMENT)
    snakemake(folder, "--cores", "2")
    return folder


@pytest.fixture
def again(finished, tmp_path) -> Path:
    """A copy of the finished experiment, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "again"))
