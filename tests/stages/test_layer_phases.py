"""A task that is learned in several phases: killed in any of them it goes on where it was."""

import contextlib

import pandas as pd
import pytest
from harness_tree import Killed, content
from toy_experiment import LAYER_CLASSES, run_toy, toy_layers_config

from lifelong import store
from lifelong.records.rows import read
from lifelong.train import loop
from lifelong.use.load import finished_model
from lifelong.work.shards import load_layers

PHASES = ("output", "selected", "added", "split")
CHANGES = {
    "tasks": [{"name": name, "classes": LAYER_CLASSES[name]} for name in ("zero_six", "one_seven")],
    "layers": {
        "epochs": 4,
        "lr": 5e-3,
        "decay": 0.5,
        "eval_every": 3,
        "den": {"units": 2, "split_conv": 1.0},
    },
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Never interrupted."""
    return run_toy(tmp_path_factory.mktemp("whole"), ["den"], **CHANGES) / "den" / "s0"


def record(whole):
    return pd.read_csv(next(whole.glob("02-*/train/record.csv")))


@pytest.mark.parametrize("phase", PHASES)
def test_killed_in_a_phase_and_run_again_gives_the_same_bytes(whole, phase, tmp_path, monkeypatch):
    real, seen = loop._Run.one_step, []

    def dying(run, x, y):
        if run.learner.phase == phase and run.step == 3:
            raise Killed
        real(run, x, y)

    def counting(run, x, y):
        seen.append(run.learner.phase)
        real(run, x, y)

    with monkeypatch.context() as patch:
        patch.setattr("lifelong.work.resume.SAVE_EVERY_S", 0.0)
        patch.setattr("lifelong.work.resume.SHARE_OF_TIME", 1e9)
        patch.setattr(loop._Run, "one_step", dying)
        with contextlib.suppress(Killed):
            run_toy(tmp_path, ["den"], **CHANGES)
            pytest.fail("the run was never killed")
    with monkeypatch.context() as patch:
        patch.setattr(loop._Run, "one_step", counting)
        results = run_toy(tmp_path, ["den"], **CHANGES)
    assert content(results / "den" / "s0") == content(whole)
    assert set(seen) == set(PHASES[PHASES.index(phase) :])  # nothing before it was done again
    assert not list(tmp_path.rglob(".resume*"))


def test_epochs_count_on_through_the_phases(whole):
    """Of four epochs a tenth, at least one, and three times three tenths: one each."""
    rows = record(whole)
    assert list(rows[rows["metric"] == "loss"]["epoch"]) == [1, 2, 3, 4]


def test_a_phase_keeps_the_rate_that_it_began_with(whole):
    """5e-3 / (1 + 0.5 x epochs of all tasks so far), which are 4 when the second begins."""
    rows = record(whole)
    rates = rows[rows["metric"] == "lr"]["value"]
    assert list(rates) == pytest.approx([5e-3 / (1 + 0.5 * epochs) for epochs in (4, 5, 6, 7)])
    first = pd.read_csv(next(whole.glob("01-*/train/record.csv")))
    assert list(first[first["metric"] == "lr"]["value"]) == pytest.approx([5e-3] * 4)


def test_the_record_says_how_layers_grew(whole):
    rows = record(whole)
    units = rows[rows["metric"] == "units"]
    grown = units.pivot(index="epoch", columns="layer", values="value")
    assert list(grown.loc[1]) == list(grown.loc[2]) == [8, 8, 16]
    assert list(grown.loc[3]) == [10, 10, 18] and grown.loc[4].sum() > 38
    chosen = rows[rows["metric"] == "selected"]
    assert set(chosen["epoch"]) == {2} and (chosen["value"] <= 16).all()


def test_older_tasks_are_looked_at_where_they_can_move(whole):
    rows = record(whole)
    looks = rows[(rows["metric"] == "accuracy") & (rows["on_task"] == "zero_six")]
    assert set(looks["epoch"]) == {2, 4}  # selected and split; a phase's last epoch is looked at


def test_the_model_is_as_wide_as_its_newest_task_and_counts_weights_once(whole):
    model, paths = finished_model(whole)
    widths = [card.facts["widths"] for card in model.cards]
    assert widths[0] == [8, 8, 16] and all(b >= a for a, b in zip(*widths, strict=True))
    assert model.tensors["shared.0.weight"].shape[0] == widths[1][0]
    owned = 0.0
    for path in paths:
        rows = pd.read_csv(path.parent / "record.csv")
        owned += rows[rows["metric"].isin(["weights_owned", "weights_other"])]["value"].sum()
    assert owned == sum(tensor.numel() for tensor in model.tensors.values())
    assert store.read_json(whole / "02-one_seven/select/selected.json")["pattern"] == "SS"


def test_what_is_a_weight_follows_the_hidden_layers_that_there_are(tmp_path):
    """DEN may have others than its network: here two instead of one."""
    own = {"den": {"layers": {"den": {"units": 2, "hidden": [8, 8]}}}}
    tasks = toy_layers_config(["den"])["tasks"][:1]
    results = run_toy(tmp_path, ["den"], method_settings=own, tasks=tasks)
    [folder] = results.glob("den/s0/01-*/retrain")
    tensors = load_layers(folder / "shard.h5").tensors
    biases = sum(one.size for name, one in tensors.items() if name.endswith("bias"))
    [output] = [one.size for name, one in tensors.items() if name.endswith("head.2.weight")]
    sizes = {row.metric: row.value for row in read(folder / "record.csv")}
    assert sizes["weights_other"] == biases + output
