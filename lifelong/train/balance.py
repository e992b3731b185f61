"""What the losses and weights of tasks were, step by step, while a lesson was learned."""

import csv
import io
import math
from collections.abc import Sequence

import torch
from torch import Tensor

_MOST = 2000  # lines of a task: of a longer training each is the mean over several steps


class Balance:
    """Sums of losses and weights (2, T) over runs of steps and over the epoch, on the device.

    `done` counts the steps; the host knows it without asking the device.
    """

    def __init__(self, tasks: Sequence[str], steps: int, device: str = "cpu") -> None:
        self.tasks = list(tasks)
        self.every = max(1, math.ceil(steps / _MOST))
        lines = math.ceil(steps / self.every)
        self.sums = torch.zeros(lines, 2, len(tasks), device=device)
        self.epoch = torch.zeros(2, len(tasks), device=device)
        self.done = torch.zeros((), dtype=torch.int64)
        self.of_epoch = torch.zeros((), dtype=torch.int64)

    def add(self, losses: Tensor, weights: Tensor) -> None:
        """Count one step; both are (T,)."""
        both = torch.stack([losses, weights])
        self.sums[int(self.done) // self.every] += both
        self.epoch += both
        self.done += 1
        self.of_epoch += 1

    def losses_of_epoch(self) -> Tensor:
        """The mean losses of the epoch so far, (T,)."""
        return self.means_of_epoch()[0]

    def means_of_epoch(self) -> Tensor:
        """Mean losses and weights of the epoch so far, (2, T)."""
        return self.epoch / self.of_epoch.clamp_min(1)

    def end_epoch(self) -> None:
        """Begin another epoch."""
        self.epoch.zero_()
        self.of_epoch.zero_()

    def state(self) -> dict[str, Tensor]:
        """All that changes, by name; the tensors themselves, not copies."""
        counts = {"done": self.done, "of_epoch": self.of_epoch}
        return {"sums": self.sums, "epoch": self.epoch, **counts}

    def table(self) -> str:
        """As CSV: up to which step (from 1) a line is the mean over, the task, loss and weight."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("step", "task", "loss", "weight"))
        done = int(self.done)
        for line, (losses, weights) in enumerate(self.sums.tolist()):
            last = min((line + 1) * self.every, done)
            count = last - line * self.every
            if count <= 0:
                break
            for task, loss, weight in zip(self.tasks, losses, weights, strict=True):
                writer.writerow((last, task, repr(loss / count), repr(weight / count)))
        return text.getvalue()
