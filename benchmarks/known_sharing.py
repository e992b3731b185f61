"""Does LASEM find the layers that are worth sharing, where they are known?

    python benchmarks/known_sharing.py

Pictures of two channels. A word is a random 5 x 5 pattern; a picture repeats one word of its class
at random places in the channel that counts, and any word in the other channel, plus noise. Two
words make a class. The first task is learned with both layers shared, then the second begins, of
1000 pictures and few epochs, so that what helps is what learns faster:

  upper   the second task is the first with its channels exchanged: the filters of the lower layer
          look at what misleads now, while what the upper one makes of words holds. Right: -S
  all     the same channel, the same words, other pairs of them for classes: the lower layer holds,
          and the upper one has something to start from. Right: SS

What is right is not taken on trust: every pattern is trained by itself too. `fixed_test` and
`fixed_train` are the mean accuracies of the fixed pattern after its last epoch, `fixed_test_std`
over seeds, `fixed_mean` the training accuracy in the mean over all epochs, which is how fast it
learns; `best_in` counts the seeds in which that was the highest of all patterns. `posterior` is
LASEM-HPS's last one in the mean, `chosen` the seeds in which it was the largest, `lasem_test` the
test accuracy LASEM had in these. Target: the right pattern is chosen in 8 of 10 seeds.
"""

import statistics
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from prefix_tree import LASEM
from table import Row, arguments, machine, publish

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.layers.fixed import FixedPattern
from lifelong.layers.forms import HARD
from lifelong.layers.learner import LayerLearner, LayerStart
from lifelong.layers.model import LayerModel
from lifelong.layers.network import task_view
from lifelong.layers.part import LayerCard, LayerPart
from lifelong.methods.lasem import LasemLearner
from lifelong.optim.phase import Phase
from lifelong.plan.patterns import configurations
from lifelong.train.device import prepare
from lifelong.train.evaluate import accuracy, logits
from lifelong.train.layer_step import LayerStep
from lifelong.train.loop import Result, fit

NETWORK, CHANNELS, DEPTH = "mnist_cnn2", 0.5, 2
SIDE, WORD, WORDS, CLASSES, COPIES, NOISE = 20, 5, 8, 4, 6, 0.4
TEST, LR, TARGET = 400, 1e-3, 0.8
MEAN, STD = (0.5, 0.5), (0.05, 0.05)  # of pixels; a word spreads over 0.1 of them
RIGHT = {"upper": "-S", "all": "SS"}


@dataclass(frozen=True)
class Size:
    """How much is learned: pictures of a task, and passes over them."""

    images: int = 1000
    first_epochs: int = 15
    epochs: int = 8


def dictionary(random: np.random.Generator) -> np.ndarray:
    """Words of mean 0 and deviation 1: (words, 5, 5)."""
    words = random.standard_normal((WORDS, WORD, WORD))
    words -= words.mean((1, 2), keepdims=True)
    return words / np.sqrt((words**2).mean((1, 2), keepdims=True))


