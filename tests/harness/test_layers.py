"""Methods that share layers: what every one of them must do."""

import every_method
import pandas as pd
import pytest
from known_methods import LAYER_METHODS
from toy_experiment import LAYER_CLASSES

from lifelong import store
from lifelong.plan.methods import METHODS
from lifelong.plan.patterns import SHARED
from lifelong.use.load import finished_model
from lifelong.work.shards import load_layers

ISOLATING = [name for name in LAYER_METHODS if METHODS[name].isolates]
DRIFTING = [name for name in LAYER_METHODS if name not in ISOLATING]
ROLLING_BACK = [name for name in LAYER_METHODS if {"lasem", "darts"} & {*METHODS[name].options}]


@pytest.mark.parametrize("method", LAYER_METHODS)
def test_learns(undisturbed_layers, method):
    every_method.learns(undisturbed_layers, method)


@pytest.mark.parametrize("method", ISOLATING)
def test_never_forgets(undisturbed_layers, method):
    every_method.never_forgets(undisturbed_layers, method)


@pytest.mark.parametrize("method", DRIFTING)
def test_old_tasks_follow_what_they_share_and_nothing_else(undisturbed_layers, method):
    """A task's logits change only where a later task wrote something that its network reads."""
    folder = undisturbed_layers / method / "s0"
    model, paths = finished_model(folder)
    written = [set(load_layers(path).tensors) for path in paths]
    for position, card in enumerate(model.cards, 1):
        later = set().union(*written[position:])
        readable = {name for name in later if name.startswith(("shared.", card.own))}
        after = sorted(folder.glob("*/infer"))[position:]
        changed = [store.read_manifest(stage)["outcome"]["changed"] for stage in after]
        assert readable or not any(card.task in one for one in changed), card.task


@pytest.mark.parametrize("method", ROLLING_BACK)
def test_live_and_committed_differ_only_where_layers_were_rolled_back(undisturbed_layers, method):
    run = undisturbed_layers / method / "s0"
    model, _ = finished_model(run)
    patterns = {card.task: card.pattern for card in model.cards}
    for folder in sorted(run.glob("*-*")):
        records = [pd.read_csv(folder / stage / "record.csv") for stage in ("train", "retrain")]
        live, committed = (
            record[(record["metric"] == "accuracy") & (record["split"] == "validation")]
            for record in records
        )
        live = live[live["epoch"] == live["epoch"].max()].set_index("on_task")["value"]
        here = patterns[live.index[0]]
        for task, value in committed.set_index("on_task")["value"].items():
            layers = zip(patterns[task], here, strict=True)
            back = [theirs == SHARED != ours for theirs, ours in layers]
            if task in live and not any(back):
                assert live[task] == value, (folder.name, task)


@pytest.mark.parametrize("method", LAYER_METHODS)
def test_the_size_report_equals_the_bytes_on_disk(undisturbed_layers, method):
    table = every_method.says_its_size(undisturbed_layers, method)
    model, paths = finished_model(undisturbed_layers / method / "s0")
    in_use = sum(tensor.numel() * tensor.element_size() for tensor in model.tensors.values())
    overhead = table["bytes_file"].sum() - table["bytes_superseded"].sum() - in_use
    assert 0 < overhead < 20_000 * len(paths)  # HDF5's own and the cards
    floats = [one.numel() for one in model.tensors.values() if one.is_floating_point()]
    assert table["weights_owned"].sum() + table["weights_other"].sum() == sum(floats)


@pytest.mark.parametrize("method", LAYER_METHODS)
def test_a_model_is_read_from_its_folder(undisturbed_layers, method):
    every_method.is_read_from_its_folder(undisturbed_layers, method, list(LAYER_CLASSES))
