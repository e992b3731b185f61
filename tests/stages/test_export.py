"""The MATLAB file of a finished experiment, read back and compared with numbers worked by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learning_rows import About, Run, invented, worked, write_results
from scipy.io import loadmat, whosmat

from lifelong import store
from lifelong.cli import main
from lifelong.plan.patterns import configurations

NEAR = {"rtol": 0, "atol": 1e-12}


def finished(folder: Path, runs: list[Run], seconds: float | None = 60.0) -> Path:
    """A results tree of runs and its tables' manifest; seeds are those of the first method."""
    base = write_results(folder / "results", runs, seconds)
    methods = list(dict.fromkeys(run.method for run in runs))
    seeds = [run.seed for run in runs if run.method == methods[0]]
    spec = {"methods": methods, "seeds": seeds, "tasks": list(runs[0].tasks)}
    store.write_text(base / "tables" / "summary.csv", "")
    store.write_manifest(base / "tables", {}, spec=spec)
    return base


def exported(base: Path, *options: str):
    """What `lifelong export` wrote, method by method."""
    file = base.parent / "found.mat"
    assert main(["export", str(base), "--mat", str(file), *options]) == 0
    cells = loadmat(file, squeeze_me=False, struct_as_record=False)["training_summary"]
    assert cells.dtype == object and cells.shape[0] == 1
    return [cell[0, 0] for cell in cells[0]]


def runs_of(summary) -> list:
    return [cell[0, 0] for cell in summary.result_of_each_run[0]]


@pytest.fixture(scope="module")
def two_seeds(tmp_path_factory) -> Path:
    runs = [worked(0), replace(worked(3, more=0.1))]
    return finished(tmp_path_factory.mktemp("two"), runs)


def test_histories_hold_the_live_accuracies_of_all_epochs(two_seeds):
    (summary,) = exported(two_seeds, "--force")
    first, second = runs_of(summary)
    # columns: fish, apes, the mean over those learned; epoch 0 is untrained
    wanted = [
        [0.1, 0, 0.1],
        [0.4, 0, 0.4],
        [0.6, 0, 0.6],
        [0.62, 0, 0.62],
        [0.55, 0.5, 0.525],
        [0.5, 0.49, 0.495],
        [0.45, 0.7, 0.575],
    ]
    np.testing.assert_allclose(first.history_test_error, wanted, **NEAR)
    np.testing.assert_allclose(first.history_validation_error[4:, 1], [0.3, 0.8, 0.6], **NEAR)
    np.testing.assert_allclose(first.history_train_error[:4, 0], [0.1, 0.5, 0.7, 0.9], **NEAR)
    np.testing.assert_allclose(second.history_test_error[6], [0.55, 0.8, 0.675], **NEAR)
    # best validation of fish: epochs 1, 2 and 2 again; of apes: 1, 2 and 2 again
    best = [[0.1, 0.4, 0.6, 0.6, 0.5, 0.49, 0.49]]
    np.testing.assert_allclose(first.history_best_test_error, best, **NEAR)
    assert first.num_epoch.item() == 6 and first.training_time.item() == 240
    assert first.task_changed_epoch.tolist() == [[1, 4]]
    assert not first.LEEP_score_testset.any() and first.LEEP_score_testset.shape == (2, 2)


def test_what_is_said_over_runs(two_seeds):
    (summary,) = exported(two_seeds, "--force")
    np.testing.assert_allclose(
        summary.best_test_error_each_task, [[0.6, 0.49], [0.7, 0.59]], **NEAR
    )
    assert summary.best_test_error_each_task_mean.item() == pytest.approx(0.595)
    assert summary.best_test_error_each_task_std.item() == pytest.approx(0.1 / 2**0.5)
    np.testing.assert_allclose(summary.test_error_at_last_epoch, [[0.45, 0.7], [0.55, 0.8]], **NEAR)
    assert summary.test_error_at_last_epoch_mean.item() == pytest.approx(0.625)
    assert summary.training_time.tolist() == [[240, 240]]
    assert summary.training_time_mean.item() == 240 and summary.training_time_stddev.item() == 0
    assert summary.task_order.tolist() == [[0, 1]]
    assert summary.train_valid_data_group.tolist() == [[0, 3]]
    model = summary.model_specific_info[0, 0]
    assert model.architecture.item() == "cifar_cnn4" and model.method.item() == "hps"
    assert model.learning_rate.item() == 1e-4 and model.improvement_threshold.item() == 1.002
    assert model.early_stopping_para.tolist() == [[3, 1.5]]
    assert model.number_of_trainable_parameters.item() == 160
    assert model.dropout.item() == 0.5 and model.groups.size == 0


