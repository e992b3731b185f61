"""The device and its settings, decided once per job."""

import contextlib
import ctypes
import ctypes.util
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def prepare(threads: int) -> str:
    """Set threads and allocator; returns "cuda" where there is a GPU, else "cpu"."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # tiny gradients would slow CPUs; part of what the bits are
    _keep_memory()
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Nothing here reads memory before writing it.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        return "cuda"
    return "cpu"


def gpus() -> int:
    """How many GPUs this process sees."""
    return torch.cuda.device_count()


def machine() -> dict[str, str | int]:
    """What numbers depend on in their last bits beside versions: the threads, and the device."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else _processor()
    return {"threads": torch.get_num_threads(), "device": device}


def _processor() -> str:
    """The kind of processor, such as "AMD EPYC 9B14"; outside of Linux only its family."""
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return " ".join(found[1].split())
    return platform.processor() or platform.machine()


def use_precision(precision: str) -> None:
    """How GPUs multiply float32: "float32" as it is, "tf32" and "bfloat16" in tensor cores.

    CPUs multiply float32 as it is in any case; for "bfloat16" the step casts as well.
    """
    fast = precision != "float32"
    torch.backends.cuda.matmul.allow_tf32 = fast
    torch.backends.cudnn.allow_tf32 = fast


@contextlib.contextmanager
def exact_products(device: str) -> Iterator[None]:
    """While it lasts a GPU multiplies float32 as it is; PyTorch's convolutions use TF32 by default.

    Nothing changes on "cpu".
    """
    restore = _set_exact() if device == "cuda" else None
    try:
        yield
    finally:
        if restore is not None:
            restore()


def _set_exact() -> Callable[[], None]:
    """Returns what sets all back, in the one of PyTorch's two ways that the process has taken."""
    cudnn: Any = torch.backends.cudnn
    try:
        before = cudnn.allow_tf32, torch.get_float32_matmul_precision()
    except RuntimeError:  # it has taken the newer one
        return _set_words((torch.backends.cuda.matmul, cudnn.conv))

    def restore() -> None:
        cudnn.allow_tf32 = before[0]
        if before[1] != "highest":
            torch.set_float32_matmul_precision(before[1])

    cudnn.allow_tf32 = False
    if before[1] != "highest":
        torch.set_float32_matmul_precision("highest")
    return restore


def _set_words(operations: Sequence[Any]) -> Callable[[], None]:
    """The same in the newer way, which has a word for every operation."""
    words = [one.fp32_precision for one in operations]

    def restore() -> None:
        for operation, word in zip(operations, words, strict=True):
            operation.fp32_precision = word

    for operation in operations:
        operation.fp32_precision = "ieee"
    return restore


def _keep_memory() -> None:
    """Tell glibc to keep freed gradients instead of unmapping and faulting them in each step."""
    name = ctypes.util.find_library("c")
    mallopt = getattr(ctypes.CDLL(name), "mallopt", None) if name else None
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
