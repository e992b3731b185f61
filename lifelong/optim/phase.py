"""What one call of the training loop does: how long, at which rates, and which epoch counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Phase:
    """One run of the loop. Rates are of SGD for weights and of Adam for picking masks.

    `beat`: an accuracy to improve upon; with it the best epoch counts and training stops after
    `patience` epochs without a new best (0: never). Without it the last epoch counts.
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
    decay: float = 0.0
    epochs_before: int = 0
    whole_batches: bool = False  # leave out the images that do not fill a last batch

    @classmethod
    def of(cls, section: Mapping[str, Any], recipe: Mapping[str, Any], **changes: Any) -> "Phase":
        """From a section of the configuration and the common recipe."""
        names = set(cls.__dataclass_fields__)
        given = {**recipe, **section, **changes}
        values = {name: value for name, value in given.items() if name in names}
        for name in {"milestones", "mask_milestones"} & set(values):
            values[name] = tuple(values[name])
        return cls(**values)

    def rate(self, epoch: int) -> float:
        """SGD's rate in an epoch counted from 0."""
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
