"""What a user is told whose key will have no effect."""

from pathlib import Path

import pytest
from edits import with_key
from toy_experiment import toy_config, toy_layers_config

from lifelong.plan.class_names import SUPERCLASSES
from lifelong.plan.config import check, load, read
from lifelong.plan.remarks import remarks

METHODS = ["packnet", "cpg"]
TREE = Path(__file__).parents[2]
EXPERIMENTS = sorted((TREE / "experiments").glob("*.yaml"))
DROP = {"rounds": 1, "share": 0.2, "allowed": 0.0}


def told(config: dict, given: dict) -> list[str]:
    return remarks(check(config), given)


def test_a_key_that_a_method_answers_for_itself_is_told():
    given = {"prune": {"ratios": [0.3], "lr": 0.1}, "retrain": {"keep": "last"}}
    assert told(toy_config(METHODS, method_settings={}), given) == [
        "packnet keeps prune.ratios [0.6]; say it under method_settings.packnet to change it"
    ]


def test_a_key_that_was_answered_for_the_method_or_that_nobody_gave_is_not():
    prune = {"prune": {"ratios": [0.3]}}
    config = toy_config(METHODS)
    assert told(config, {}) == []
    assert told(config, {**prune, "method_settings": {"packnet": prune}}) == []
    variants = {"mine": {"method": "packnet", **prune}}
    assert told({**config, "methods": ["mine"], "variants": variants}, prune) == []


def test_a_ratio_by_hand_is_not_for_packnet():
    config = with_key(toy_config(METHODS), "tasks", 1, "ratio", 0.3)
    assert told(config, {}) == [
        "packnet does not read the ratio of one_three_eight_nine: it prunes every task to "
        "prune.ratios under method_settings.packnet"
    ]


def test_a_variant_is_told_its_own_place():
    config = with_key(toy_config(["low"]), "tasks", 1, "ratio", 0.3)
    config["variants"] = {"low": {"method": "packnet", "prune": {"ratios": [0.6]}}}
    [line] = told(config, {})
    assert line.endswith("it prunes every task to prune.ratios under variants.low")


def test_a_pattern_by_hand_is_for_methods_that_look_for_one():
    config = with_key(toy_layers_config(["hps"]), "tasks", 0, "sharing", "SS")
    assert told(config, {}) == [
        "no method here reads the sharing of zero_six: none looks for a pattern"
    ]
    assert told({**config, "methods": ["hps", "lasem_hps"]}, {}) == []


def test_groups_that_no_task_has_are_told():
    cifar = {"source": "cifar100", "root": "raw"}
    tasks = [{"name": "fish"}, {"name": "wet", "group": "aquatic_mammals"}]
    config = toy_config(METHODS, goals={}) | {"datasets": {"cifar": cifar}, "tasks": tasks}
    assert told(config, {}) == [
        "2 of 20 groups of cifar have a task, and all are packed; datasets.cifar.groups packs fewer"
    ]
    few = {"cifar": {**cifar, "groups": ["fish", "aquatic_mammals"]}}
    assert told({**config, "datasets": few}, {}) == []
    classes = [{"name": "any", "classes": ["fish/ray", "flowers/rose"]}]  # of several groups
    assert told({**config, "tasks": classes}, {}) == []


def test_a_ratio_that_starves_late_tasks_is_told():
    """A share of 0.4 of what is free leaves the 20th task 0.4 x 0.6^19 = 2.4e-5 of a layer."""
    cifar = {"cifar": {"source": "cifar100", "root": "raw"}}
    tasks = [{"name": f"t{i}", "group": group} for i, group in enumerate(SUPERCLASSES)]
    config = toy_config(["packnet", "cpg"], goals={}) | {"datasets": cifar, "tasks": tasks}
    assert told(config, {}) == [
        "packnet leaves 2e-05 of each layer to the last of 20 tasks: raise prune.ratios under "
        "method_settings.packnet, such as [0.95]"
    ]
    raised = {"packnet": {"prune": {"ratios": [0.95]}}}
    assert told({**config, "method_settings": raised}, {}) == []


