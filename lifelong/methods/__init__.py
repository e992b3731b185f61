"""One file a method: what the paper says, and nothing else."""

from lifelong.methods.base import Method
from lifelong.methods.cpg import CPG
from lifelong.methods.finetune import FINETUNE
from lifelong.methods.packnet import PACKNET
from lifelong.methods.pae import PAE
from lifelong.methods.scratch import SCRATCH

METHODS: dict[str, Method] = {
    "scratch": SCRATCH,
    "finetune": FINETUNE,
    "packnet": PACKNET,
    "pae": PAE,
    "cpg": CPG,
}

__all__ = ["METHODS", "Method"]
