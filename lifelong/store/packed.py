"""Several HDF5 files in one: their bytes one after another, and 64 bytes that seal them.

The seal at the end holds a mark, the version of this layout, how many bytes lie before it, and
their BLAKE3. How long each file is says the file itself: HDF5 writes it in bytes 28 to 36 of its
superblock (versions 2 and 3 of that, which `LIBVER` makes sure of).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from lifelong.plan.errors import DataError
from lifelong.store.files import raise_if_refused, replacing

SEAL_BYTES = 64
_SEAL = struct.Struct("<16sQQ32s")
_MARK = b"lifelong packed\0"
_VERSION = 1
_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Piece:
    """One of the files in a packed one, for functions that read files: `path` is the packed one."""

    path: Path
    content: bytes = field(repr=False)
    digest: str

    def __str__(self) -> str:
        return str(self.path)

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def parent(self) -> Path:
        return self.path.parent


def write_packed(path: Path, files: Sequence[Path]) -> int:
    """Write files as one; returns how many bytes it has: theirs and SEAL_BYTES."""
    content = b"".join(file.read_bytes() for file in files)
    head = _SEAL.pack(_MARK, _VERSION, len(content), b"")[:32]
    with replacing(path) as temporary:
        temporary.write_bytes(content + head + blake3(content + head).digest())
    return len(content) + SEAL_BYTES


def read_packed(path: Path) -> list[Piece]:
    """The files in a packed one, in their order.

    Raises DataError where it is none, was cut short, is of a newer version or was changed.
    """
    try:
        whole = Path(path).read_bytes()
    except OSError as error:
        raise_if_refused(error, path)
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    content, seal = whole[:-SEAL_BYTES], whole[-SEAL_BYTES:]
    if len(seal) < SEAL_BYTES or not seal.startswith(_MARK):
        raise DataError(f"{path} is no packed model, or was cut short: export or copy it again")
    _, version, length, digest = _SEAL.unpack(seal)
    if version > _VERSION:
        raise DataError(
            f"{path} was packed in layout {version}, this version reads {_VERSION}: update lifelong"
        )
    if length != len(content) or blake3(content + seal[:32]).digest() != digest:
        raise DataError(f"{path} is not what was packed: export or copy it again")
    return _pieces(Path(path), content)


def _pieces(path: Path, content: bytes) -> list[Piece]:
    pieces, start = [], 0
    while start < len(content):
        size = _size(content, start)
        if not size or start + size > len(content):
            raise DataError(f"{path} holds something else than a model: export it again")
        part = content[start : start + size]
        pieces.append(Piece(path, part, blake3(part).hexdigest()))
        start += size
    return pieces


def _size(content: bytes, start: int) -> int:
    """How long the HDF5 file is that begins here, as its superblock says; 0 where none does."""
    if not content.startswith(_HDF5, start) or content[start + 8] not in (2, 3):
        return 0
    return int.from_bytes(content[start + 28 : start + 36], "little")
