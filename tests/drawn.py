"""What training draws of images that a test made up."""

import torch

from lifelong.data.batches import TaskData, TrainBatches
from lifelong.data.device_split import Split
from lifelong.optim.phase import Phase

PLAIN = ((0.0,), (1 / 255,))  # the mean and std that leave pixel values as they are


def drawn(
    split: Split, size: int, seed: int = 0, normal=None, crop: int = 0, form=None, **how
) -> TrainBatches:
    """Batches of so many images: as they are, unless `how` says otherwise, as a phase does."""
    mean, std = normal or (one * split.images.shape[1] for one in PLAIN)
    task = TaskData(split, split, split, ("a",), mean, std, "validation", crop)
    phase = Phase(1, 0.0, batch_size=size, **{"crop_padding": 0, "flip": False, **how})
    return TrainBatches(task, phase, seed, form or torch.contiguous_format)
