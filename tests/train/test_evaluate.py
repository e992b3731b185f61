"""A network is asked in one way, whatever was done before."""

import torch
from torch import nn

from lifelong.data.device_split import Split
from lifelong.train.device import use_precision
from lifelong.train.evaluate import logits


class Spy(nn.Module):
    """Says whether products are exact while it is asked."""

    form = torch.contiguous_format

    def forward(self, x):
        fast = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        return torch.tensor([fast], dtype=torch.float32).expand(len(x), 2)


def test_evaluation_multiplies_exactly_and_leaves_training_its_precision():
    split = Split(torch.zeros((3, 1, 4, 4), dtype=torch.uint8), torch.zeros(3, dtype=torch.int64))
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        use_precision("tf32")
        assert not logits(Spy(), split, (0.0,), (1.0,)).any()
        assert torch.backends.cudnn.allow_tf32 and torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
