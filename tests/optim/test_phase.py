"""Schedules by hand-worked sequences."""

from types import SimpleNamespace

import pytest

from lifelong.families.layer_work import LayerWork
from lifelong.layers.learner import TrainingPart
from lifelong.optim.phase import Phase


def test_rates_fall_after_the_milestones():
    phase = Phase(epochs=100, lr=0.01, milestones=(50, 80), factor=0.1)
    rates = [phase.rate(epoch) for epoch in (0, 49, 50, 79, 80, 99)]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4])


def test_mask_rates_fall_and_end():
    phase = Phase(epochs=100, lr=0.01, mask_lr=5e-4, mask_milestones=(50,), mask_epochs=70)
    rates = [phase.mask_rate(epoch) for epoch in (0, 49, 50, 69, 70, 99)]
    assert rates == pytest.approx([5e-4, 5e-4, 1e-4, 1e-4, 0, 0])


def test_a_phase_takes_what_it_knows_from_the_configuration():
    recipe = {
        "batch_size": 8,
        "momentum": 0.5,
        "weight_decay": 0.0,
        "crop_padding": 1,
        "flip": False,
    }
    section = {"epochs": 3, "lr": 0.1, "milestones": [1], "repetitions": 5, "min_train_accuracy": 1}
    phase = Phase.of(section, recipe, beat=0.5)
    assert (phase.epochs, phase.milestones, phase.batch_size, phase.beat) == (3, (1,), 8, 0.5)
    assert phase.mask_rate(0) == 0.0


def test_rates_decay_with_the_epochs_of_all_tasks():
    """1 / (1 + epochs / 4), of which the task before had two."""
    first = Phase(epochs=2, lr=1.0, decay=0.25)
    second = Phase(epochs=3, lr=1.0, decay=0.25, epochs_before=2)
    rates = [*(first.rate(e) for e in range(2)), *(second.rate(e) for e in range(3))]
    assert rates == pytest.approx([1, 4 / 5, 4 / 6, 4 / 7, 4 / 8])


def test_a_run_of_lasem_ends_with_the_published_rate():
    """Ten tasks of 2000 epochs from 1e-4: 1e-4 / (1 + 19999 / 4000)."""
    last = Phase(epochs=2000, lr=1e-4, decay=1 / 4000, epochs_before=9 * 2000)
    assert last.rate(1999) == pytest.approx(1.667e-5, rel=1e-3)
    office = Phase(epochs=1000, lr=2e-5, decay=1e-4, epochs_before=9000)
    assert office.rate(999) == pytest.approx(1e-5, rel=1e-3)


def test_without_decay_earlier_epochs_do_not_matter():
    assert Phase(epochs=1, lr=0.5, epochs_before=1000).rate(3) == 0.5


def test_milestones_and_decay_both_lower_a_rate():
    phase = Phase(epochs=4, lr=1.0, milestones=(2,), factor=0.1, decay=1.0)
    assert [phase.rate(e) for e in range(4)] == pytest.approx([1, 1 / 2, 0.1 / 3, 0.1 / 4])


def part_of_a_task(part: TrainingPart, done: int, position: int = 2) -> Phase:
    """The phase of a task that comes after some; ten epochs each, at 1 / (1 + epochs / 10)."""
    training = {"epochs": 10, "lr": 1.0, "decay": 0.1, "batch_size": 4}
    work = SimpleNamespace(spec=SimpleNamespace(training=training, position=position))
    return LayerWork.phase(work, part, done)


def test_a_whole_task_is_one_phase_whose_rate_falls():
    phase = part_of_a_task(TrainingPart(), 0)
    assert phase.epochs == 10 and phase.whole_batches and not phase.flip
    assert [phase.rate(e) for e in (0, 9)] == pytest.approx([1 / 2, 1 / 2.9])
    assert part_of_a_task(TrainingPart(), 0, position=1).rate(0) == 1.0


@pytest.mark.parametrize(("share", "epochs"), [(0.1, 1), (0.3, 3), (0.01, 1), (1.0, 10)])
def test_a_part_of_a_task_has_its_share_of_the_epochs_and_a_steady_rate(share, epochs):
    phase = part_of_a_task(TrainingPart("some", share, steady=True), done=4)
    assert phase.epochs == epochs
    assert [phase.rate(e) for e in (0, 1, 9)] == pytest.approx([1 / 2.4] * 3)


def test_a_part_may_go_on_falling_where_the_one_before_ended():
    whole, part = (
        part_of_a_task(TrainingPart(), 0),
        part_of_a_task(TrainingPart("rest", 0.5), done=5),
    )
    assert [part.rate(e) for e in range(5)] == pytest.approx([whole.rate(e) for e in range(5, 10)])
