"""The loop: what it keeps, when it stops, and that an interruption changes nothing."""

import contextlib
from dataclasses import replace

import pytest
import torch
from toy import card_of

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.masks import Learner, Model, RankedLearner, Ranking
from lifelong.optim.phase import Phase
from lifelong.optim.plateau import Plateau
from lifelong.plan.errors import ConfigError
from lifelong.train import evaluate, loop
from lifelong.train.loop import fit
from lifelong.train.step import mask_step
from lifelong.work.resume import ResumeFile

torch.set_num_threads(1)


@pytest.fixture
def data() -> TaskData:
    """Three kinds of stripes with noise, easy to learn."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    images = torch.randint(0, 80, (90, 1, 8, 8), generator=generator)
    for label in range(3):
        images[labels == label, :, label * 3 : label * 3 + 2] += 150
    split = Split(images.to(torch.uint8), labels)
    return TaskData(split, split, split, ("a", "b", "c"), (0.3,), (0.3,), "validation")


def learner(position: int = 1) -> Learner:
    model = Model()
    if position > 1:
        first = Learner(model, card_of(1), seed=1)
        first.prune_to(0.6)
        model.add(first.shard())
    return Learner(model, card_of(position), seed=position)


PHASE = Phase(epochs=4, lr=0.05, batch_size=16, crop_padding=1, flip=False)


def test_it_learns(data):
    result = fit(mask_step(learner(), PHASE), data, PHASE, seed=0)
    assert result.epochs[-1].accuracy > 0.9 and result.epochs[-1].train_loss < 0.5
    assert result.kept == result.epochs[-1]
    assert [epoch.epoch for epoch in result.epochs] == [1, 2, 3, 4]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(data):
    heads = []
    for seed in (0, 0, 1):
        one = learner()
        fit(mask_step(one, PHASE), data, PHASE, seed=seed)
        heads.append(one.network.head.weight.detach())
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])


def test_with_a_bar_the_best_epoch_is_kept_and_training_stops_early(data):
    one = learner()
    fit(mask_step(one, PHASE), data, PHASE, seed=0)
    phase = Phase(
        epochs=9, lr=1e-6, batch_size=16, beat=1.0, patience=2, crop_padding=0, flip=False
    )
    result = fit(mask_step(one, phase), data, phase, seed=0)
    assert result.kept is None and len(result.epochs) == 2


def test_what_is_kept_is_what_was_best(data):
    one = learner()
    phase = Phase(epochs=6, lr=0.05, batch_size=16, beat=0.0, crop_padding=1, flip=False)
    result = fit(mask_step(one, phase), data, phase, seed=0)
    best = max(result.epochs, key=lambda epoch: epoch.accuracy)
    assert result.kept.accuracy == best.accuracy
    still = Phase(epochs=1, lr=1e-12, batch_size=16, crop_padding=0, flip=False)
    again = fit(mask_step(one, still), data, still, 0)
    assert again.epochs[0].accuracy == pytest.approx(best.accuracy, abs=0.05)


class Killed(Exception):
    """Stands for a machine that dies."""


@pytest.mark.parametrize("position", [1, 2])
@pytest.mark.parametrize("step", [1, 6, 7, 16])
def test_a_killed_run_goes_on_with_the_same_bits(data, tmp_path, position, step):
    phase = Phase(
        epochs=4,
        lr=0.05,
        batch_size=16,
        mask_lr=2e-3 if position > 1 else 0.0,
        mask_epochs=3,
        beat=0.0,
        crop_padding=1,
        flip=True,
    )

    def pruning(one: Learner):
        return lambda done, steps: one.prune_to(0.02 * done) if done % 5 == 0 else None

    straight = learner(position)
    expected = fit(mask_step(straight, phase), data, phase, 0, after_step=pruning(straight))

    def resume() -> ResumeFile:
        return ResumeFile(tmp_path / "resume.h5", "key", every_s=0.0)

    first = learner(position)
    prune = pruning(first)

    def die(done: int, steps: int) -> None:
        prune(done, steps)
        if done == step + 1:
            raise Killed

    with pytest.raises(Killed):
        fit(mask_step(first, phase), data, phase, 0, after_step=die, resume=resume())
    assert (tmp_path / "resume.h5").is_file()
    second = learner(position)
    result = fit(
        mask_step(second, phase), data, phase, 0, after_step=pruning(second), resume=resume()
    )
    assert result == expected
    for name, tensor in straight.state().items():
        assert torch.equal(tensor, second.state()[name]), name
    assert (tmp_path / "resume.h5").exists()  # until what came of it is written


@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize("step", [5, 6, 13, 18])
def test_picks_by_rank_go_on_with_the_same_bits(data, tmp_path, stale, step):
    """Killed within an epoch, at its end before it is measured, and after the picks froze."""
    phase = replace(PHASE, mask_lr=1e-2, mask_epochs=2, keep_epoch="best_loss")

    def ranked() -> RankedLearner:
        return RankedLearner(Model(), card_of(1), 1, "cpu", Ranking(0.5, stale=stale))

    def die(done: int, steps: int) -> None:
        assert steps == 6
        if done == step + 1:
            raise Killed

    straight = ranked()
    expected = fit(mask_step(straight, phase), data, phase, 0)
    for after in (die, None):
        one, resume = ranked(), ResumeFile(tmp_path / "resume.h5", "key", every_s=0.0)
        with pytest.raises(Killed) if after else contextlib.nullcontext():
            result = fit(mask_step(one, phase), data, phase, 0, after_step=after, resume=resume)
    assert result == expected
    for name, layer in straight.layers.items():
        assert torch.equal(layer.weight, one.layers[name].weight), name


def test_a_resume_file_of_another_stage_is_ignored(data, tmp_path):
    with pytest.raises(Killed):

        def die(done: int, steps: int) -> None:
            if done == 3:
                raise Killed

        resume = ResumeFile(tmp_path / "r.h5", "one", every_s=0.0)
        fit(mask_step(learner(), PHASE), data, PHASE, 0, after_step=die, resume=resume)
    assert ResumeFile(tmp_path / "r.h5", "one").load() is not None
    assert ResumeFile(tmp_path / "r.h5", "two").load() is None
    (tmp_path / "r.h5").write_bytes(b"damaged")
    assert ResumeFile(tmp_path / "r.h5", "one").load() is None


def test_the_first_epoch_is_logged_at_once_and_the_last_when_it_ends(data, caplog):
    """In between one line every ten seconds, which these epochs do not take."""
    lines: list[int] = []  # how many there are after each step

    def count(done: int, steps: int) -> None:
        lines.append(len(caplog.records))

    with caplog.at_level("INFO", logger="lifelong.train.loop"):
        fit(mask_step(learner(), PHASE), data, PHASE, 0, name="it", after_step=count)
    assert lines == [0] * 6 + [1] * 18  # 90 images in batches of 16
    first, last = (record.getMessage() for record in caplog.records)
    assert first.startswith("it: epoch 1 of 4, ") and last.startswith("it: epoch 4 of 4, ")
    assert last.endswith(" 0 s left")


def test_in_between_a_line_follows_after_some_seconds(data, caplog, monkeypatch):
    monkeypatch.setattr(loop, "_SAY_EVERY_S", 0.0)
    with caplog.at_level("INFO", logger="lifelong.train.loop"):
        fit(mask_step(learner(), PHASE), data, PHASE, 0)
    assert [record.args[1] for record in caplog.records] == [1, 2, 3, 4]


def test_the_epoch_with_the_lowest_loss_is_kept(data, monkeypatch):
    losses = iter([0.9, 0.5, 0.4, 0.6])
    monkeypatch.setattr(evaluate, "mean_loss", lambda *_: next(losses))
    phase = replace(PHASE, keep_epoch="best_loss")
    best, shorter = learner(), learner()
    result = fit(mask_step(best, phase), data, phase, seed=3)
    assert result.kept.epoch == 3 and [e.deciding_loss for e in result.epochs][2] == 0.4
    fit(mask_step(shorter, PHASE), data, replace(PHASE, epochs=3), seed=3)
    for name, tensor in best.state().items():
        assert torch.equal(tensor, shorter.state()[name]), name


def test_the_first_epoch_with_the_highest_accuracy_is_kept(data, monkeypatch):
    accuracies = iter([0.2, 0.8, 0.8, 0.1])
    monkeypatch.setattr(evaluate, "accuracy", lambda *_: next(accuracies))
    phase = replace(PHASE, keep_epoch="best_accuracy")
    assert fit(mask_step(learner(), phase), data, phase, seed=3).kept.epoch == 2


def test_on_a_plateau_rates_fall_and_training_ends(data, monkeypatch):
    monkeypatch.setattr(evaluate, "mean_loss", lambda *_: 1.0)
    plateau = Plateau(patience=1, factor=0.5, floor=0.02)
    phase = replace(PHASE, epochs=50, plateau=plateau)
    step, rates = mask_step(learner(), phase), []
    begin = step.begin_epoch
    monkeypatch.setattr(
        step, "begin_epoch", lambda phase, epoch: (rates.append(phase.lr), begin(phase, epoch))
    )
    result = fit(step, data, phase, seed=3)
    # the first epoch is the best; 0.05 falls once and would fall below 0.02 the second time
    assert len(result.epochs) == 3 and rates == [0.05, 0.05, 0.025]


def test_adam_learns_and_a_killed_run_of_it_goes_on(data, tmp_path, monkeypatch):
    plateau = Plateau(patience=1, factor=0.5, floor=1e-6)
    phase = replace(
        PHASE, lr=5e-3, optimiser="adam", plateau=plateau, keep_epoch="best_loss", epochs=6
    )
    undisturbed = learner(2)
    result = fit(mask_step(undisturbed, phase), data, phase, seed=3)
    assert result.epochs[-1].accuracy > 0.9

    class Dies(ResumeFile):
        def due(self) -> bool:
            return True

        def save(self, tensors, facts) -> None:
            super().save(tensors, facts)
            if facts["epoch"] == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        file = Dies(tmp_path / "r.h5", "key")
        fit(mask_step(learner(2), phase), data, phase, seed=3, resume=file)
    again = learner(2)
    file = ResumeFile(tmp_path / "r.h5", "key")
    assert fit(mask_step(again, phase), data, phase, seed=3, resume=file) == result
    for name, tensor in undisturbed.state().items():
        assert torch.equal(tensor, again.state()[name]), name


def test_training_that_diverges_is_one_clear_error(data):
    phase = Phase(epochs=2, lr=1e30, batch_size=16, crop_padding=0, flip=False)
    with pytest.raises(ConfigError, match=r"baseline diverged: the loss of epoch 1 is nan; lower"):
        fit(mask_step(learner(), phase), data, phase, 0, name="baseline")
