"""Toy learners for tests: a VGG16 of 1/16 of the channels, and the network of the digits."""

import torch

from lifelong.masks import Card, Learner

torch.set_num_threads(1)


def card_of(position: int, width: float = 1.0, network: str = "small_cnn") -> Card:
    vgg = network == "vgg16_bn"
    return Card(
        experiment="toy",
        method="cpg",
        seed=0,
        position=position,
        task=f"task{position}",
        classes=("a", "b", "c"),
        network=network,
        channels=0.0625 if vgg else 0.25,
        width=width,
        in_channels=3 if vgg else 1,
        image_size=32 if vgg else 8,
        mean=(0.5,) * (3 if vgg else 1),
        std=(0.25,) * (3 if vgg else 1),
        lineage=(),
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
        torch.nn.functional.cross_entropy(learner.network(x), y).backward()
        learner.before_step()
        sgd.step()
        if adam is not None:
            adam.step()
        learner.restore()
    return learner
