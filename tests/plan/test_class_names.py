"""Classes that do not exist, and classes that two tasks have, are found before anything runs."""

import copy

import pytest

from lifelong.plan.class_names import GROUP_OF, OFFICE_HOME, STL10, fitting
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError

SETS = {
    "cifar": {"source": "cifar100_folders", "root": "not here"},
    "office": {"source": "office_home", "root": "not here", "image_size": 32},
    "stl": {"source": "stl10", "root": "not here"},
    "mine": {"source": "image_folder", "root": "not here", "image_size": 32},
}


def config_of(dataset, *tasks, **changes):
    return {
        "experiment": "toy",
        "methods": ["packnet"],
        "datasets": {dataset: SETS[dataset]},
        "tasks": [{"name": f"t{i}", **task} for i, task in enumerate(tasks)],
        "network": {"name": "small_cnn"},
        **copy.deepcopy(changes),
    }


def test_published_names_are_complete():
    assert len(set(GROUP_OF)) == 100 and len(set(OFFICE_HOME)) == 65 and len(set(STL10)) == 10
    assert list(OFFICE_HOME) == sorted(OFFICE_HOME, key=str.casefold)
    # numbers that LASEM's code gives them
    assert OFFICE_HOME.index("Couch") == 13 and OFFICE_HOME.index("Trash_Can") == 62
    assert tuple(sorted(STL10)) == STL10


def test_a_name_stands_for_itself_then_for_a_class_of_any_group():
    known = ["cats/old", "cats/young", "dogs/old", "old"]
    assert fitting("young", None, known) == ["cats/young"]
    assert fitting("old", None, known) == ["old"]
    assert fitting("old", None, known[:3]) == ["cats/old", "dogs/old"]
    assert fitting("old", "dogs", known) == ["dogs/old"]
    assert fitting("puppy", None, known) == fitting("young", "dogs", known) == []


RIGHT = [
    config_of("cifar", {"classes": ["beaver", "fish/ray"]}, {"group": "people"}),
    config_of("cifar", {"group": "fish", "classes": ["ray", "trout"]}),
    config_of("office", {"group": "Product", "classes": ["TV", "Bed"]}),
    config_of("office", {"classes": ["RealWorld/TV", "Product/TV"]}),
    config_of("office", {"group": "Product"}, {"group": "RealWorld"}),
    config_of("stl", {}),
    config_of("mine", {"classes": ["a", "b"]}, {"group": "x", "classes": ["a", "b"]}),
    config_of("mine", {}, {}),
]


@pytest.mark.parametrize("config", RIGHT)
def test_what_exists_and_is_not_shared_is_accepted(config):
    assert check(config)


WRONG = [
    (
        "cifar",
        {"classes": ["beever", "ray"]},
        "no class 'beever' (task 't0'); did you mean 'beaver'?",
    ),
    ("cifar", {"classes": ["fish/beaver", "ray"]}, "no class 'fish/beaver' (task 't0')"),
    ("cifar", {"group": "fish", "classes": ["ray", "bee"]}, "no class 'bee' (task 't0'); it has"),
    ("cifar", {"group": "peoples"}, "no group 'peoples' (task 't0'); did you mean 'people'?"),
    ("cifar", {}, "CIFAR-100 has no group 't0' (task 't0'); it has aquatic_mammals, "),
    ("office", {"group": "Clipart"}, "Office-Home has no group 'Clipart' (task 't0'); it has Prod"),
    ("office", {"classes": ["TV", "Bed"]}, "is Product/TV or RealWorld/TV: write one of these, or"),
    ("stl", {"classes": ["aeroplane", "cat"]}, "STL-10 has no class 'aeroplane'"),
    ("stl", {"group": "birds"}, "STL-10 has no group 'birds' (task 't0'); remove it"),
]


@pytest.mark.parametrize(("dataset", "task", "words"), WRONG)
def test_what_a_published_set_lacks_is_refused(dataset, task, words):
    with pytest.raises(ConfigError) as error:
        check(config_of(dataset, task))
    assert words in str(error.value) and str(error.value).startswith("config key tasks: ")


SHARED = [
    ("mine", [{"classes": ["a", "b"]}, {"classes": ["c", "b"]}], "b of mine"),
    ("mine", [{"group": "x", "classes": ["a", "b"]}, {"classes": ["x/a", "b"]}], "x/a of mine"),
    ("mine", [{"group": "x"}, {"group": "x"}], "group x of mine"),
    ("cifar", [{"classes": ["ray", "bee"]}, {"group": "fish"}], "fish/ray of cifar"),
    ("cifar", [{"classes": ["ray", "bee"]}, {"classes": ["fish/ray", "bus"]}], "fish/ray of"),
    ("stl", [{}, {"classes": ["cat", "dog"]}], "cat of stl"),
]


@pytest.mark.parametrize(("dataset", "tasks", "words"), SHARED)
def test_a_class_of_two_tasks_is_refused_unless_it_is_wanted(dataset, tasks, words):
    with pytest.raises(ConfigError, match="'t0' and 't1' both have") as error:
        check(config_of(dataset, *tasks))
    assert words in str(error.value)
    assert check(config_of(dataset, *tasks, overlapping_classes=True))


def test_classes_of_two_data_sets_are_never_the_same():
    config = config_of("mine", {"classes": ["a", "b"]}, {"classes": ["a", "b"]})
    config["datasets"]["other"] = SETS["mine"]
    config["tasks"][0]["dataset"], config["tasks"][1]["dataset"] = "mine", "other"
    assert check(config)


def test_a_group_of_one_class_is_refused_before_anything_runs(tmp_path):
    for name in ("t/c", "u/c", "u/d"):
        (tmp_path / name).mkdir(parents=True)
    config = config_of("mine", {"group": "t"}, {"group": "u"})
    config["datasets"] = {"mine": {**SETS["mine"], "root": str(tmp_path)}}
    with pytest.raises(ConfigError, match="'t0' has only the class t/c: a task needs two"):
        check(config)
    (tmp_path / "t/e").mkdir()
    assert check(config)