def test_the_peak_of_a_task_stands_where_its_phase_ends(tmp_path):
    run = invented("hps", tasks=3, epochs=25, every=3)
    (summary,) = exported(finished(tmp_path, [run]))
    (found,) = runs_of(summary)
    assert found.history_test_error.shape == (76, 4)
    ends = found.history_best_test_error[0, [25, 50, 75]]
    np.testing.assert_allclose(ends, summary.best_test_error_each_task[0])
    assert np.isnan(summary.best_test_error_each_task_std.item())


def test_epochs_without_a_look_carry_the_one_before(tmp_path):
    run = invented("hps", tasks=2, epochs=10, every=4)
    (found,) = runs_of(exported(finished(tmp_path, [run]))[0])
    fish = [run.live[phase][run.tasks[0], "test"] for phase in (0, 1)]
    first = [fish[0][epoch] for epoch in (0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 10)]
    second = [fish[0][10]] * 3 + [fish[1][epoch] for epoch in (4, 4, 4, 4, 8, 8, 10)]
    np.testing.assert_allclose(found.history_test_error[:, 0], first + second)
    newest = found.history_test_error[:, 1]
    assert not newest[:14].any() and newest[14] == run.live[1][run.tasks[1], "test"][4]
    # a task that has no number yet does not count in the mean
    np.testing.assert_allclose(found.history_test_error[:14, 2], (first + second)[:14])


def test_lasem_has_its_priors_in_the_programs_order(tmp_path):
    run = invented("lasem", tasks=2, epochs=6, every=1)
    (summary,) = exported(finished(tmp_path, [run]))
    (found,) = runs_of(summary)
    assert found.history_net_prior.shape == (12, 16)
    for number, pattern in enumerate(configurations(4)):  # bit l: layer l is the task's own
        for phase, epoch in ((0, 1), (1, 6)):
            line = 6 * phase + epoch - 1
            facts = run.facts[phase]
            prior = facts[About("posterior", pattern=pattern)]
            now = facts[About("posterior_epoch", pattern=pattern)]
            assert found.history_net_prior[line, number] == prior[epoch]
            assert found.history_net_prior_in_epoch[line, number] == now[epoch]
    wanted = [[letter == "S" for letter in pattern] for pattern in run.patterns]
    np.testing.assert_array_equal(found.conv_sharing, wanted)
    assert "LEEP_score_testset" not in found._fieldnames
    assert summary.model_specific_info[0, 0].pattern.size == 0


def test_priors_begin_alike_and_stay_until_the_next_look(tmp_path):
    run = invented("lasem", tasks=2, epochs=6, every=1)
    for curve in (curve for facts in run.facts for curve in facts.values()):
        for epoch in (1, 2, 4):
            del curve[epoch]
    (found,) = runs_of(exported(finished(tmp_path, [run]))[0])
    prior = found.history_net_prior
    for first in (0, 6):
        np.testing.assert_allclose(prior[first : first + 2], 1 / 16)
        np.testing.assert_array_equal(prior[first + 3], prior[first + 2])
        assert (prior[first + 4] != prior[first + 3]).all()


def test_a_task_that_was_not_searched_is_sure_of_its_pattern(tmp_path):
    run = invented("lasem", tasks=2, epochs=6, every=1)
    run.facts[0].clear()
    (summary,) = exported(finished(tmp_path, [run]))
    (found,) = runs_of(summary)
    number = sum(2**layer for layer, letter in enumerate(run.patterns[0]) if letter != "S")
    for history in (found.history_net_prior, found.history_net_prior_in_epoch):
        np.testing.assert_array_equal(history[:6], np.eye(16)[[number] * 6])
        assert ((history[6:] > 0) & (history[6:] < 1)).any(axis=1).all()


