"""Lifelong learning as a Snakemake workflow: one compact network learns task after task.

`lifelong.load` is the whole Python interface; the rest of the package may change with any version.
Importing this module costs nothing: torch is imported with the first model.
"""

from typing import TYPE_CHECKING as _TYPING

if _TYPING:
    from os import PathLike

    from lifelong.use.model import TrainedModel

__version__ = "0.1.0"
__all__ = ["load"]


def load(path: "str | PathLike[str]", device: str | None = None) -> "TrainedModel":
    """A trained model, from its folder of results or from a file of `lifelong export --to packed`.

        model = lifelong.load("results/digits/cpg/s0")
        model["two_three"].predict(["a.png", "b.png"])

    `device` is one of torch's; without it a GPU is used where there is one. Raises
    `lifelong.plan.errors.UserError`, which says what to do, where there is no model or a damaged
    one.
    """
    from lifelong.use.model import read

    return read(path, device)
