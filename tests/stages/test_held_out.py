"""LASEM with likelihoods of images that are held out, through its stages."""

import contextlib

import pytest
from harness_tree import Killed, content
from toy_experiment import LAYERS, run_toy

from lifelong import store
from lifelong.train import loop

HELD_OUT = {**LAYERS["layers"], "epochs": 2, "lasem": {"likelihood_images": "validation"}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three tasks, never interrupted."""
    return run_toy(tmp_path_factory.mktemp("held_out"), ["lasem_hps"], layers=HELD_OUT)


def test_other_images_make_other_posteriors(whole, tmp_path):
    usual = run_toy(tmp_path, ["lasem_hps"], layers={**HELD_OUT, "lasem": {}})
    first = "lasem_hps/s0/01-zero_six/train"
    one, other = (store.read_manifest(place / first)["outcome"] for place in (whole, usual))
    assert {name for name, _ in one["patterns"]} == {name for name, _ in other["patterns"]}
    assert one["patterns"] != other["patterns"]


def test_killed_and_run_again_the_same_images_are_drawn(whole, tmp_path, monkeypatch):
    real = loop._Run.one_step

    def dying(run, x, y):
        if run.learner.card.task == "one_seven" and run.step == 3:
            raise Killed
        real(run, x, y)

    with monkeypatch.context() as patch:
        patch.setattr("lifelong.work.resume.SAVE_EVERY_S", 0.0)
        patch.setattr("lifelong.work.resume.SHARE_OF_TIME", 1e9)
        patch.setattr(loop._Run, "one_step", dying)
        with contextlib.suppress(Killed):
            run_toy(tmp_path, ["lasem_hps"], layers=HELD_OUT)
            pytest.fail("the run was never killed")
    again = run_toy(tmp_path, ["lasem_hps"], layers=HELD_OUT)
    assert content(again / "lasem_hps") == content(whole / "lasem_hps")