def test_darts_has_its_alphas_own_branch_first(tmp_path):
    alphas = {
        About("alpha", layer, branch): {epoch: layer + (branch == "S") / 2 + epoch / 100}
        for layer in (0, 1, 10)
        for branch in "S-"
        for epoch in (1,)
    }
    run = replace(worked(), facts=[alphas, alphas])
    (found,) = runs_of(exported(finished(tmp_path, [run]))[0])
    line = [0.01, 0.51, 1.01, 1.51, 10.01, 10.51]
    np.testing.assert_allclose(found.history_DARTS_arch_select, [line] * 6)
    np.testing.assert_array_equal(found.conv_sharing, [[1, 1, 0, 0], [1, 0, 0, 0]])


def test_one_cell_per_method_in_their_order(tmp_path):
    runs = [invented(method, epochs=4) for method in ("lasem", "stl", "hps")]
    base = finished(tmp_path, runs)
    names = [one.model_specific_info[0, 0].method.item() for one in exported(base)]
    assert names == ["lasem", "stl", "hps"]
    names = [
        one.model_specific_info[0, 0].method.item()
        for one in exported(base, "--methods", "hps,lasem", "--force")
    ]
    assert names == ["hps", "lasem"]
    file = base.parent / "found.mat"
    assert whosmat(file) == [("training_summary", (1, 2), "cell")]


def test_the_same_records_give_the_same_bytes(two_seeds, tmp_path):
    for name in ("one.mat", "two.mat"):
        assert main(["export", str(two_seeds), "--mat", str(tmp_path / name)]) == 0
    content = (tmp_path / "one.mat").read_bytes()
    assert content == (tmp_path / "two.mat").read_bytes()
    assert content.startswith(b"MATLAB 5.0 MAT-file") and b"Created on" not in content


def test_without_timing_there_is_no_time(tmp_path):
    (summary,) = exported(finished(tmp_path, [worked()], seconds=None))
    assert np.isnan(summary.training_time).all() and np.isnan(summary.training_time_mean).all()


def test_the_folder_of_the_experiment_may_be_where_one_is(two_seeds, tmp_path, monkeypatch):
    monkeypatch.chdir(two_seeds)
    assert main(["export", ".", "--mat", str(tmp_path / "here.mat")]) == 0


def refused(capsys, *command: str) -> str:
    assert main(["export", *command]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("Error: ") and len(said.err.splitlines()) == 1
    return said.err


def test_a_file_that_exists_is_not_replaced_unasked(two_seeds, tmp_path, capsys):
    file = tmp_path / "found.mat"
    file.write_bytes(b"mine")
    assert "found.mat exists: name another file, or give --force" in refused(
        capsys, str(two_seeds), "--mat", str(file)
    )
    assert file.read_bytes() == b"mine"
    assert main(["export", str(two_seeds), "--mat", str(file), "--force"]) == 0
    assert "hps; 2 runs of 2 tasks" in capsys.readouterr().out
    assert "training_summary" in loadmat(file)


def test_where_there_is_nothing_to_export_one_sentence_says_so(two_seeds, tmp_path, capsys):
    file = str(tmp_path / "found.mat")
    assert "has no tables: name a finished" in refused(capsys, str(tmp_path), "--mat", file)
    run = worked()
    quiet = replace(run, live=[{} for _ in run.live])
    base = finished(tmp_path, [quiet])
    assert "has no method that measures all tasks" in refused(capsys, str(base), "--mat", file)
    asked = (str(two_seeds), "--mat", file, "--methods", "cpg")
    assert "has nothing to export of cpg: use hps" in refused(capsys, *asked)
    assert not Path(file).exists()


def test_a_damaged_record_is_named(tmp_path, capsys):
    base = finished(tmp_path, [worked()])
    record = base / "hps" / "s0" / "02-apes" / "infer" / "record.csv"
    record.write_text(record.read_text().replace("0.68", "0.99"))
    file = tmp_path / "found.mat"
    assert str(record) in refused(capsys, str(base), "--mat", str(file))
    assert not file.exists()
