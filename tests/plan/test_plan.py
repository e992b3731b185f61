"""Stages of an experiment: what each reads, and which of them a changed key reruns."""

import json
from functools import partial

import pytest
from edits import with_key

from lifelong.plan.config import check
from lifelong.plan.decisions import Grown
from lifelong.plan.families import spec_from
from lifelong.plan.methods import METHODS
from lifelong.plan.overview import TABLES, overview, overview_inputs
from lifelong.plan.plan import Plan
from lifelong.plan.revisions import CENTRES, STAGES
from lifelong.plan.specs import canonical
from lifelong.plan.stage import Key, Stage

TASKS = ("a", "b", "c")
CONFIG = {
    "experiment": "toy",
    "methods": ["scratch", "finetune", "packnet", "cpg"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": name, "classes": [2 * i, 2 * i + 1]} for i, name in enumerate(TASKS)],
    "network": {"name": "small_cnn"},
    "prune": {"ratios": [0.3, 0.6]},
}


edited = partial(with_key, CONFIG)


def test_stages_that_train_by_the_recipe_run_in_as_many_processes_as_it_says():
    plan = Plan(check({**CONFIG, "recipe": {"processes": 2}}))
    assert (
        plan.processes(Key("train", "cpg", 0, 1))
        == plan.processes(Key("baseline", "scratch", 0, 1))
        == 2
    )
    assert Plan(check(CONFIG)).processes(Key("train", "cpg", 0, 1)) == 1
    layers = {"methods": ["hps"], "network": {"name": "tiny_cnn2"}, "goals": {}}
    plan = Plan(check({**CONFIG, **layers, "recipe": {"processes": 2}}))
    assert plan.processes(Key("train", "hps", 0, 1)) == 1


def stages(config: dict) -> dict[str, Stage]:
    """Every stage that may run, with one attempt of expand per task, by folder without root."""
    plan = Plan(check(config))
    found = [plan.pack_stage(name) for name in config["datasets"]]
    for method in config["methods"]:
        for kind in METHODS[method].kinds:
            for position in range(1, len(config["tasks"]) + 1):
                key = Key(kind, method, 0, position, 1 if kind == "expand" else 0)
                missed = METHODS[method].expands
                found.append(plan.stage(key, Grown(attempt=int(missed), missed=missed)))
    return {stage.folder.removeprefix("results/toy/"): stage for stage in found}


def changed(config: dict) -> set[str]:
    """Folders of the stages that run again because their spec or their list of inputs differs."""
    before, after = stages(CONFIG), stages(config)
    return {  # of tasks that missed their goal at the cap, so that expected tasks count too
        name
        for name in before.keys() | after.keys()
        if name not in before
        or name not in after
        or canonical(before[name].spec) != canonical(after[name].spec)
        or before[name].inputs != after[name].inputs
    }


def folders(methods: str, tasks: str, kinds: str) -> set[str]:
    """Folders such as cpg/s0/02-b/prune, for all combinations that exist."""
    names = {
        f"{method}/s0/{TASKS.index(task) + 1:02d}-{task}/{kind}"
        for method in methods.split()
        for task in tasks.split()
        for kind in kinds.split()
    }
    return names & set(stages(CONFIG))


ALL = "scratch finetune packnet cpg"
TRAINING = "baseline train expand/a1 prune retrain"
EDITS = {
    "ratio by hand": (("tasks", 1, "ratio", 0.6), folders("cpg", "b", "select")),
    "classes of the last task": (
        ("tasks", 2, "classes", [4, 6]),
        folders(ALL, "c", f"{TRAINING} infer"),
    ),
    "classes of the second task": (
        ("tasks", 1, "classes", [2, 8]),
        folders(ALL, "b", TRAINING) | folders(ALL, "b c", "infer"),
    ),
    "the loss of the second task": (
        ("tasks", 1, "loss", {"kind": "weighted"}),
        folders(ALL, "b", TRAINING),
    ),
    "a goal of one task": (("goals", "given", {"b": 0.9}), folders("cpg", "b", "goals")),
    "the margin": (("goals", "margin", 0.01), folders("cpg", "a b c", "goals")),
    "the policy": (("goals", "policy", "fine_max"), folders("cpg", "a b c", "goals")),
    "the cap": (("expand", "cap", 2.0), folders("cpg", "a b c", "expand/a1 select")),
    "the step": (("expand", "step", 0.1), folders("cpg", "a b c", "expand/a1")),
    "epochs": (("train", "epochs", 9), folders("packnet cpg", "a b c", "train expand/a1")),
    "epochs of one method": (
        ("method_settings", "cpg", {"train": {"epochs": 9}}),
        folders("cpg", "a b c", "train expand/a1"),
    ),
    "pruning": (("prune", "every", 3), folders("packnet cpg", "a b c", "prune")),
    "retraining": (("retrain", "lr", 0.1), folders("packnet cpg", "a b c", "retrain")),
    "baselines": (("baseline", "lr", 0.1), folders("scratch finetune", "a b c", "baseline")),
    "the recipe": (("recipe", "momentum", 0.5), folders(ALL, "a b c", TRAINING)),
    "the network": (("network", "channels", 0.5), folders(ALL, "a b c", TRAINING)),
    "the cuts of the data": (("datasets", "digits", "seed", 1), {"pack_data/digits"}),
    "a seed more": (("seeds", [0, 1]), set()),
    "tables": (("published_cpg_row", "CPG avg"), set()),
}


@pytest.mark.parametrize(("edit", "expected"), EDITS.values(), ids=EDITS)
def test_an_edit_changes_only_the_stages_that_know_the_key(edit, expected):
    assert changed(edited(*edit)) == expected


def test_the_protocol_changes_everything_but_the_packs():
    assert changed(edited("protocol", "paper")) == set(stages(CONFIG)) - {"pack_data/digits"}


def test_a_method_more_changes_nothing_of_the_others():
    before, after = stages(CONFIG), stages(edited("methods", [*CONFIG["methods"], "pae"]))
    assert all(after[name] == stage for name, stage in before.items())
    assert any(name.startswith("pae/") for name in after)


def test_a_task_more_changes_no_stage_of_the_others():
    more = [*CONFIG["tasks"], {"name": "d", "classes": [6, 8]}]
    assert {name for name in changed(edited("tasks", more)) if "04-d" not in name} == set()


def test_what_each_stage_reads():
    plan = Plan(check(CONFIG))
    pack = "results/toy/pack_data/digits/pack.h5"
    cpg, first, third = "results/toy/cpg/s0", "01-a/retrain/shard.h5", "03-c"
    second = f"{cpg}/02-b/retrain/shard.h5"

    def inputs(kind: str, position: int, attempt: int = 0, method: str = "cpg") -> dict:
        return dict(plan.stage(Key(kind, method, 0, position), Grown(attempt)).inputs)

    assert inputs("train", 1) == {"pack": pack}
    assert inputs("train", 2) == {"pack": pack, "shards": [f"{cpg}/{first}"]}
    assert inputs("train", 3) == {"pack": pack, "shards": [second]}  # it names the one before it
    for attempt, before in ((1, "train"), (2, "expand/a1")):  # each waits for the one before
        widened = plan.stage(Key("expand", "cpg", 0, 3, attempt)).inputs
        assert widened == inputs("train", 3) | {"before": f"{cpg}/{third}/{before}/manifest.json"}
    assert inputs("prune", 3, 2)["learned"] == f"{cpg}/{third}/train/manifest.json"
    assert inputs("prune", 3, 2)["widened"] == [
        f"{cpg}/{third}/expand/a{attempt}/manifest.json" for attempt in (1, 2)
    ]
    assert inputs("prune", 3)["candidate"] == f"{cpg}/{third}/train/candidate.h5"
    assert inputs("prune", 3, 2)["candidate"] == f"{cpg}/{third}/expand/a2/candidate.h5"
    assert inputs("select", 3) == {
        "record": f"{cpg}/{third}/prune/record.csv",
        "goal": f"{cpg}/{third}/goals/goal.json",
    }
    assert set(inputs("select", 3, method="packnet")) == {"record"}
    assert inputs("retrain", 3, 2) == inputs("prune", 3, 2) | {
        "prune": f"{cpg}/{third}/prune/manifest.json",
        "selected": f"{cpg}/{third}/select/selected.json",
    }
    assert inputs("infer", 1)["packs"] == [pack] and "before" not in inputs("infer", 1)
    assert inputs("infer", 2)["shards"] == [second]
    assert len(inputs("infer", 3, method="scratch")["shards"]) == 3  # these share nothing
    assert inputs("infer", 2)["before"] == f"{cpg}/01-a/infer/logits.h5"
    assert inputs("baseline", 2, method="scratch") == {"pack": pack}


@pytest.mark.parametrize(
    ("goals", "source"),
    [
        ({"policy": "scratch"}, "scratch"),
        ({"policy": "fine_avg"}, "finetune"),
        ({"policy": "fine_max"}, "finetune"),
        ({"policy": "scratch", "given": {"b": 0.5}}, None),
    ],
)
def test_a_goal_comes_from_the_networks_its_policy_names(goals, source):
    inputs = Plan(check(edited("goals", goals))).stage(Key("goals", "cpg", 0, 2)).inputs
    expected = (
        {"baseline": f"results/toy/{source}/s0/02-b/baseline/manifest.json"} if source else {}
    )
    assert inputs == expected


def test_finetuned_networks_start_from_earlier_tasks():
    tasks = [{"name": f"t{i}", "classes": [0, 1]} for i in range(12)]
    plan = Plan(check(edited("tasks", tasks) | {"overlapping_classes": True}))
    seen = set()
    for position in range(1, 13):
        stage = plan.stage(Key("baseline", "finetune", 0, position))
        sources = stage.spec.sources
        assert len(sources) == 5
        assert sources == [0] * 5 if position == 1 else all(0 < s < position for s in sources)
        shards = [plan.shard("scratch", 0, s) for s in sorted(set(sources) - {0})]
        assert stage.input_list("sources") == shards
        seen |= set(sources)
    assert len(seen) > 6  # not always the same task


def test_random_numbers_come_from_the_seed_and_the_task_and_from_no_name():
    """Methods, variants and experiments are compared on the same random numbers."""
    config = edited("seeds", [0, 1]) | {"variants": {"mine": {"method": "cpg"}}}
    seeds = {}
    for renamed in (config, {**config, "experiment": "other"}):
        plan = Plan(check(renamed))
        for method in ("packnet", "cpg", "mine"):
            for kind in ("train", "prune", "retrain"):
                for seed in (0, 1):
                    for position in (1, 2, 3):
                        key = Key(kind, method, seed, position)
                        seeds.setdefault((seed, position), set()).add(plan.spec(key).random_seed)
    assert all(len(one) == 1 for one in seeds.values())
    assert len(set.union(*seeds.values())) == 2 * 3


def test_a_variant_of_finetune_finetunes():
    """It goes by what it is a variant of, not by its name."""
    config = edited("methods", ["finetune", "mine"])
    plan = Plan(check(config | {"variants": {"mine": {"method": "finetune"}}}))
    ours, theirs = (plan.stage(Key("baseline", name, 0, 3)) for name in ("mine", "finetune"))
    assert len(ours.spec.sources) == 5 and 0 not in ours.spec.sources
    assert ours.spec.sources == theirs.spec.sources
    assert ours.input_list("sources") == theirs.input_list("sources") != []


def test_a_task_that_missed_its_goal_at_the_cap_is_pruned_no_further_than_is_fair():
    three_expected = edited("expand", "tasks_expected", 3)
    plan = Plan(check(three_expected))
    key = Key("prune", "cpg", 0, 2)
    assert plan.spec(key).stop_at is None and plan.spec(key, Grown(2)).stop_at is None
    assert plan.spec(key, Grown(2, missed=True)).stop_at == 0.5  # two tasks left: half each
    for by_hand, stop_at in ((0.3, 0.5), (0.6, None)):  # beyond what is fair, it needs more rungs
        config = with_key(three_expected, "tasks", 1, "ratio", by_hand)
        assert Plan(check(config)).spec(key, Grown(2, missed=True)).stop_at == stop_at


def test_methods_that_never_expand_know_all_their_inputs_before_anything_ran():
    plan = Plan(check(CONFIG))
    for kind in ("prune", "retrain"):
        key = Key(kind, "packnet", 0, 2)
        candidate = {"candidate": "results/toy/packnet/s0/02-b/train/candidate.h5"}
        assert plan.grown_inputs(key, Grown()) == candidate
        assert "learned" not in plan.fixed_inputs(key)


@pytest.mark.parametrize("name", stages(CONFIG))
def test_a_spec_comes_back_from_its_text(name):
    spec = stages(CONFIG)[name].spec
    again = spec_from(json.loads(canonical(spec)))
    assert type(again) is type(spec) and canonical(again) == canonical(spec)


def test_the_inputs_of_many_tasks_grow_with_their_number_only():
    """A list of all older tasks for every task would be thousands of files for a hundred."""
    tasks = [{"name": f"t{i}", "classes": [0, 1]} for i in range(60)]
    plan = Plan(check(edited("tasks", tasks) | {"overlapping_classes": True}))
    for kind in ("train", "prune", "retrain", "infer"):
        first, last = (plan.stage(Key(kind, "cpg", 0, position)) for position in (2, 60))
        assert len(first.files_read()) == len(last.files_read())


def test_folders_and_shards_are_where_the_table_says():
    plan = Plan(check(CONFIG))
    assert plan.folder(Key("expand", "cpg", 1, 2, 3)) == "results/toy/cpg/s1/02-b/expand/a3"
    assert plan.shard("cpg", 0, 1) == "results/toy/cpg/s0/01-a/retrain/shard.h5"
    assert plan.shard("finetune", 0, 1) == "results/toy/finetune/s0/01-a/baseline/shard.h5"
    assert plan.position("03-c") == 3


def test_tables_read_every_record_and_the_report_every_selection():
    plan = Plan(check(edited("seeds", [0, 1])))
    records = overview_inputs(plan, "tables")["records"]
    # per seed and task: baseline and infer of two methods, five stages of the other two
    assert len(records) == len(set(records)) == 2 * 3 * (2 * 2 + 2 * 5)
    report = overview_inputs(plan, "report")
    assert len(report["selected"]) == 2 * 3 * 2
    assert report["tables"] == [f"results/toy/tables/{name}.csv" for name in TABLES]
    ends = [f"results/toy/{name}/s0/03-c/infer" for name in CONFIG["methods"]]
    assert report["confusion"] == [f"{end}/confusion.csv" for end in ends]
    assert "published" not in report
    shown = overview_inputs(Plan(check(edited("published", "numbers.csv"))), "tables")
    assert shown["published"] == "numbers.csv"


def test_equal_specs_give_equal_text_and_every_kind_has_a_revision():
    assert canonical({"b": 1, "a": [1, 2]}) == canonical({"a": [1, 2], "b": 1})
    for stage in stages(CONFIG).values():
        assert stage.spec.revision[0] == STAGES[stage.kind]
    spec = Plan(check(CONFIG)).spec(Key("train", "cpg", 0, 1))
    assert spec.revision == [STAGES["train"], METHODS["cpg"].revision]


def test_published_rows_are_those_of_the_methods_that_run():
    spec = overview(Plan(check(edited("published_cpg_row", "CPG avg"))), "tables").spec
    assert spec.published_rows == [
        ["Scratch", "scratch", "mean"],
        ["fine-Avg", "finetune", "mean"],
        ["fine-Max", "finetune", "max"],
        ["PackNet", "packnet", "mean"],
        ["CPG avg", "cpg", "mean"],
    ]
    assert spec.separate == "scratch" and spec.sharing == ["packnet", "cpg"]


def test_only_the_end_of_tasks_with_centres_has_their_revision():
    def revision(kind: str, method: str) -> list[int]:
        plan = Plan(check({**CONFIG, "methods": ["wsn", "tinysubnets"]}))
        return list(plan.stage(Key(kind, method, 0, 1)).spec.revision)

    assert revision("retrain", "tinysubnets") == [*revision("retrain", "wsn"), CENTRES]
    assert revision("train", "tinysubnets") == revision("train", "wsn")
