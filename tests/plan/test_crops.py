"""The crop of a task in the configuration: who must know it, and what is refused."""

from typing import Any

import pytest
from toy_experiment import toy_config

from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.plan import Plan
from lifelong.plan.stage import Key


def cropped(crop: int, methods: tuple[str, ...] = ("scratch",), **changes: Any) -> dict[str, Any]:
    config = toy_config(list(methods), **changes)
    config["tasks"][0]["crop"] = crop
    return config


def test_stages_of_the_task_know_its_crop_and_its_pack_does_not():
    plain, plan = (Plan(check(one)) for one in (toy_config(["scratch"]), cropped(6)))
    for kind in ("baseline", "infer"):
        key = Key(kind, "scratch", 0, 1)
        data = plan.spec(key).data
        first = data if kind == "baseline" else data[0]
        assert first["crop"] == 6 and plan.spec(key) != plain.spec(key)
    second = Key("baseline", "scratch", 0, 2)
    assert plan.spec(second) == plain.spec(second)
    assert plan.pack_stage("digits").spec == plain.pack_stage("digits").spec


def test_a_crop_larger_than_the_images_is_refused():
    with pytest.raises(ConfigError, match=r"crop of task 'zero_six' is 9, but .* 8 pixels"):
        check(cropped(9))


def test_the_network_must_take_what_it_sees_and_no_more():
    faces = {"source": "class_folders", "root": "x", "prealigned": True, "image_size": 250}
    config = toy_config(["scratch"], datasets={"faces": faces})
    config |= {"tasks": [{"name": "a", "crop": 112}], "network": {"name": "spherenet20"}}
    config["goals"] = {}
    check(config)
    config["tasks"][0]["crop"] = 7
    with pytest.raises(ConfigError, match="at least 8x8 pixels, not 7"):
        check(config)
    del config["tasks"][0]["crop"]
    with pytest.raises(ConfigError, match="at most 224x224 pixels, not 250"):
        check(config)


@pytest.mark.parametrize(("side", "fits"), [(182, True), (160, True), (112, False)])
def test_pairs_may_be_of_what_the_network_sees(side, fits):
    faces = {"prealigned": True, "root": "x"}
    lfw = {"source": "lfw", "pairs": "pairs.txt", "image_size": side, **faces}
    sets = {"who": {"source": "identity_folders", "image_size": 182, **faces}, "lfw": lfw}
    task = {"name": "a", "dataset": "who", "crop": 160, "pairs": {"dataset": "lfw"}}
    config = toy_config(["scratch"], datasets=sets, tasks=[task], goals={})
    config["network"] = {"name": "inception_resnet_v1"}
    if fits:
        check(config)
    else:
        with pytest.raises(ConfigError, match="the same image_size"):
            check(config)
