"""A package from outside adds methods, networks and a source, and the workflow runs them."""

import subprocess
import sys

import pandas as pd
import pytest
from workflow_tree import EXPERIMENT, copy_workflow, snakemake, write_config

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "toy-additions"
version = "1.0"
[project.entry-points."lifelong.methods"]
toy = "toy_rows:METHODS"
[project.entry-points."lifelong.networks"]
toy = "toy_rows:NETWORKS"
[project.entry-points."lifelong.sources"]
toy = "toy_rows:SOURCE"
[tool.setuptools]
py-modules = ["toy_rows", "toy_code"]
"""
ROWS = """\
from lifelong.plan.methods import layers, masks, separate
from lifelong.plan.networks import Network
from lifelong.plan.sources import Source
from lifelong.plan.stacks import Stack

METHODS = [
    separate("toy_separate", code="toy_code"),
    masks("toy_masks", code="toy_code", picks="threshold"),
    layers("toy_layers", code="toy_code:LAYERS", pattern="none", alone=True, isolates=True),
]
NETWORKS = [
    Network("toy_net", builder="toy_code:ToyNet", smallest=4),
    Network("toy_stack", ("layers",), stack=Stack((3, 3), (4, 8), (2, 2), (16,))),
]
SOURCE = Source(
    "toy_source",
    "toy_code:negatives",
    has_root=False,
    usual_side=8,
    classes={"": tuple("0123456789")},
)
"""
CODE = """\
from functools import partial

from torch import nn

from lifelong.data.sources import digits
from lifelong.layers.fixed import FixedPattern
from lifelong.layers.forms import HARD
from lifelong.layers.network import task_view
from lifelong.methods.base import LayerMethod

LAYERS = LayerMethod(partial(FixedPattern, form=HARD), partial(task_view, HARD))


class ToyNet(nn.Module):
    def __init__(self, in_channels, channels=1.0, width=1.0):
        super().__init__()
        self.out_features = round(16 * width)
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, self.out_features, 3, bias=False),
            nn.BatchNorm2d(self.out_features),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        )

    def forward(self, x):
        return self.body(x)


def negatives(settings, log):
    log.info("negatives of digits")
    raw = digits(settings, log)
    raw.images[:] = 255 - raw.images
    return raw
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder into which pip installed the package."""
    source = tmp_path_factory.mktemp("toy_additions")
    for name, text in (("pyproject.toml", PROJECT), ("toy_rows.py", ROWS), ("toy_code.py", CODE)):
        (source / name).write_text(text)
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(source)], check=True)
    return site


@pytest.mark.parametrize(
    ("methods", "network"),
    [(["toy_separate", "toy_masks"], "toy_net"), (["toy_layers"], "toy_stack")],
)
def test_the_workflow_runs_them(site, tmp_path, monkeypatch, methods, network):
    folder = copy_workflow(tmp_path)
    config = {
        **EXPERIMENT,
        "methods": methods,
        "datasets": {"digits": {"source": "toy_source", "channels": 1}},
        "network": {"name": network},
        "layers": {"epochs": 2},
        "goals": {},
    }
    write_config(folder, config)
    monkeypatch.setenv("PYTHONPATH", str(site))
    snakemake(folder)
    results = folder / "results" / "tiny"
    summary = pd.read_csv(results / "tables" / "summary.csv")
    assert list(summary["method"]) == methods and set(summary["tasks"]) == {2}
    assert "negatives of digits" in (results / "pack_data" / "digits" / "log.txt").read_text()
