"""Copies of the workflow: bare ones, and one that has run."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_once import made_once
from workflow_tree import EXPERIMENT, copy_workflow, jobs, snakemake, write_config


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
    """The tiny experiment after `snakemake --cores 2`. Not to be changed: see `again`.

    A copy for each process, because Snakemake locks a folder even to look at it.
    """

    def make(folder: Path) -> Path:
        copy_workflow(folder)
        write_config(folder, EXPERIMENT)
        snakemake(folder, "--cores", "2")
        return folder

    made = made_once(tmp_path_factory, "finished", make)
    return Path(shutil.copytree(made, tmp_path_factory.mktemp("finished") / "here"))


@pytest.fixture
def again(finished, tmp_path) -> Path:
    """A copy of the finished experiment, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "again"))


@pytest.fixture(scope="module")
def dry(finished, tmp_path_factory) -> Callable[[dict[str, Any]], set[str]]:
    """A function from a changed configuration to the jobs that the finished one would run.

    `finished` is the module's own where it has one.
    """
    folder = tmp_path_factory.mktemp("dry") / "again"
    shutil.copytree(finished, folder)

    def would_run(config: dict[str, Any]) -> set[str]:
        write_config(folder, config)
        return jobs(snakemake(folder, "-n"))

    return would_run
