"""Dynamic weights on real pictures: 100 faces and 100 other crops that scikit-image brings along.

Two tasks of two classes: a face or not, and upright or upside down. Three in five labels of one of
them are drawn at random, so that its loss stays high. It gets the larger weight by dynamic weights,
and the smaller one by the naive rule, whichever task it is.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.data.lessons import lesson_data
from lifelong.joint.learner import LessonLearner
from lifelong.joint.weighting import Start
from lifelong.methods.dynamic import Dynamic
from lifelong.methods.naive_dynamic import NaiveDynamic
from lifelong.optim.phase import Phase
from lifelong.plan.card import Card
from lifelong.train.balance import Balance
from lifelong.train.lesson_step import LessonStep
from lifelong.train.loop import fit
from lifelong.train.losses import CrossEntropy

EPOCHS = 15  # 60 steps of at most 64 images
OPTIONS = {"logit_norm": "l2", "scale": 1.0, "trunk_leak": False, "lr": 0.01, "sigma": 0.01}


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    skimage = pytest.importorskip("skimage", reason="scikit-image, which brings the pictures")
    path = Path(skimage.__file__).parent / "data" / "lfw_subset.npy"
    return (255 * np.load(path)).round().astype(np.uint8)[:, None]


def tasks_of(crops: np.ndarray, noisy: int) -> list[TaskData]:
    random = np.random.default_rng(0)
    turned = random.integers(0, 2, len(crops))
    images = np.where(turned[:, None, None, None], crops[:, :, ::-1], crops)
    labels = [np.repeat([1, 0], 100), turned]
    drawn = random.random(len(crops)) < 0.6
    labels[noisy] = np.where(drawn, random.integers(0, 2, len(crops)), labels[noisy])
    splits = [Split(torch.from_numpy(images.copy()), torch.from_numpy(one)) for one in labels]
    facts = (("no", "yes"), (0.5,), (0.25,), "validation")
    return [TaskData(split, split, split, *facts) for split in splits]


def card_of(position: int) -> Card:
    return Card(
        experiment="faces",
        method="dynamic",
        seed=0,
        position=position,
        task=f"task{position}",
        classes=("no", "yes"),
        network="small_cnn",
        channels=0.5,
        in_channels=1,
        image_size=25,
        mean=(0.5,),
        std=(0.25,),
        lineage=(),
    )


@pytest.mark.parametrize("noisy", [0, 1])
def test_the_noisy_task_counts_more_and_by_the_naive_rule_less(crops, noisy):
    torch.set_num_threads(1)
    weights = {}
    for method in (Dynamic, NaiveDynamic):
        data = lesson_data(tasks_of(crops, noisy), (1, 2))
        assert data.sets == (0, 0)  # the same pictures, with two labels each
        learner = LessonLearner([card_of(1), card_of(2)], (3, 4), "cpu", None)
        phase = Phase(EPOCHS, lr=1e-3, optimiser="adam", batch_size=64, crop_padding=0, flip=False)
        about = Start(("face", "turned"), (2, 2), 64, OPTIONS | {"loss_scale": "none"}, seed=5)
        balance = Balance(about.tasks, 60)
        losses = (CrossEntropy(), CrossEntropy())
        step = LessonStep(learner, phase, losses, method(about), data.sets, balance, clip=5.0)
        fit(step, data, phase, seed=0)
        weights[method] = float(balance.sums[59, 1, noisy])
    assert weights[Dynamic] > 0.7 and weights[NaiveDynamic] < 0.3, weights
