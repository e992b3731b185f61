"""The device and its settings, decided once per job."""

import contextlib
import ctypes
import ctypes.util
import platform
import re
from collections.abc import Iterator
from pathlib import Path

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
def exact_products() -> Iterator[None]:
    """While it lasts GPUs multiply float32 as it is; PyTorch's convolutions use TF32 by default."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    use_precision("float32")
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def _keep_memory() -> None:
    """Tell glibc to keep freed gradients instead of unmapping and faulting them in each step."""
    name = ctypes.util.find_library("c")
    mallopt = getattr(ctypes.CDLL(name), "mallopt", None) if name else None
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
