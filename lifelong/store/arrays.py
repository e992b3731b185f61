"""Named arrays in one HDF5 file: chunked, fletcher32 on every chunk, no pickle, no time stamps.

The same arrays and attributes give the same bytes, so digests tell whether content changed.
"""

import contextlib
import json
import math
import os
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lifelong.plan.errors import DamagedFile
from lifelong.store.files import digest as digest_of
from lifelong.store.files import raise_if_refused, replacing
from lifelong.store.packed import Piece

FORMAT = 2
LIBVER = (
    "v110",
    "v110",
)  # whatever HDF5 is installed: its 1.10 reads the file, the bytes are the same
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Rows:
    """Rows of an array (N, ...) in an order (M,) of their own, gathered only as they are asked for.

    Written they give the bytes of `array[order]`, which would be a second array in memory.
    """

    array: np.ndarray
    order: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.order), *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self.array[self.order[rows]]


@dataclass(frozen=True)
class Blocks:
    """Rows of an array uint8 (N, ...) that are made while they are written, each once, in order.

    `of` is called with a number of rows and yields blocks of so many, the last one perhaps smaller.
    Without a `count` nobody knows N before the last block has come. Written they give the bytes of
    the whole array, of which only a block is ever in memory.
    """

    count: int | None
    row_shape: tuple[int, ...]
    of: Callable[[int], Iterable[np.ndarray]]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.count or 0, *self.row_shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)


Written = np.ndarray | Rows | Blocks


def write_arrays(
    path: Path,
    arrays: Mapping[str, Written],
    attrs: Mapping[str, Any],
    chunk_rows: Mapping[str, int] | None = None,
    late: Collection[str] = (),
) -> str:
    """Write arrays and JSON attributes; returns the file's digest.

    `chunk_rows` asks for so many leading rows a chunk; the default is about 1 MiB a chunk. `late`
    names arrays whose values are only there once all others have been written, as checksums of
    `Blocks` are: their place is kept, so that the bytes do not tell.
    """
    rows = chunk_rows or {}
    with replacing(path) as temporary:
        with _writing(temporary) as file:
            file.attrs["lifelong"] = json.dumps({"format": FORMAT, **attrs}, sort_keys=True)
            for name in sorted(arrays):
                _write(file, name, arrays[name], rows.get(name))
            for name in sorted(late):
                file[name][...] = arrays[name]
        digest = digest_of(temporary)
    return digest


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file to write; whatever could not be written raises before the file is closed."""
    with h5py.File(path, "w", libver=LIBVER, locking=False) as file:
        try:
            yield file
            file.flush()
        except Exception as error:
            _divert(file)
            traceback.clear_frames(error.__traceback__)  # closes data sets before their file
            raise


def _divert(file: h5py.File) -> None:
    """Let what HDF5 still holds back go nowhere: it crashes where it cannot write that either."""
    if hasattr(os, "memfd_create"):  # Linux
        nowhere = os.memfd_create("nowhere")
        os.dup2(nowhere, file.id.get_vfd_handle())
        os.close(nowhere)


def read_arrays(
    path: Path | Piece,
    names: Iterable[str] | None = None,
    digest: str | None = None,
    rows: slice | None = None,
    without: Collection[str] = (),
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read arrays (all, or the named ones; all rows, or a run of them) and attributes.

    `without` names arrays to leave on the disk.

    Raises DamagedFile if the file is absent, no HDF5, of an unknown format, fails a checksum, or
    does not have the `digest` it should have.
    """
    content = path.content if isinstance(path, Piece) else None
    path = Path(path)
    if digest is not None and path.is_file() and digest_of(path) != digest:
        raise DamagedFile(path, "is not what was written")
    with _reading(path, content) as file:
        attrs = _attrs(file, path)
        wanted = sorted(set(file) - set(without)) if names is None else names
        part = () if rows is None else rows
        return {name: file[name][part] for name in wanted}, attrs


def read_runs(path: Path, name: str, runs: Iterable[slice]) -> Iterator[np.ndarray]:
    """Some runs of rows of one array, one after another; raises as `read_arrays` does."""
    with _reading(Path(path)) as file:
        for run in runs:
            yield file[name][run]


def read_shape(path: Path, name: str) -> tuple[int, ...]:
    """The shape of an array, of which nothing is read; raises as `read_arrays` does."""
    with _reading(Path(path)) as file:
        shape: tuple[int, ...] = file[name].shape
        return shape


@contextlib.contextmanager
def _reading(path: Path, content: bytes | None = None) -> Iterator[h5py.File]:
    try:
        with _opened(path, content) as file:
            yield file
    except FileNotFoundError as error:
        raise DamagedFile.missing(path) from error
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise_if_refused(error, path)
        raise DamagedFile(path, f"is damaged ({error})") from error


def _opened(path: Path, content: bytes | None) -> h5py.File:
    """An HDF5 file to read, on the disk or in memory."""
    if content is None:
        return h5py.File(path, "r", locking=False)
    return h5py.File.in_memory(content)


def read_attrs(path: Path | Piece) -> dict[str, Any]:
    """Only the attributes of a file."""
    return read_arrays(path, names=())[1]


def _write(file: h5py.File, name: str, array: Written, rows: int | None) -> None:
    if isinstance(array, Blocks) and array.count is None:
        _append(file, name, array, rows or _CHUNK_BYTES)
        return
    shape, size = array.shape, math.prod(array.shape) * array.dtype.itemsize
    if not (shape and size):  # HDF5 cannot chunk these
        whole = np.zeros(shape, array.dtype) if isinstance(array, Blocks) else array[...]
        file.create_dataset(name, data=whole)
        return
    if rows is None:  # equal chunks: HDF5 stores the last one whole, however little is in it
        rows = math.ceil(shape[0] / math.ceil(size / _CHUNK_BYTES))
    rows = min(shape[0], rows)
    # The bytes depend on it that a data set is closed, as here on return, before the next is made.
    chunks = (rows, *shape[1:])
    made = file.create_dataset(name, shape, array.dtype, chunks=chunks, fletcher32=True)
    for start, block in zip(range(0, shape[0], rows), _blocks(array, rows), strict=True):
        made[start : start + rows] = block
    made.flush()  # raises where the disk is full; what fails in closing is told to nobody


def _blocks(array: Written, rows: int) -> Iterable[np.ndarray]:
    if isinstance(array, Blocks):
        return array.of(rows)
    return (array[start : start + rows] for start in range(0, array.shape[0], rows))


def _append(file: h5py.File, name: str, array: Blocks, rows: int) -> None:
    """Blocks of which nobody knows how many there will be."""
    form = {"dtype": array.dtype, "chunks": (rows, *array.row_shape), "fletcher32": True}
    made = file.create_dataset(name, array.shape, maxshape=(None, *array.row_shape), **form)
    for block in array.of(rows):
        made.resize(len(made) + len(block), axis=0)
        made[-len(block) :] = block
    made.flush()


def _attrs(file: h5py.File, path: Path) -> dict[str, Any]:
    attrs = json.loads(file.attrs["lifelong"])
    if attrs["format"] != FORMAT:
        raise DamagedFile(
            path,
            f"has format {attrs['format']}, this version reads {FORMAT}: use the version of "
            "lifelong that wrote it",
        )
    return attrs
