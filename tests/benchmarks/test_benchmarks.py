"""Benchmarks run, and what they step is what the training loop steps."""

import csv
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from lifelong.data.batches import TaskData, TrainBatches
from lifelong.data.device_split import Split
from lifelong.masks.learner import Learner
from lifelong.masks.model import Model
from lifelong.masks.pick import picked
from lifelong.nets.build import memory_format
from lifelong.nets.conv_stack import START_BIAS
from lifelong.optim.phase import Phase
from lifelong.plan.stacks import STACKS
from lifelong.train.loop import fit
from lifelong.train.step import mask_step

FOLDER = Path(__file__).parents[2] / "benchmarks"
CHANNELS = 0.03125


@pytest.fixture
def step_ratio(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("step_ratio")


def quick(name: str, out: Path, *arguments: str) -> list[dict[str, str]]:
    """Run a benchmark at toy size; the rows of its CSV."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--quick", "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (out / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(row["torch"] == torch.__version__.split("+")[0] for row in rows)
    return rows


@pytest.mark.parametrize(
    ("value", "kept"),
    [(12.345, 12.3), (0.26, 0.26), (0.0234, 0.023), (-0.0234, -0.023), (0, 0), (1234.56, 1234.6)],
)
def test_a_short_time_keeps_two_digits(
    monkeypatch: pytest.MonkeyPatch, value: float, kept: float
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    assert importlib.import_module("table").figure(value, 1) == kept


def toy_data() -> TaskData:
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(256, (96, 3, 32, 32), generator=generator, dtype=torch.uint8)
    split = Split(images, torch.randint(5, (96,), generator=generator))
    return TaskData(split, split, split, tuple("01234"), (0.5,) * 3, (0.25,) * 3, "validation")


def batches(data: TaskData, learner: Learner) -> TrainBatches:
    phase = Phase(1, 0.0, crop_padding=0, flip=False)
    return data.batches(phase, 7, memory_format(learner.network, "cpu"))


@pytest.mark.parametrize("case", ["first", "first pruned", "later picking"])
def test_the_measured_step_is_the_loops(step_ratio: ModuleType, case: str) -> None:
    steps = importlib.import_module("steps")
    model = step_ratio.older(CHANNELS) if case == "later picking" else Model()

    def learner() -> Learner:
        made = Learner(model, step_ratio.card(len(model.shards) + 1, CHANNELS), seed=5)
        if case == "first pruned":
            made.prune_to(0.5)
        return made

    picking, data = case == "later picking", toy_data()
    phase = Phase(
        epochs=1,
        lr=steps.LR,
        mask_lr=steps.MASK_LR if picking else 0.0,
        momentum=steps.MOMENTUM,
        weight_decay=steps.DECAY,
        crop_padding=0,
        flip=False,
    )
    trained = learner()
    fit(mask_step(trained, phase), data, phase, seed=7)
    ours = steps.Ours(learner(), picking)
    ours.learner.network.train()
    for x, y in batches(data, trained).epoch(0):
        ours.step(x, y)
    stepped = ours.learner.state()
    assert stepped.keys() == trained.state().keys()
    assert all(torch.equal(stepped[name], tensor) for name, tensor in trained.state().items())


def test_the_textbook_form_gives_the_same_numbers(step_ratio: ModuleType) -> None:
    steps = importlib.import_module("steps")
    model = step_ratio.older(CHANNELS)
    ours = steps.Ours(Learner(model, step_ratio.card(2, CHANNELS), seed=5), picking=True)
    textbook = steps.Textbook(Learner(model, step_ratio.card(2, CHANNELS), seed=5))
    before = {name: layer.weight.clone() for name, layer in ours.learner.layers.items()}
    for x, y in batches(toy_data(), ours.learner).epoch(0):
        ours.step(x, y)
        textbook.step(x, y)
    effective = textbook.effective()
    for name, layer in ours.learner.layers.items():
        torch.testing.assert_close(layer.weight, effective[f"body.{name}.weight"])
        assert layer.score is not None
        old = layer.is_old
        torch.testing.assert_close(layer.score[old], textbook.scores[name][old])
        kept = old & picked(layer.score)
        assert torch.equal(layer.weight[kept], before[name][kept])
        assert not torch.equal(layer.weight, before[name])


def test_half_of_the_weights_are_the_older_tasks(step_ratio: ModuleType) -> None:
    counts = Learner(step_ratio.older(CHANNELS), step_ratio.card(2, CHANNELS), seed=5).counts()
    older = counts["total"] - counts["owned"]
    assert counts["free"] == 0
    assert older / counts["total"] == pytest.approx(0.5, abs=0.01)


def test_step_ratio_runs(tmp_path: Path) -> None:
    rows = quick("step_ratio", tmp_path)
    names = ["plain", "first", "first pruned", "later picking", "later compiled", "later frozen"]
    assert [row["variant"] for row in rows] == [*names, "textbook"]
    assert float(rows[0]["ratio"]) == 1.0
    assert all(float(row["cpu_ms"]) > 0 and row["threads"] == "1" for row in rows)


def test_backbone_steps_measures_both_networks(tmp_path: Path) -> None:
    rows = quick("backbone_steps", tmp_path)
    names = ["plain", "first", "later picking", "later frozen"]
    assert [row["variant"] for row in rows] == names * 2
    assert {row["network"] for row in rows} == {"resnet50", "efficientnet_lite0"}
    assert all(float(row["cpu_ms"]) > 0 for row in rows)


def test_ranked_ratio_measures_every_variant(tmp_path: Path) -> None:
    rows = quick("ranked_ratio", tmp_path)
    names = ["plain", "wsn first", "wsn later", "supsup", "textbook"]
    assert [row["variant"] for row in rows] == names
    assert rows[0]["ratio"] == "1.0" and all(float(row["cpu_ms"]) > 0 for row in rows)


def test_mask_bytes_counts_every_scheme(tmp_path: Path) -> None:
    *tasks, total = quick("mask_bytes", tmp_path)
    assert [row["task"] for row in tasks] == ["t001", "t002", "t003"] and total["task"] == "all"
    schemes = ["written", "entropy", "alone", "older", "paper"]
    sizes = [float(tasks[-1][scheme]) for scheme in schemes]
    assert sizes == sorted(sizes) and sizes[0] > 0
    assert {tasks[0][scheme] for scheme in schemes[:4]} == {"0.0"}


def test_processes_are_compared(tmp_path: Path) -> None:
    rows = quick("processes", tmp_path)
    assert [row["variant"] for row in rows] == ["one process", "two threads", "two processes"]
    assert rows[0]["ratio"] == "1.0" and all(float(row["ms"]) > 0 for row in rows)


def test_kept_features_give_the_same_output_layer(tmp_path: Path) -> None:
    computed, kept = quick("kept_features", tmp_path)
    assert (computed["way"], kept["way"]) == ("computed", "kept")
    assert float(kept["difference"]) == 0 and float(kept["ratio"]) > 0


def test_joint_step_measures_every_variant(tmp_path: Path) -> None:
    rows = quick("joint_step", tmp_path)
    names = ["plain", "joint", "dynamic", "gradnorm", "pcgrad", "own images"]
    assert [row["variant"] for row in rows] == names
    assert rows[0]["ratio"] == "1.0" and all(float(row["cpu_ms"]) > 0 for row in rows)


def test_predict_rate_runs(tmp_path: Path) -> None:
    rows = quick("predict_rate", tmp_path)
    assert [row["measured"] for row in rows] == ["decoder", "network", "predict"]
    assert all(float(row["per_s"]) > 0 for row in rows) and float(rows[2]["share"]) > 0
    with (tmp_path / "packed_load.csv").open() as file:
        (loaded,) = csv.DictReader(file)
    assert loaded["tasks"] == "2" and float(loaded["load_s"]) > 0


def test_checkpoints_runs(tmp_path: Path) -> None:
    rows = quick("checkpoints", tmp_path)
    assert [row["tasks"] for row in rows] == ["1", "2", "3"]
    parts = ["mb_values", "mb_owned", "mb_picks", "mb_dense", "mb_hdf5"]
    for row in rows:
        assert sum(float(row[part]) for part in parts) == pytest.approx(float(row["mb_all"]), 0.05)
    with (tmp_path / "written_bytes.csv").open() as file:
        written = {row["written"]: float(row["mb"]) for row in csv.DictReader(file)}
    whole = written["candidate"] + written["rungs, all"] + written["shard"]
    assert written["run, ladder all"] == pytest.approx(whole, abs=0.01)
    assert 0 < written["rungs, ended"] <= written["rungs, all"]


def test_synthetic_tasks_own_what_they_shall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    synthetic = importlib.import_module("synthetic")
    model = Model()
    for shard in synthetic.shards(3, CHANNELS):
        model.add(shard)
    owners = np.concatenate([layer.reshape(-1) for layer in model.owners.values()])
    found = np.bincount(owners) / owners.size
    assert found == pytest.approx([0.05, 0.30, 0.325, 0.325], abs=0.02)
    picked = np.concatenate([model.shards[2].picked(name) for name in model.owners])
    assert picked.mean() == pytest.approx(0.7, abs=0.02)


def test_scale_runs(tmp_path: Path) -> None:
    rows = quick("scale", tmp_path)
    assert [row["task"] for row in rows] == ["2", "4"]
    assert rows[0]["step_ratio"] == rows[0]["eval_ratio"] == "1.0"
    assert all(float(row["learn_mb"]) <= float(row["view_mb"]) for row in rows)
    with (tmp_path / "dag.csv").open() as file:
        assert [row["jobs"] for row in csv.DictReader(file)] == ["55"]


def test_prefix_tree_runs(tmp_path: Path) -> None:
    stl, loop, tree = quick("prefix_tree", tmp_path)
    assert [row["variant"] for row in (stl, loop, tree)] == ["stl", "loop", "tree"]
    assert stl["configurations"] == "1" and loop["configurations"] == tree["configurations"] == "4"
    # tiny_cnn2 on 8 x 8: 64 x 9 x 3 x 8 and 16 x 9 x 8 x 8 multiplications a layer
    first, second = 64 * 9 * 3 * 8, 16 * 9 * 8 * 8
    expected = 4 * (first + second) / (2 * first + 4 * second)
    assert float(tree["mac_ratio"]) == pytest.approx(expected, abs=0.005)


def test_the_loop_over_configurations_learns_what_the_tree_learns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    prefix_tree = importlib.import_module("prefix_tree")
    learners = prefix_tree.learners("tiny_cnn2", prefix_tree.SETTINGS["tiny_cnn2"])
    x, y = torch.randn(10, 3, 8, 8), torch.arange(10) % 2
    found = {}
    for name in ("loop", "tree"):
        loss, _ = learners[name].objective(x, y, torch.Generator().manual_seed(1))
        found[name] = torch.autograd.grad(loss, list(learners[name].trained().values()))
    for one, other in zip(found["loop"], found["tree"], strict=True):
        torch.testing.assert_close(one, other)


def test_plain_stl_runs(tmp_path: Path) -> None:
    rows = quick("plain_stl", tmp_path)
    assert [row["seed"] for row in rows] == ["0", "1", "mean", "spread"] * 2
    for row in rows[:2] + rows[4:6]:
        difference = float(row["ours"]) - float(row["plain"])
        assert float(row["difference"]) == pytest.approx(difference, abs=1e-4)
    for row in (rows[2], rows[6]):
        assert row["met"] == ("yes" if abs(float(row["difference"])) <= 0.03 else "no")


def test_the_plain_network_of_stl_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    plain = importlib.import_module("plain_stl")
    tensors = list(plain.network(32, 10).parameters())
    stack = STACKS["cifar_cnn4"]
    entering = stack.inputs(3)
    shapes = [(o, i, 3, 3) for o, i in zip(stack.channels, entering, strict=True)]
    shapes += [(outputs, inputs) for inputs, outputs in stack.dense(32, 10)]
    assert [tuple(t.shape) for t in tensors[::2]] == shapes
    assert all((bias == START_BIAS).all() for bias in tensors[1::2])


def test_known_sharing_runs(tmp_path: Path) -> None:
    rows = quick("known_sharing", tmp_path)
    assert [row["kind"] for row in rows] == ["upper"] * 4 + ["all"] * 4
    assert [row["pattern"] for row in rows if row["target"]] == ["-S", "SS"]
    for kind in ("upper", "all"):
        mine = [row for row in rows if row["kind"] == kind]
        assert sum(int(row["chosen"]) for row in mine) == 2
        assert sum(float(row["posterior"]) for row in mine) == pytest.approx(1, abs=0.005)


def test_the_second_task_is_the_first_with_its_channels_exchanged_or_with_other_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    known = importlib.import_module("known_sharing")
    words = known.dictionary(np.random.default_rng(0))

    def told(kind: str, position: int) -> list[set[int]]:
        """The words that best fit each class's pictures, of each channel."""
        data = known.task(kind, position, words, 0, 200)
        pixels = data.train.images.float() / 255 - 0.5
        filters = torch.from_numpy(words).float()[:, None]
        seen = [torch.nn.functional.conv2d(pixels[:, c : c + 1], filters) for c in (0, 1)]
        best = [one.flatten(2).amax(2).argmax(1) for one in seen]
        labels = data.train.labels
        return [
            {w for w in range(8) if ((one == w) & (labels == 0)).sum() > 0.35 * (labels == 0).sum()}
            for one in best
        ]

    assert told("upper", 1) == told("all", 1) == [{0, 1}, set()]
    assert told("upper", 2) == [set(), {0, 1}]
    assert told("all", 2) == [{0, 4}, set()]


def finished_job(folder: Path, stage_s: float, job_s: float | None) -> None:
    folder.mkdir(parents=True)
    at = "2026-01-02 03:04:"
    lines = [f"{at}05,500 INFO images", f"{at}06,000 INFO learned"]
    lines.append(f"{at}07,250 INFO finished in {stage_s} s")
    (folder / "log.txt").write_text("\n".join(lines) + "\n")
    if job_s is not None:
        (folder / "benchmark.tsv").write_text(f"s\th:m:s\tmax_rss\n{job_s}\t0:00:04\t1\n")


def test_stage_seconds_adds_up_a_finished_run(tmp_path: Path) -> None:
    task = tmp_path / "digits/cpg/s0/01-a"
    finished_job(task / "train", 2.0, 3.0)
    finished_job(tmp_path / "digits/cpg/s0/02-b/train", 4.0, 6.0)
    finished_job(task / "expand/a1", 2.5, 3.5)
    finished_job(task / "goals", 0.5, None)
    finished_job(tmp_path / "digits/pack_data/set_a", 1.0, 1.25)
    rows = quick("stage_seconds", tmp_path / "out", str(tmp_path / "digits"))
    found = {row["rule"]: row for row in rows}
    assert list(found) == ["train", "expand", "pack_data", "goals"]
    train = found["train"]
    assert [float(train[key]) for key in ("jobs", "job_s", "stage_s", "start_s", "all_s")] == [
        2, 4.5, 3.0, 1.5, 9.0
    ]  # fmt: skip
    assert float(train["work_s"]) == 1.75
    assert found["goals"]["job_s"] == "" and float(found["goals"]["all_s"]) == 0.5


def test_stage_seconds_names_an_empty_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "stage_seconds.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and str(tmp_path) in done.stderr


def test_default_experiment_runs_and_runs_nothing_again(tmp_path: Path) -> None:
    first, second = quick("default_experiment", tmp_path)
    assert (first["jobs"], second["jobs"]) == ("1", "0")
    assert float(first["wall_s"]) > 0 < float(second["wall_s"])


def test_faults_runs(tmp_path: Path) -> None:
    [row] = quick("faults", tmp_path)
    assert (row["kills"], row["equal"]) == ("1", "yes") and int(row["files"]) > 20
    with (tmp_path / "save_cost.csv").open() as file:
        costs = list(csv.DictReader(file))
    assert len(costs) == 3 and all(float(cost["of_s"]) > 0 for cost in costs)


def test_startup_runs(tmp_path: Path) -> None:
    warm, alone = quick("startup", tmp_path)
    assert (warm["worker"], alone["worker"]) == ("yes", "no")
    for row in (warm, alone):
        assert 0 < float(row["start_s"]) < float(row["job_s"])


def test_the_gpu_benchmark_runs_small_and_refuses_to_measure_without_one(tmp_path: Path) -> None:
    rows = quick("gpu", tmp_path)
    assert [(row["step"], row["how"]) for row in rows] == [
        (step, how) for step in ("first", "live", "frozen") for how in ("captured", "launched")
    ]
    assert all(float(row["wall_ms"]) > 0 for row in rows)
    if not torch.cuda.is_available():
        command = [sys.executable, str(FOLDER / "gpu.py"), "--out", str(tmp_path / "none")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 1 and "nothing was measured" in done.stderr
        assert not (tmp_path / "none").exists()


def test_stacked_seeds_runs(tmp_path: Path) -> None:
    rows = quick("stacked_seeds", tmp_path)
    assert [row["network"] for row in rows] == ["tiny_cnn2"]
    assert all(float(row["ratio"]) > 0 for row in rows)


def test_photographs_runs(tmp_path: Path) -> None:
    rows = quick("photographs", tmp_path)
    ways = ["memory", "pixels", "jpeg"]
    assert [row["what"] for row in rows] == [*ways, "step mobilenet_v3_small"]
    assert all(float(row["cpu_ms"]) > 0 for row in rows)
    with (tmp_path / "packing.csv").open() as file:
        [packed] = csv.DictReader(file)
    assert float(packed["images_mb"]) > 0 and float(packed["pack_s"]) > 0
