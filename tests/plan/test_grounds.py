"""Which methods read pretrained weights, what these say of images, and what a change reruns."""

import pytest
from toy_experiment import toy_config

from lifelong.plan.config import check
from lifelong.plan.plan import Plan
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Key

LITE0 = {"pretrained": "efficientnet_lite0"}
PHOTOS = {"photos": {"source": "image_folder", "root": "raw"}}


def photos(**changes):
    config = toy_config(["scratch", "probe", "cpg"], ground=LITE0, datasets=PHOTOS, goals={})
    return {**config, "tasks": [{"name": "a"}], "network": {"name": "efficientnet_lite0"}} | changes


def test_weights_say_mean_std_and_size_where_a_data_set_does_not():
    assert (
        check(photos())["datasets"]["photos"]
        | {
            "mean": [127 / 255] * 3,
            "std": [128 / 255] * 3,
            "image_size": 224,
        }
        == check(photos())["datasets"]["photos"]
    )


def test_a_data_set_may_say_something_else():
    own = {"mean": [0.1] * 3, "std": [0.2] * 3, "image_size": 64}
    checked = check(photos(datasets={"photos": PHOTOS["photos"] | own}))["datasets"]["photos"]
    assert {name: checked[name] for name in own} == own
    split = {"normalise": "own_split"}
    checked = check(photos(datasets={"photos": PHOTOS["photos"] | split}))["datasets"]["photos"]
    assert "mean" not in checked and checked["normalise"] == "own_split"


@pytest.mark.parametrize(
    ("method", "kind", "reads"),
    [
        ("scratch", "baseline", False),
        ("finetune", "baseline", True),
        ("finetune", "infer", False),
        ("probe", "baseline", True),
        ("probe", "infer", True),
        ("cpg", "train", True),
        ("cpg", "retrain", True),
        ("cpg", "infer", True),
        ("cpg", "select", False),
    ],
)
def test_stages_read_the_weights_that_they_need(method, kind, reads):
    config = toy_config([method], ground={"pretrained": "w.pth"})
    stage = Plan(check(config)).stage(Key(kind, method, 0, 2))
    assert ("results/toy/ground/ground.h5" in stage.files_read()) is reads


def test_without_weights_no_stage_says_anything_of_them():
    plan = Plan(check(toy_config(["cpg", "finetune"])))
    for key in (Key("train", "cpg", 0, 1), Key("baseline", "finetune", 0, 2)):
        stage = plan.stage(key)
        assert "ground" not in canonical(stage.spec) + " ".join(stage.files_read())
        assert "released" not in canonical(stage.spec)


def test_a_method_may_begin_anew_beside_others_on_the_weights():
    anew = {"method": "cpg", "ground": {"pretrained": None}}
    config = toy_config(["cpg", "new"], variants={"new": anew}, ground={"pretrained": "w.pth"})
    plan = Plan(check(config))
    assert plan.on_ground("cpg") and not plan.on_ground("new")
    assert "ground" not in plan.stage(Key("train", "new", 0, 1)).inputs


def test_another_file_of_weights_is_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").write_bytes(b"one")
    before, again = (
        Plan(check(toy_config(["cpg"], ground={"pretrained": "w.pth"}))).ground_stage.spec
        for _ in range(2)
    )
    assert before == again
    (tmp_path / "w.pth").write_bytes(b"another")
    after = Plan(check(toy_config(["cpg"], ground={"pretrained": "w.pth"}))).ground_stage.spec
    assert after.files != before.files and after.pretrained == before.pretrained
