"""What `infer` says of the answers to test pictures: counts that add up, pictures as they are."""

import base64
import io

import numpy as np
import torch
from PIL import Image

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.work.mistakes import PICTURES, Answers, Mistake, answers, mistakes, to_csv


def data(channels: int, labels: list[int], side: int = 8) -> TaskData:
    random = torch.Generator().manual_seed(0)
    shape = (len(labels), channels, side, side)
    images = torch.randint(0, 256, shape, generator=random, dtype=torch.uint8)
    split = Split(images, torch.tensor(labels))
    return TaskData(split, split, split, ("a, b", "c"), (0.5,), (0.5,), "test")


def logits_of(given: list[int], certain: list[float]) -> torch.Tensor:
    rows = torch.zeros(len(given), 2)
    for row, answer, value in zip(rows, given, certain, strict=True):
        row[answer] = value
    return rows


def test_counts_are_those_of_the_answers():
    task = data(1, [0, 0, 0, 1, 1])
    said = answers("x", task, logits_of([0, 1, 0, 1, 1], [1.0] * 5))
    assert said == [
        Answers("x", "a, b", "a, b", 2),
        Answers("x", "a, b", "c", 1),
        Answers("x", "c", "c", 2),
    ]
    assert to_csv(Answers, said).splitlines()[:2] == [
        "on_task,label,answer,images",
        'x,"a, b","a, b",2',
    ]


def test_the_most_certain_mistakes_come_first_with_their_pictures():
    for channels in (1, 3):
        task = data(channels, [0, 1, 0, 1])
        said = mistakes("x", task, logits_of([1, 1, 1, 0], [1.0, 9.0, 3.0, 2.0]))
        assert [(one.label, one.answer) for one in said] == [
            ("a, b", "c"),
            ("c", "a, b"),
            ("a, b", "c"),
        ]
        assert said[0].probability == round(1 / (1 + np.exp(-3.0)), 4)
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(said[0].png))))
        pixels = task.test.images[2].permute(1, 2, 0).squeeze(-1)
        np.testing.assert_array_equal(picture, pixels)


def test_few_are_kept_and_large_ones_made_small():
    task = data(3, [0] * 9, side=100)
    said = mistakes("x", task, logits_of([1] * 9, [1.0] * 9))
    assert len(said) == PICTURES
    assert Image.open(io.BytesIO(base64.b64decode(said[0].png))).size == (64, 64)
    assert mistakes("x", task, logits_of([0] * 9, [1.0] * 9)) == []
    assert to_csv(Mistake, []) == "on_task,label,answer,probability,png\n"
