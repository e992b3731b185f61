"""A rate that falls where the deciding split stops improving, and ends the training in the end."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Plateau:
    """After `patience` epochs without a new best the rate is multiplied by `factor`.

    The count begins again at every best and at every fall. Training ends where a fall would take
    the rate below `floor`. (GPM, WSN: 6 epochs, 0.5 and 1e-5, on the loss of validation.)
    """

    patience: int = 6
    factor: float = 0.5
    floor: float = 1e-5
    watch: str = "loss"

    def after(self, measured: Sequence[float], lr: float) -> tuple[int, bool]:
        """How often the rate `lr` has fallen so far, and whether training is over.

        `measured` holds the watched loss or accuracy of every epoch. A loss is best where it is
        low, an accuracy where it is high.
        """
        sign = 1 if self.watch == "loss" else -1
        best, left, falls = float("inf"), self.patience, 0
        for value in measured:
            if sign * value < best:
                best, left = sign * value, self.patience
                continue
            left -= 1
            if left == 0:
                if lr * self.factor ** (falls + 1) < self.floor:
                    return falls, True
                falls, left = falls + 1, self.patience
        return falls, False
