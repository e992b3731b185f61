"""The baseline of `reference_loop.py`: a later task of CPG trained in the plain, published way.

Written for this comparison from the description of the recipe (Hung et al., NeurIPS 2019; masks as
in Piggyback, Mallya et al. 2018); it is nobody's code. Picture files decoded and augmented by
torchvision in four loader workers, W * 1[R > tau] in every forward, gradients masked by boolean
indexing layer by layer, SGD and Adam of torch.optim as they come, the k-th value of every layer
every ten steps while pruning, and a progress bar that says loss, accuracy and the share of weights
in use at every step. Adam is stepped in pruning epochs too, at rate 0. Of the recipe's statistics
the bar shows one; released weights act until the next validation sets them to zero.
"""

import os
from pathlib import Path

import numpy as np
import torch
from steps import DECAY, LR, MASK_LR, MOMENTUM, Picked
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from tqdm import tqdm

from lifelong.masks.layers import Shareable, shareable
from lifelong.masks.learner import Learner
from lifelong.masks.pick import SCORE_START
from lifelong.masks.prune import cubic
from lifelong.nets import build
from lifelong.plan.networks import Architecture

BATCH, VALIDATION_BATCH, WORKERS, PAD = 32, 100, 4, 4
PRUNE_LR, WINDOW_EPOCHS, EVERY, RATIO = 1e-3, 4, 10, 0.1


def due(step: int, steps_an_epoch: int) -> float | None:
    """The ratio to prune to after a step, on the way to RATIO; None where nothing is due."""
    window = WINDOW_EPOCHS * steps_an_epoch
    return cubic(step, window, 0.0, RATIO) if step <= window and step % EVERY == 0 else None


def loaders(root: Path, group: str, mean: tuple[float, ...], std: tuple[float, ...]) -> list:
    """Loaders of the pictures in `root/{train,test}/<group>/<class>/`, training first."""
    normal = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    moves = [transforms.RandomCrop(32, padding=PAD), transforms.RandomHorizontalFlip()]
    train = ImageFolder(root / "train" / group, transforms.Compose([*moves, *normal]))
    test = ImageFolder(root / "test" / group, transforms.Compose(normal))
    return [
        DataLoader(train, batch_size=BATCH, shuffle=True, num_workers=WORKERS),
        DataLoader(test, batch_size=VALIDATION_BATCH, num_workers=WORKERS),
    ]


class Masked(nn.Module):
    """A layer with its owner map (0 free) and, for later tasks, the scores of its picks."""

    def __init__(self, layer: Shareable, owner: Tensor, picking: bool) -> None:
        super().__init__()
        self.layer, self.owner = layer, owner
        self.score = nn.Parameter(torch.full_like(layer.weight, SCORE_START)) if picking else None

    def effective(self) -> Tensor:
        weight = self.layer.weight
        return weight if self.score is None else Picked.apply(weight, self.score)

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.layer, nn.Linear):
            return functional.linear(x, self.effective(), self.layer.bias)
        return functional.conv2d(x, self.effective(), self.layer.bias, padding=self.layer.padding)


