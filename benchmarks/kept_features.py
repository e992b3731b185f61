"""What a probe saves when each image passes the pretrained network once and its features are kept.

EfficientNet-Lite0 with its weights, random images of 32x32 pixels enlarged to `side`, five classes,
the probe's own recipe. Both ways in turn on one thread, CPU seconds, medians of `repeats`:

  computed   every batch of every epoch, and the deciding images, pass the whole network
  kept       all images pass it once, and the output layer learns from what was kept

`ratio` is computed over kept of the same round and grows with `epochs`; a probe has 30 by default.
`difference` is the largest between the output layers of both: 0 means the same bits.
"""

import statistics
import time
from dataclasses import replace

import torch
from synthetic import CLASSES, card
from table import Row, arguments, figure, machine, publish

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.masks.head_learner import HeadLearner
from lifelong.masks.model import Model
from lifelong.optim.phase import Phase
from lifelong.plan.card import Card
from lifelong.plan.specs import Grounding
from lifelong.train.device import prepare
from lifelong.train.evaluate import features
from lifelong.train.head_step import head_step
from lifelong.train.loop import fit
from lifelong.work.pretrained import ground_part

NAME = "efficientnet_lite0"
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3


def ground() -> Model:
    """A model of no task yet, on the weights."""
    spec = Grounding(
        revision=[1],
        kind="ground",
        experiment="synthetic",
        pretrained=NAME,
        network={"name": NAME, "channels": 1.0},
        in_channels=3,
        files={},
        made_for={"side": 224},
    )
    return Model(ground_part(spec))


def task(images: int) -> TaskData:
    """So many images to learn from, and a quarter of these to decide on."""
    random = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        pixels = torch.randint(256, (count, 3, 32, 32), generator=random, dtype=torch.uint8)
        return Split(pixels, torch.randint(CLASSES, (count,), generator=random))

    train, deciding = split(images), split(images // 4)
    return TaskData(
        train, deciding, deciding, tuple(map(str, range(CLASSES))), MEAN, STD, "validation"
    )


def learned(model: Model, of: Card, data: TaskData, phase: Phase, keep: bool) -> torch.Tensor:
    """The output layer that a probe ends with."""
    learner = HeadLearner(model, of, seed=0)
    if keep:
        data = replace(
            data, train=kept(learner, data.train, data), deciding=kept(learner, data.deciding, data)
        )
        learner.of_features()
    fit(head_step(learner, phase), data, phase, seed=0)
    return learner.state()["head.weight"].clone()


def kept(learner: HeadLearner, split: Split, data: TaskData) -> Split:
    seen = features(learner.whole, split, data.mean, data.std)
    return Split(seen[:, :, None, None], split.labels)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--side", type=int, default=96, help="that images are enlarged to")
    options = parser.parse_args()
    images, epochs, repeats = (8, 2, 1) if options.quick else (400, 5, 3)
    side = 32 if options.quick else options.side
    prepare(threads=1)
    model, data = ground(), task(images)
    of = replace(card(1, 1.0), network=NAME, mean=MEAN, std=STD, input_size=side)
    phase = Phase(epochs=epochs, lr=0.005, weight_decay=0.2, crop_padding=0, flip=False)
    seconds: dict[str, list[float]] = {"computed": [], "kept": []}
    weights = {}
    for _ in range(repeats):
        for way in seconds:
            started = time.process_time()
            weights[way] = learned(model, of, data, phase, keep=way == "kept")
            seconds[way].append(time.process_time() - started)
    difference = float((weights["computed"] - weights["kept"]).abs().max())
    ratios = [slow / fast for slow, fast in zip(*seconds.values(), strict=True)]
    rows: list[Row] = [
        {
            "way": way,
            "cpu_s": figure(statistics.median(those), 2),
            "ratio": figure(statistics.median(ratios), 2) if way == "kept" else 1.0,
            "difference": difference if way == "kept" else 0.0,
        }
        for way, those in seconds.items()
    ]
    facts = {"images": images, "epochs": epochs, "side": side, "repeats": repeats, **machine()}
    publish("kept_features", rows, facts, options.out)


if __name__ == "__main__":
    main()