def classes_of(kind: str, position: int) -> list[list[int]]:
    """The words of each class: neighbours, or those four apart."""
    if kind == "all" and position == 2:
        return [[word for word in range(WORDS) if word % CLASSES == c] for c in range(CLASSES)]
    return [[word for word in range(WORDS) if word * CLASSES // WORDS == c] for c in range(CLASSES)]


def task(kind: str, position: int, words: np.ndarray, seed: int, count: int) -> TaskData:
    """One of the two tasks, the same for the same seed."""
    random = np.random.default_rng([seed, position])
    channel = 1 if kind == "upper" and position == 2 else 0
    classes = classes_of(kind, position)
    train, test = (pictures(classes, words, channel, n, random) for n in (count, TEST))
    names = tuple(map(str, range(CLASSES)))
    return TaskData(train, test, test, names, MEAN, STD, "validation")


def pictures(
    classes: list[list[int]],
    words: np.ndarray,
    channel: int,
    count: int,
    random: np.random.Generator,
) -> Split:
    """As many pictures of each class, in random order; `channel` is the one that counts."""
    labels = random.permutation(np.arange(count) % CLASSES)
    pixels = NOISE * random.standard_normal((count, 2, SIDE, SIDE))
    for picture, label in zip(pixels, labels, strict=True):
        for place in (0, 1):
            known = classes[label] if place == channel else range(WORDS)
            word = words[random.choice(list(known))]
            for row, column in random.integers(0, SIDE - WORD + 1, (COPIES, 2)):
                picture[place, row : row + WORD, column : column + WORD] += word
    images = np.clip(np.rint(128 + 25 * pixels), 0, 255).astype(np.uint8)
    return Split(torch.from_numpy(images), torch.from_numpy(labels))


def card(position: int, pattern: str) -> LayerCard:
    options: dict[str, Any] = {"dropout": 0.5, "groups": None, "lasem": LASEM}
    names = tuple(map(str, range(CLASSES)))
    return LayerCard(
        experiment="known",
        method="lasem_hps",
        base="lasem_hps",
        seed=0,
        position=position,
        task=f"t{position}",
        classes=names,
        network=NETWORK,
        channels=CHANNELS,
        in_channels=2,
        image_size=SIDE,
        mean=MEAN,
        std=STD,
        lineage=(),
        pattern=pattern,
        options=options,
    )


def learned(learner: LayerLearner, data: TaskData, epochs: int, seed: int) -> Result:
    phase = Phase(epochs, LR, batch_size=10, crop_padding=0, flip=False, whole_batches=True)
    return fit(LayerStep(learner, seed), data, phase, seed)


def after_one_task(data: TaskData, epochs: int, seed: int) -> LayerModel:
    """A model whose first task shares both layers."""
    model = LayerModel(partial(task_view, HARD))
    learner = FixedPattern(LayerStart(model, card(1, "SS"), 2 * seed, "cpu"), HARD)
    learned(learner, data, epochs, seed)
    committed, tensors = learner.commit("SS")
    model.add(LayerPart(committed, {n: t.detach().numpy() for n, t in tensors.items()}))
    return model


def test_accuracy(learner: LayerLearner, data: TaskData) -> float:
    return accuracy(logits(learner.network, data.test, data.mean, data.std), data.test.labels)  # type: ignore[arg-type]


def one_seed(kind: str, seed: int, size: Size) -> tuple[dict[str, dict[str, float]], float]:
    """What each pattern reached by itself and its posterior; LASEM's test accuracy."""
    words = dictionary(np.random.default_rng(seed))
    data = [task(kind, position, words, seed, size.images) for position in (1, 2)]
    model = after_one_task(data[0], size.first_epochs, seed)
    begin = 2 * seed + 1
    lasem = LasemLearner(LayerStart(model, card(2, ""), begin, "cpu"), HARD)
    learned(lasem, data[1], size.epochs, seed)
    found = {name: {"posterior": chance} for name, chance in lasem.patterns().items()}
    for pattern, values in found.items():
        learner = FixedPattern(LayerStart(model, card(2, pattern), begin, "cpu"), HARD)
        epochs = learned(learner, data[1], size.epochs, seed).epochs
        values["fixed_test"] = test_accuracy(learner, data[1])
        values["fixed_train"] = epochs[-1].train_accuracy
        values["fixed_mean"] = statistics.fmean(epoch.train_accuracy for epoch in epochs)
    return found, test_accuracy(lasem, data[1])


def rows_of(kind: str, seeds: int, size: Size) -> list[Row]:
    """One row per pattern."""
    runs = []
    for seed in range(seeds):
        runs.append(one_seed(kind, seed, size))
        chances = {name: round(one["posterior"], 3) for name, one in runs[-1][0].items()}
        print(f"{kind}, seed {seed}: {chances}", flush=True)
    return [_row(kind, pattern, runs) for pattern in configurations(DEPTH)]


def _row(kind: str, pattern: str, runs: list[tuple[dict[str, dict[str, float]], float]]) -> Row:
    def values(name: str) -> list[float]:
        return [found[pattern][name] for found, _ in runs]

    def wins(name: str) -> list[bool]:
        return [max(found, key=lambda one: found[one][name]) == pattern for found, _ in runs]

    chosen = wins("posterior")
    lasem = [reached for (_, reached), mine in zip(runs, chosen, strict=True) if mine]
    spread = statistics.stdev(values("fixed_test")) if len(runs) > 1 else 0.0
    row: Row = {
        "kind": kind,
        "pattern": pattern,
        "fixed_test": round(statistics.fmean(values("fixed_test")), 3),
        "fixed_test_std": round(spread, 3),
        "fixed_train": round(statistics.fmean(values("fixed_train")), 3),
        "fixed_mean": round(statistics.fmean(values("fixed_mean")), 3),
        "best_in": sum(wins("fixed_mean")),
        "posterior": round(statistics.fmean(values("posterior")), 3),
        "chosen": sum(chosen),
        "lasem_test": round(statistics.fmean(lasem), 3) if lasem else "",
        "target": "",
        "met": "",
    }
    if pattern == RIGHT[kind]:
        target = TARGET * len(runs)
        row |= {"target": target, "met": "yes" if sum(chosen) >= target else "no"}
    return row


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    size = Size(60, 1, 1) if options.quick else Size()
    seeds = 2 if options.quick else options.seeds
    facts = machine() | {"threads": 1, "seeds": seeds, "network": f"{NETWORK} x {CHANNELS}"}
    prepare(threads=1)
    rows = [row for kind in RIGHT for row in rows_of(kind, seeds, size)]
    publish("known_sharing", rows, facts, options.out)


if __name__ == "__main__":
    main()
