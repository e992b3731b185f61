"""Face sets in the configuration: their jobs, what changes them, and what is refused."""

import copy
import inspect
from typing import Any

import pytest

from lifelong.faces.configured import _OPTIONS
from lifelong.faces.photos import ALIGNMENTS, NO_FACE
from lifelong.jobs.find import find_stage
from lifelong.plan.code import load
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.faces import SIDES
from lifelong.plan.paths import place_of, split_root
from lifelong.plan.plan import Plan
from lifelong.plan.sources import SOURCES
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Key

LFW = {"source": "lfw", "root": "lfw", "pairs": "pairs.txt", "prealigned": True, "image_size": 112}
CONFIG: dict[str, Any] = {
    "experiment": "toy",
    "methods": ["cpg"],
    "datasets": {
        "people": {
            "source": "identity_folders",
            "root": "people",
            "align": {"preset": "sphereface_112", "shards": 3},
        },
        "age": {"source": "adience", "root": "adience", "labels": "age", "fold": 0}
        | {"align": {"preset": "sphereface_112"}},
        "lfw": LFW,
    },
    "tasks": [
        {"name": "who", "dataset": "people", "pairs": {"dataset": "lfw"}},
        {"name": "age", "dataset": "age"},
    ],
    "network": {"name": "spherenet20", "channels": 0.25},
}


def edited(*path_and_value: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    *parents, last, value = path_and_value
    part = config
    for name in parents:
        part = part[name]
    part[last] = value
    if value is None:
        del part[last]
    return config


def test_the_plan_and_the_faces_know_the_same_sources_and_presets():
    assert {name: how.side for name, how in ALIGNMENTS.items()} == SIDES
    for name, row in ((name, row) for name, row in SOURCES.items() if row.faces):
        parameters = inspect.signature(load(row.reader)).parameters
        taken = {_OPTIONS[option] for option in row.may if option in _OPTIONS}
        told = {"fold"} if row.own_splits else set()
        taken |= told
        assert taken == set(parameters) - {"root"}, name
        needed = {k for k, v in parameters.items() if v.default is v.empty} - {"root"}
        must = {_OPTIONS[option] for option in row.must if option in _OPTIONS}
        assert must | told == needed, name


def test_the_policies_are_those_of_the_faces_room():
    for policy in NO_FACE:
        align = {"preset": "facenet_160", "policy": policy}
        check(edited("datasets", "people", "align", align) | {"tasks": CONFIG["tasks"][1:]})


def test_every_shard_is_a_job_and_the_pack_reads_them_all():
    plan = Plan(check(CONFIG))
    folders = [f"results/toy/align_faces/people/{shard:03d}" for shard in (1, 2, 3)]
    assert [stage.folder for stage in plan.align_stages("people")] == folders
    parts = [f"{folder}/faces.h5" for folder in folders]
    assert plan.pack_stage("people").inputs == {"parts": parts}
    assert plan.align_stages("lfw") == [] and plan.pack_stage("lfw").inputs == {}
    for folder, part in zip(folders, parts, strict=True):
        assert find_stage(plan, part).folder == folder
        assert split_root(folder) == ("results", folder.removeprefix("results/"))
        assert place_of(part) is None


def test_pairs_are_read_where_their_task_is_new_and_nowhere_else():
    plan = Plan(check(CONFIG))
    first, second = (plan.stage(Key("infer", "cpg", 0, position)) for position in (1, 2))
    assert first.inputs["pairs"] == "results/toy/pack_data/lfw/pack.h5"
    assert first.spec.pairs == {"dataset": "lfw"}
    assert "pairs" not in second.inputs and second.spec.pairs is None


def specs(config: dict[str, Any], dataset: str) -> tuple[list[str], str]:
    plan = Plan(check(config))
    aligned = [canonical(stage.spec) for stage in plan.align_stages(dataset)]
    return aligned, canonical(plan.pack_stage(dataset).spec)


@pytest.mark.parametrize(
    ("key", "value"), [("fold", 1), ("validation", 0.1), ("seed", 3), ("image_size", 96)]
)
def test_faces_stay_where_only_their_use_changes(key, value):
    config = edited("datasets", "age", key, value)
    before, after = specs(CONFIG, "age"), specs(config, "age")
    assert before[0] == after[0] and before[1] != after[1]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("align", {"preset": "sphereface_112", "policy": "center_crop"}),
        ("root", "elsewhere"),
        ("labels", "gender"),
        ("per_class", 9),
    ],
)
def test_faces_are_cut_anew_where_they_would_be_others(key, value):
    before, after = specs(CONFIG, "age"), specs(edited("datasets", "age", key, value), "age")
    assert not set(before[0]) & set(after[0])


BOTH = "set align, to find and cut out faces, or prealigned: true, not both"
WRONG = {
    "neither aligned nor to be": (("datasets", "people", "align", None), f"people: {BOTH}"),
    "both": (("datasets", "people", "prealigned", True), f"people: {BOTH}"),
    "no size": (("datasets", "lfw", "image_size", None), "lfw.image_size: pictures need one size"),
    "no pairs": (("datasets", "lfw", "pairs", None), "datasets.lfw.pairs: lfw needs it"),
    "learning what pairs test": (
        ("tasks", 1, "dataset", "lfw"),
        "task 'age' cannot learn lfw, which is there for pairs",
    ),
    "no fold": (("datasets", "age", "fold", None), "datasets.age.fold: adience needs it"),
    "another source's option": (
        ("datasets", "people", "labels", "age"),
        "datasets.people.labels: identity_folders has no such option",
    ),
    "an option on other pictures": (
        (
            "datasets",
            "people",
            {"source": "image_folder", "root": "x", "image_size": 112} | {"per_class": 5},
        ),
        "datasets.people.per_class: it is for face sets alone",
    ),
    "an unknown preset": (("datasets", "people", "align", "preset", "x"), "align.preset: 'x'"),
    "pairs of another size": (("datasets", "lfw", "image_size", 96), "the same image_size"),
    "pairs in no set": (
        ("tasks", 0, "pairs", {"dataset": "x"}),
        "'x' is no data set of pairs",
    ),
    "an unknown distance": (
        ("tasks", 0, "pairs", {"dataset": "lfw", "distance": "x"}),
        "tasks.0.pairs.distance: 'x'",
    ),
}


@pytest.mark.parametrize(("edit", "words"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_named(edit, words):
    with pytest.raises(ConfigError) as caught:
        check(edited(*edit))
    assert words in str(caught.value)