class Reference:
    """A task in training, from the weights a learner starts with and the older tasks' owner maps.

    Call `start` before the first step of a stage.
    """

    def __init__(self, learner: Learner, owners: dict[str, np.ndarray]) -> None:
        card = learner.card
        self.current, shape = card.position, (card.in_channels, len(card.classes))
        self.network = build(Architecture(card.network, *shape, card.channels, card.width))
        self.network.load_state_dict(learner.network.state_dict())
        self.layers: dict[str, Masked] = {}
        for name, layer in shareable(self.network).items():
            owner = torch.from_numpy(owners[name]).clone()
            owner[owner == 0] = self.current
            self.layers[name] = Masked(layer, owner, picking=self.current > 1)
            parent, _, leaf = name.rpartition(".")
            setattr(self.network.body.get_submodule(parent), leaf, self.layers[name])
        self._older = [layer.owner < self.current for layer in self.layers.values()]
        self._before = [weight.clone() for weight in self._old_weights()]

    def _old_weights(self) -> list[Tensor]:
        layers = zip(self.layers.values(), self._older, strict=True)
        return [masked.layer.weight.detach()[older] for masked, older in layers]

    def check_old(self) -> None:
        """Assert that no weight of an older task has moved."""
        assert all(map(torch.equal, self._before, self._old_weights())), "old weights have moved"

    def start(self, pruning: bool) -> None:
        """Begin a stage: fresh optimisers."""
        scores = [m.score for m in self.layers.values() if m.score is not None]
        others = [p for n, p in self.network.named_parameters() if not n.endswith(".score")]
        rate, mask_rate = (PRUNE_LR, 0.0) if pruning else (LR, MASK_LR)
        self.sgd = torch.optim.SGD(others, lr=rate, momentum=MOMENTUM, nesterov=True)
        self.adam = torch.optim.Adam(scores, lr=mask_rate) if scores else None
        self.pruning, self.steps = pruning, 0

    def epoch(self, train: DataLoader, test: DataLoader) -> float:
        """One epoch of training, then the accuracy on the other loader."""
        loss_sum, correct, seen = 0.0, 0, 0
        self.network.train()
        with open(os.devnull, "w") as screen, tqdm(train, file=screen) as bar:
            for x, y in bar:
                loss, right = self.step(x, y)
                if self.pruning and (ratio := due(self.steps, len(train))) is not None:
                    self.prune_to(ratio)
                loss_sum, correct, seen = loss_sum + loss * len(y), correct + right, seen + len(y)
                said = f"loss {loss_sum / seen:.3f}, accuracy {correct / seen:.3f}"
                bar.set_postfix_str(f"{said}, in use {self.in_use():.3f}", refresh=False)
        return self.validate(test)

    def step(self, x: Tensor, y: Tensor) -> tuple[float, int]:
        """Loss, and how many were right."""
        self.sgd.zero_grad()
        if self.adam is not None:
            self.adam.zero_grad()
        logits = self.network(x)
        loss = functional.cross_entropy(logits, y)
        loss.backward()
        self._mask_gradients()
        self.sgd.step()
        if self.adam is not None:
            self.adam.step()
        self.steps += 1
        return loss.item(), (logits.argmax(1) == y).sum().item()

    @torch.no_grad()
    def _mask_gradients(self) -> None:
        for masked in self.layers.values():
            weight, score, owner = masked.layer.weight, masked.score, masked.owner
            weight.grad.add_(weight, alpha=DECAY)
            weight.grad[owner != self.current] = 0
            if score is not None and self.pruning:
                score.grad.zero_()
            elif score is not None:
                score.grad[(owner == 0) | (owner >= self.current)] = 0

    def in_use(self) -> float:
        """The share of weights that have an owner."""
        owners = [masked.owner for masked in self.layers.values()]
        return sum((o > 0).sum().item() for o in owners) / sum(o.numel() for o in owners)

    @torch.no_grad()
    def prune_to(self, ratio: float) -> None:
        """Release the smallest own weights of every layer until `ratio` of its capacity is free."""
        for masked in self.layers.values():
            weight, owner = masked.layer.weight, masked.owner
            room = weight[(owner == self.current) | (owner == 0)].abs()
            rank = round(ratio * room.numel())
            if rank:
                cut = room.kthvalue(rank).values
                owner[(owner == self.current) & (weight.abs() <= cut)] = 0

    @torch.no_grad()
    def validate(self, loader: DataLoader) -> float:
        """Set released weights to zero, and measure the accuracy."""
        for masked in self.layers.values():
            masked.layer.weight[masked.owner == 0] = 0
        self.network.eval()
        right = seen = 0
        for x, y in loader:
            right += (self.network(x).argmax(1) == y).sum().item()
            seen += len(y)
        return right / seen
