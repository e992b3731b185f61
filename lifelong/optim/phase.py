"""What one call of the training loop does: how long, at which rates, and which epoch counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lifelong.optim.plateau import Plateau


@dataclass(frozen=True)
class Phase:
    """One run of the loop.

    `lr` is the rate of the weights, `mask_lr` that of Adam for picking masks.
    `beat`: an accuracy to improve upon; with it the best epoch counts and training stops after
    `patience` epochs without a new best (0: never). Without it the epoch that `keep_epoch` names
    counts: the "last", or that of "best_loss" or "best_accuracy" on the deciding split.
    `decay` lowers the rate with the epochs of all tasks, `epochs_before` of them earlier ones.
    """

    epochs: int
    lr: float
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    mask_lr: float = 0.0
    mask_milestones: tuple[int, ...] = ()
    mask_factor: float = 0.2
    mask_epochs: int | None = None
    beat: float | None = None
    patience: int = 0
    batch_size: int = 32
    momentum: float = 0.9
    weight_decay: float = 4e-5
    crop_padding: int = 4
    flip: bool = True
    precision: str = "float32"
    update: str = "eager"
    optimiser: str = "sgd"  # or "adam" or "rmsprop", for weights, norms, biases and heads
    epsilon: float = 1e-10  # of rmsprop
    keep_epoch: str = "last"
    plateau: Plateau | None = None
    decay: float = 0.0
    epochs_before: int = 0
    resized_crop: Mapping[str, Sequence[float]] | None = None  # how a task's crops are drawn
    cutout: int = 0  # side in pixels of a square that images lack
    whole_batches: bool = False  # leave out the images that do not fill a last batch

    @classmethod
    def of(cls, section: Mapping[str, Any], recipe: Mapping[str, Any], **changes: Any) -> "Phase":
        """From a section of the configuration and the common recipe."""
        names = set(cls.__dataclass_fields__)
        given = {**recipe, **section, **changes}
        values = {name: value for name, value in given.items() if name in names}
        for name in {"milestones", "mask_milestones"} & set(values):
            values[name] = tuple(values[name])
        if values.get("plateau") is not None:
            values["plateau"] = Plateau(**values["plateau"])
        return cls(**values)

    @property
    def needs_loss(self) -> bool:
        """Whether the loss on the deciding split is part of a decision."""
        watched = self.plateau is not None and self.plateau.watch == "loss"
        return watched or self.keep_epoch == "best_loss"

    def fallen(self, times: int) -> "Phase":
        """The phase after its rates have fallen `times` times on a plateau."""
        if not times or self.plateau is None:
            return self
        factor = self.plateau.factor**times
        return replace(self, lr=self.lr * factor, mask_lr=self.mask_lr * factor)

    def rate(self, epoch: int) -> float:
        """The rate of the weights in an epoch counted from 0."""
        lr = self.lr / (1 + self.decay * (self.epochs_before + epoch))
        return stepped(lr, self.milestones, self.factor, epoch)

    def mask_rate(self, epoch: int) -> float:
        """Adam's rate in an epoch; 0 from `mask_epochs` on, when the masks freeze."""
        if self.mask_epochs is not None and epoch >= self.mask_epochs:
            return 0.0
        return self.decayed_mask_rate(epoch)

    def decayed_mask_rate(self, epoch: int) -> float:
        """The same without an end: for a task that owns no weight, whose masks train on."""
        return stepped(self.mask_lr, self.mask_milestones, self.mask_factor, epoch)


def stepped(rate: float, milestones: Sequence[int], factor: float, epoch: int) -> float:
    """`rate` times `factor` for every milestone passed, as torch's MultiStepLR."""
    return rate * factor ** sum(epoch >= milestone for milestone in milestones)
