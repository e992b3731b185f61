"""Batches of several tasks at once, what was kept of their losses, and a loss that is no number."""

import math
from pathlib import Path

import pytest
import torch
from toy import card_of

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.data.lessons import lesson_data
from lifelong.joint.learner import LessonLearner
from lifelong.joint.weighting import Start
from lifelong.methods.joint import Fixed
from lifelong.optim.phase import Phase
from lifelong.plan.errors import ConfigError
from lifelong.train.balance import Balance
from lifelong.train.lesson_step import LessonStep
from lifelong.train.loop import fit
from lifelong.work.resume import ResumeFile


def drawn(size: int) -> Phase:
    """Batches of images as they are."""
    return Phase(epochs=1, lr=0.1, batch_size=size, crop_padding=0, flip=False)


def task(count: int, seed: int = 0) -> TaskData:
    """Images that say which they are by their first pixel."""
    images = torch.full((count, 1, 8, 8), seed, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(count)
    split = Split(images, torch.arange(count) % 3)
    return TaskData(split, split, split, ("a", "b", "c"), (0.0,), (1.0,), "validation")


def shown(batches, epoch: int, start: int = 0) -> list[list[list[int]]]:
    """The images of every step, by set."""
    return [
        [[round(255 * float(image[0, 0, 0])) for image in images] for images in x]
        for x, _ in batches.epoch(epoch, start)
    ]


def batches_of(tasks: list[TaskData], size: int):
    data = lesson_data(tasks, list(range(len(tasks))))
    return data, data.batches(drawn(size), 0, torch.contiguous_format)


def test_an_epoch_shows_the_larger_task_once_and_the_smaller_one_again_and_again():
    data, batches = batches_of([task(10, 1), task(4, 2)], 2)
    assert data.sets == (0, 1) and len(batches) == 5
    steps = shown(batches, 0)
    large, small = ([i for step in steps for i in step[one]] for one in (0, 1))
    assert sorted(large) == list(range(10))
    assert sorted(small[:4]) == sorted(small[4:8]) == list(range(4))
    following = [i for step in shown(batches, 1) for i in step[1]]
    assert sorted(small[8:] + following[:2]) == list(range(4))  # it goes on where it was
    assert [batches.seen(epoch) for epoch in range(3)] == [20] * 3


def test_images_are_counted_epoch_by_epoch_where_tasks_have_unequally_many():
    _, batches = batches_of([task(15, 1), task(5, 2)], 3)  # 5 batches beside one of 3 and one of 2
    for epoch in range(4):
        steps = shown(batches, epoch)
        assert batches.seen(epoch) == sum(len(images) for step in steps for images in step)
    assert len({batches.seen(epoch) for epoch in range(4)}) > 1


def test_an_epoch_goes_on_in_the_middle_with_the_same_images():
    _, batches = batches_of([task(10, 1), task(4, 2)], 2)
    assert shown(batches, 1, start=3) == shown(batches, 1)[3:]


def test_tasks_of_the_same_images_share_their_batches():
    one = task(6)
    other = TaskData(
        Split(one.train.images.clone(), one.train.labels.flip(0)), *[one.deciding] * 2,
        one.classes, one.mean, one.std, "validation",
    )  # fmt: skip
    data, batches = batches_of([one, other, task(6, 3)], 4)
    assert data.sets == (0, 0, 1)
    x, y = next(batches.epoch(0))
    assert len(x) == 2 and len(y) == 3
    assert torch.equal(y[0].flip(0).sort()[0], y[1].sort()[0]) or len(y[0]) == len(y[1])
    places = [round(255 * float(image[0, 0, 0])) for image in x[0]]
    assert y[0].tolist() == [place % 3 for place in places]
    assert y[1].tolist() == [(5 - place) % 3 for place in places]
    assert batches.seen(0) == 18


def step_of(losses, steps: int):
    data = lesson_data([task(8, 1), task(8, 2)], (0, 1))
    learner = LessonLearner([card_of(1), card_of(2)], (0, 1), "cpu", None)
    about = Start(("first", "second"), (3, 3), 32, {"weights": {}})
    phase = Phase(3, lr=0.1, batch_size=4, crop_padding=0, flip=False)
    balance = Balance(about.tasks, steps)
    return LessonStep(learner, phase, losses, Fixed(about), data.sets, balance), data, phase


class Fails:
    """A loss that is no number from one step on."""

    counts_steps = True

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self, found, labels, step):
        loss = torch.nn.functional.cross_entropy(found, labels)
        return loss * (math.nan if int(step) >= self.at else 1.0)


def test_the_first_loss_that_is_no_number_ends_training_and_names_its_task(tmp_path: Path):
    """What is kept are the weights before that step, and they are numbers."""
    step, data, phase = step_of([Fails(99), Fails(4)], 6)
    resume = ResumeFile(tmp_path / "state.h5", "key")
    message = r"loss of task second is nan in step 2 of epoch 2; .* is in .*state\.h5"
    with pytest.raises(ConfigError, match=message):
        fit(step, data, phase, 0, resume=resume, name="lesson")
    tensors, facts = resume.load()
    assert (facts["epoch"], facts["step"]) == (1, 1)
    whole, data, phase = step_of([Fails(99), Fails(99)], 6)
    batches = data.batches(drawn(4), 0, torch.contiguous_format)
    whole.begin_epoch(phase, 0)
    for x, y in [*batches.epoch(0), next(batches.epoch(1))]:
        whole(x, y)
    for name, tensor in whole.learner.state().items():
        assert torch.equal(tensors[f"now/{name}"], tensor), name


def test_one_pass_gives_the_gradients_of_the_weighted_sum():
    """Both tasks through one trunk, against autograd on each network alone (no norms between)."""
    step, data, _ = step_of([Fails(99), Fails(99)], 6)
    network = step.learner.network
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.eval()
    x, y = next(data.batches(drawn(4), 0, torch.contiguous_format).epoch(0))
    outputs = [view(images) for view, images in zip(network.tasks, x, strict=True)]
    each = [torch.nn.functional.cross_entropy(o, one) for o, one in zip(outputs, y, strict=True)]
    expected = torch.autograd.grad(sum(each) / 2, step.stepped)
    step(x, y)
    for parameter, gradient in zip(step.stepped, expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-6)


def test_long_trainings_keep_means_over_steps():
    balance = Balance(["a"], 4100)
    for number in range(4100):
        balance.add(torch.tensor([float(number)]), torch.tensor([1.0]))
    lines = balance.table().splitlines()
    assert balance.every == 3 and len(lines) == 1 + 1367
    assert lines[1] == "3,a,1.0,1.0" and lines[-1] == "4100,a,4098.5,1.0"
