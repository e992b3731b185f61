"""Which images a task sees, and which stages a change of that reruns."""

from pathlib import Path

import pytest
from edits import with_key
from hypothesis import given
from hypothesis import strategies as st

from lifelong.plan.class_names import GROUP_OF
from lifelong.plan.config import check
from lifelong.plan.draws import PERCENT, drawn_per_class
from lifelong.plan.errors import ConfigError
from lifelong.plan.plan import Plan
from lifelong.plan.reading import read
from lifelong.plan.schema import schema
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Key

TREE = Path(__file__).parents[2]
CONFIG = {
    "experiment": "toy",
    "seeds": [0, 1],
    "methods": ["scratch", "packnet", "cpg"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "a", "classes": [0, 1]}, {"name": "b", "classes": [2, 3]}],
    "network": {"name": "small_cnn"},
    "prune": {"ratios": [0.6]},
}
DRAW = {"train": 17, "validation": 3}


def edited(where, value):
    return with_key(CONFIG, *where, value)


def data_of(config, position=1, seed=0, method="cpg", kind="train"):
    """What a stage knows of a task's images."""
    spec = Plan(check(config)).spec(Key(kind, method, seed, position))
    return spec.data if kind != "infer" else spec.data[position - 1]


def specs(config):
    plan = Plan(check(config))
    keys = [
        Key(kind, method, 0, position)
        for method, kinds in (("scratch", "baseline"), ("cpg", "train expand prune retrain"))
        for kind in (*kinds.split(), "infer")
        for position in (1, 2)
    ]
    found = {(key.method, key.kind, key.position): canonical(plan.spec(key)) for key in keys}
    return found | {"pack": canonical(plan.pack_stage("digits").spec)}


TRAINING = {("scratch", "baseline")}
TRAINING |= {("cpg", kind) for kind in ("train", "expand", "prune", "retrain")}
OF_A = {(*one, 1) for one in TRAINING}
OF_A |= {(method, "infer", position) for method in ("scratch", "cpg") for position in (1, 2)}
OF_B = {(*one, 2) for one in TRAINING} | {("scratch", "infer", 2), ("cpg", "infer", 2)}
CHANGES = {
    "a draw for all": (("datasets", "digits", "draw"), DRAW, OF_A | OF_B),
    "a draw for one": (("tasks", 0, "draw"), DRAW, OF_A),
    "own statistics for all": (("datasets", "digits", "normalise"), "own_split", OF_A | OF_B),
    "own statistics for one": (("tasks", 1, "normalise"), "own_split", OF_B),
    "the usual statistics, said aloud": (("datasets", "digits", "normalise"), "train", set()),
    "noise": (("tasks", 0, "noise"), {"mean": 0.1, "std": 0.0}, OF_A),
    "an order of channels": (("tasks", 1, "channel_order"), [0], OF_B),
    "classes in common allowed": (("overlapping_classes",), True, set()),
}


