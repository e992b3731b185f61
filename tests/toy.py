"""Toy learners for tests: networks of 1/16 of the channels, and that of the digits."""

import torch

from lifelong.masks import Learner
from lifelong.plan.card import Card
from lifelong.train.losses import logits_of

torch.set_num_threads(1)


SIDES = {"vgg16_bn": 32, "small_cnn": 8, "spherenet20": 16, "inception_resnet_v1_reduced": 75}
SIDES |= {"efficientnet_lite0": 32, "resnet18": 32}


def card_of(
    position: int, width: float = 1.0, network: str = "small_cnn", head: str = "linear"
) -> Card:
    small = network == "small_cnn"
    return Card(
        experiment="toy",
        method="cpg",
        seed=0,
        position=position,
        task=f"task{position}",
        classes=("a", "b", "c"),
        network=network,
        channels=0.25 if small else 0.0625,
        width=width,
        in_channels=1 if small else 3,
        image_size=SIDES[network],
        mean=(0.5,) * (1 if small else 3),
        std=(0.25,) * (1 if small else 3),
        lineage=(),
        head=head,
    )


def images_of(card: Card, count: int = 8, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(
        count, card.in_channels, card.image_size, card.image_size, generator=generator
    )


def stepped(learner: Learner, steps: int = 3, pick: bool = False, lr: float = 0.05) -> Learner:
    """A learner after some steps on random images, with everything the loop does around them."""
    scores = learner.start_scores() if pick else []
    sgd = torch.optim.SGD(
        [{"params": learner.weights(), "weight_decay": 1e-2}, {"params": learner.others()}],
        lr=lr,
        momentum=0.9,
        nesterov=True,
    )
    adam = torch.optim.Adam(scores, lr=2e-3) if scores else None
    for step in range(steps):
        x = images_of(learner.card, seed=step)
        y = torch.arange(len(x)) % len(learner.card.classes)
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(logits_of(learner.network(x)), y).backward()
        learner.before_step()
        sgd.step()
        if adam is not None:
            adam.step()
        learner.restore()
    return learner
