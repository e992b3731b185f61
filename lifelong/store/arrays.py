"""Named arrays in one HDF5 file: chunked, fletcher32 on every chunk, no pickle, no time stamps.

The same arrays and attributes give the same bytes, so digests tell whether content changed.
"""

import json
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lifelong.plan.errors import DamagedFile
from lifelong.store.files import digest as digest_of
from lifelong.store.files import raise_if_disk, replacing

FORMAT = 2
_CHUNK_BYTES = 1 << 20


def write_arrays(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    attrs: Mapping[str, Any],
    chunk_rows: Mapping[str, int] | None = None,
) -> str:
    """Write arrays and JSON attributes; returns the file's digest.

    `chunk_rows` asks for so many leading rows a chunk; the default is about 1 MiB a chunk.
    """
    rows = chunk_rows or {}
    with replacing(path) as temporary:
        with h5py.File(temporary, "w", libver="latest", track_order=False) as file:
            file.attrs["lifelong"] = json.dumps({"format": FORMAT, **attrs}, sort_keys=True)
            for name in sorted(arrays):
                _write(file, name, np.asarray(arrays[name], order="C"), rows.get(name))
        found = digest_of(temporary)
    return found


def read_arrays(
    path: Path,
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
    path = Path(path)
    if digest is not None and path.is_file() and digest_of(path) != digest:
        raise DamagedFile(f"{path} is not what was written: delete it and run again to rebuild it")
    try:
        with h5py.File(path, "r") as file:
            attrs = _attrs(file, path)
            wanted = sorted(set(file) - set(without)) if names is None else names
            part = () if rows is None else rows
            return {name: file[name][part] for name in wanted}, attrs
    except FileNotFoundError as error:
        raise DamagedFile(f"{path} is missing: run again to rebuild it") from error
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, OSError):
            raise_if_disk(error, path)
        raise DamagedFile(f"{path} is damaged ({error}): delete it and run again") from error


def read_attrs(path: Path) -> dict[str, Any]:
    """Only the attributes of a file."""
    return read_arrays(path, names=())[1]


def _write(file: h5py.File, name: str, array: np.ndarray, rows: int | None) -> None:
    if array.size == 0 or array.ndim == 0:  # HDF5 cannot chunk these
        file.create_dataset(name, data=array)
        return
    count = array.shape[0]
    if rows is None:  # equal chunks: HDF5 stores the last one whole, however little is in it
        pieces = math.ceil(array.nbytes / _CHUNK_BYTES)
        rows = math.ceil(count / pieces)
    first = min(count, rows)
    chunks = (first, *array.shape[1:])
    file.create_dataset(name, data=array, chunks=chunks, fletcher32=True)


def _attrs(file: h5py.File, path: Path) -> dict[str, Any]:
    attrs = json.loads(file.attrs["lifelong"])
    if attrs["format"] != FORMAT:
        raise DamagedFile(
            f"{path} has format {attrs['format']}, this version reads {FORMAT}: "
            "use the version of lifelong that wrote it"
        )
    return attrs