@pytest.mark.parametrize(("where", "value", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_reruns_the_stages_that_see_the_images_and_no_pack(where, value, expected):
    before, after = specs(CONFIG), specs(edited(where, value))
    assert {name for name in before if before[name] != after[name]} == expected


def test_what_a_data_set_says_holds_for_its_tasks_unless_they_say_otherwise():
    fixed = {"mean": [0.5], "std": [1.0]}
    config = edited(("datasets", "digits"), CONFIG["datasets"]["digits"] | {"draw": DRAW} | fixed)
    config["tasks"][1] |= {"draw": {"train": 5}, "normalise": "own_split"}
    first, second = data_of(config), data_of(config, 2)
    assert (first["mean"], first["std"], "normalise" in first) == ([0.5], [1.0], False)
    assert {"mean", "std"} & set(second) == set() and second["normalise"] == "own_split"
    assert {name: first["draw"][name] for name in DRAW} == DRAW
    assert second["draw"] == {"train": 5, "seed": second["draw"]["seed"]}
    config["datasets"]["digits"] = CONFIG["datasets"]["digits"] | {"normalise": "own_split"}
    config["tasks"][1] = CONFIG["tasks"][1] | fixed
    assert data_of(config)["normalise"] == "own_split"
    assert "normalise" not in data_of(config, 2) and data_of(config, 2)["mean"] == [0.5]
    config["tasks"][1] = CONFIG["tasks"][1] | {"normalise": "train"}
    assert not {"normalise", "mean"} & set(data_of(config, 2))


@pytest.mark.parametrize("key", ["draw", "noise"])
def test_all_methods_of_a_run_see_the_same_images_and_each_run_others(key):
    value = DRAW if key == "draw" else {"mean": 0.0, "std": 0.1}
    config = edited(("tasks", 0, key), value)
    seeds = {
        (method, kind, seed): data_of(config, 1, seed, method, kind)[key]["seed"]
        for method, kind in [("scratch", "baseline"), ("cpg", "train"), ("cpg", "infer")]
        for seed in (0, 1)
    }
    assert len({seed for where, seed in seeds.items() if where[2] == 0}) == 1
    assert len(set(seeds.values())) == 2
    config["tasks"][1][key] = value
    assert data_of(config, 2)[key]["seed"] not in seeds.values()


def test_shared_draws_are_the_same_in_all_runs_and_differ_between_tasks():
    config = edited(("datasets", "digits", "draw"), DRAW | {"seed": "shared"})
    draws = [data_of(config, position, seed)["draw"] for position in (1, 2) for seed in (0, 1)]
    assert draws[0] == draws[1] != draws[2] == draws[3]
    per_run = edited(("datasets", "digits", "draw"), DRAW | {"seed": "per_run"})
    assert data_of(per_run) == data_of(edited(("datasets", "digits", "draw"), DRAW))


def test_percentages_are_those_of_lasem():
    assert drawn_per_class({"percent": 4}, 10) == {"train": 17, "validation": 3}
    assert drawn_per_class({"percent": 6}, 10) == {"train": 25, "validation": 5}
    assert drawn_per_class({"percent": 25}, 10) == {"train": 104, "validation": 21}
    assert drawn_per_class({"percent": 100}, 10) == {"train": 417, "validation": 83}
    assert drawn_per_class({"percent": 4}, 3) == {"train": 56, "validation": 10}
    assert drawn_per_class({"train": 5, "seed": 1}, 10) == {"train": 5}
    for percent, (train, validation) in PERCENT.items():  # 500 images per class, ten classes
        assert abs(train + validation - 50 * percent) <= 0.005 * 5000
        assert train % 10 == validation % 10 == 0


@given(st.sampled_from(sorted(PERCENT)), st.integers(2, 100))
def test_a_percentage_gives_every_class_as_many_as_fit(percent, classes):
    counts = dict(zip(("train", "validation"), PERCENT[percent], strict=True))
    if min(counts.values()) < classes:
        with pytest.raises(ConfigError, match=f"too few for {classes} classes"):
            drawn_per_class({"percent": percent}, classes)
        return
    each = drawn_per_class({"percent": percent}, classes)
    assert all(0 <= counts[name] - each[name] * classes < classes for name in counts)


def test_the_schema_knows_the_percentages():
    each = schema()["properties"]["datasets"]["additionalProperties"]["properties"]
    assert each["draw"]["properties"]["percent"]["enum"] == list(PERCENT)


def test_a_percentage_too_small_for_a_task_is_refused_before_anything_runs():
    cifar = {"source": "cifar100", "root": "data", "draw": {"percent": 2}}
    task = {"name": "a", "classes": list(GROUP_OF)[:21]}
    config = CONFIG | {"datasets": {"cifar": cifar}, "tasks": [task]}
    with pytest.raises(ConfigError, match=r"task 'a': draw\.percent 2 is 20 validation images"):
        check(config)
    for few in ({"classes": task["classes"][:20]}, {"draw": {"percent": 4}}):
        assert check(config | {"tasks": [task | few]})


@pytest.mark.parametrize("name", ["lasem_cifar100_10", "lasem_cifar100_small"])
def test_cifar_tasks_are_those_of_lasem(name):
    config = check(read(TREE / f"experiments/{name}.yaml"))
    fine = sorted(GROUP_OF)
    ids = [[fine.index(one) for one in task["classes"]] for task in config["tasks"]]
    published = read_ids()
    assert ids == published[: len(ids)] and len(ids) == (10 if name.endswith("10") else 3)
    for position in range(1, len(ids) + 1):
        data = data_of(config | {"methods": ["stl"]}, position, method="stl")
        assert drawn_per_class(data["draw"], len(data["classes"])) == DRAW
        assert data["normalise"] == "own_split"
    for half in (config["tasks"][:5], config["tasks"][5:]):
        groups = [{GROUP_OF[one] for one in task["classes"]} for task in half]
        assert all(group == groups[0] and len(group) == 10 for group in groups)


def read_ids():
    """Class numbers of the ten tasks, as LASEM's code lists them."""
    rows = """
        4 1 54 9 0 5 6 3 12 8          30 32 62 10 51 20 7 42 17 13
        55 67 70 16 53 25 14 43 37 48  72 73 82 28 57 84 18 88 68 58
        95 91 92 61 83 94 24 97 76 90  22 23 15 34 26 2 27 36 47 41
        39 33 19 63 45 11 29 50 52 69  40 49 21 64 77 35 44 65 56 81
        86 60 31 66 79 46 78 74 59 85  87 71 38 75 99 98 93 80 96 89
    """
    numbers = [int(word) for word in rows.split()]
    return [numbers[first : first + 10] for first in range(0, 100, 10)]


def test_faces_are_found_again_only_where_their_pictures_change():
    people = {"source": "identity_folders", "root": "people", "align": {"preset": "facenet_182"}}
    config = CONFIG | {
        "datasets": {"people": people},
        "tasks": [{"name": "a"}],
        "network": {"name": "spherenet20"},
    }
    drawn = {"draw": DRAW, "mean": [0.5] * 3, "std": [0.5] * 3}
    before = Plan(check(config))
    after = Plan(check(config | {"datasets": {"people": people | drawn}}))
    assert before.align_stages("people") == after.align_stages("people")
    assert before.pack_stage("people") == after.pack_stage("people")
    assert before.spec(Key("train", "cpg", 0, 1)) != after.spec(Key("train", "cpg", 0, 1))