def test_weights_that_would_stay_at_zero_are_told():
    groups = ["fish", "flowers"]
    cifar = {"cifar": {"source": "cifar100", "root": "raw", "groups": groups}}
    tasks = [{"name": name, "dataset": "cifar"} for name in groups]
    methods = ["scratch", "packnet", "cpg", "progressive_cpg", "supsup", "wsn"]
    config = toy_config(methods, goals={}, network={"name": "lenet"})
    config |= {"datasets": cifar, "tasks": tasks}
    said = told(config, {})
    assert [line.split()[0] for line in said] == ["packnet", "cpg"]
    assert all("set train: {free_weights: fresh}" in line for line in said)
    for change in ({"train": {"free_weights": "fresh"}}, {"network": {"name": "vgg16_bn"}}):
        assert told(config | change, {}) == []


def test_a_section_that_a_method_does_not_read_is_told():
    config = toy_config(METHODS)
    own = {
        "packnet": {"picking": {"density": 0.1}, "retrain": {"drop": DROP}},
        "wsn": {"expand": {}},
    }
    assert told({**config, "method_settings": own}, {}) == [
        "packnet does not read its picking, retrain.drop"
    ]
    variants = {"mine": {"method": "wsn", "expand": {"cap": 1.0}, "picking": {"density": 0.3}}}
    config = {**toy_config(["wsn"]), "methods": ["mine"], "variants": variants}
    assert told(config, {}) == ["mine does not read its expand"]


def test_a_section_that_no_method_reads_is_told():
    given = {"train": {"epochs": 3}, "picking": {"density": 0.3}, "baseline": {"epochs": 3}}
    assert told(toy_config(["packnet"]), given) == ["no method here reads picking, baseline"]
    assert told(toy_config(["cpg"]), given) == ["no method here reads picking"]
    assert told(toy_config(["wsn", "scratch"]), given) == []


def test_images_of_another_size_than_the_weights_were_made_for_are_told():
    ground = {"pretrained": "efficientnet_lite0"}
    sets = {"photos": {"source": "image_folder", "root": "raw"}}
    config = {
        **toy_config(["probe"], ground=ground, datasets=sets),
        "tasks": [{"name": "a"}],
        "goals": {},
        "network": {"name": "efficientnet_lite0"},
    }
    assert told(config, {}) == []
    small = with_key(config, "network", "input_size", 96)
    assert told(small, {}) == [
        "efficientnet_lite0 was made for 224 pixels, and sees 96 of photos: smaller ones cost "
        "accuracy and save time (network.input_size)"
    ]


@pytest.mark.parametrize(
    "file", sorted((TREE / "experiments").glob("*.yaml")), ids=lambda f: f.stem
)
def test_all_is_told_of_every_experiment(file):
    """No kind of remark fails on a family or section that it does not know."""
    lines = remarks(load([TREE / "config.yaml", file]), read(file))
    assert all("\n" not in line for line in lines)


def test_the_ratio_that_is_advised_for_hundreds_of_tasks_is_below_1():
    tasks = [{"name": f"t{i}", "classes": [i % 10, (i + 1) % 10]} for i in range(250)]
    [line] = told(toy_config(["packnet"], goals={}, tasks=tasks, overlapping_classes=True), {})
    assert line.endswith("such as [0.996]")


def test_methods_that_train_in_one_process_or_with_no_compiled_update_say_so():
    recipe = {"crop_padding": 1, "flip": False, "processes": 2, "update": "compiled"}
    config = toy_config(["scratch", "cpg", "wsn"], recipe=recipe)
    uncompiled = " does not read recipe.update: it has no compiled form"
    assert told(config, {}) == [f"scratch{uncompiled}", f"wsn{uncompiled}"]
    assert told({**config, "recipe": {**recipe, "optimiser": "adam"}}, {})[1] == (
        "cpg does not read recipe.update: only SGD with momentum is compiled"
    )
    alone = "joint does not read recipe.processes: it trains in one process"
    lessons = toy_config(["joint"])
    assert alone not in told(lessons, {})
    own = {"method_settings": {"joint": {"recipe": {"processes": 2}}}}
    for said in ({"recipe": {"processes": 2}}, own):
        assert alone in told({**lessons, **said}, {})
