"""How bytes reach the disk and come back whole.

In: arrays, text, a manifest. Out: files that are absent or complete, and refused when damaged.
"""

from lifelong.plan.paths import MANIFEST
from lifelong.store.arrays import (
    FORMAT,
    Blocks,
    Rows,
    Written,
    read_arrays,
    read_attrs,
    read_runs,
    read_shape,
    write_arrays,
)
from lifelong.store.files import (
    digest,
    digest_once,
    drop_leftovers,
    read_json,
    refusal,
    replacing,
    write_text,
)
from lifelong.store.large import on_disk
from lifelong.store.manifest import check_place, read_manifest, seal_of, verified, write_manifest
from lifelong.store.packed import SEAL_BYTES, Piece, read_packed, write_packed

__all__ = [
    "FORMAT",
    "MANIFEST",
    "SEAL_BYTES",
    "Blocks",
    "Piece",
    "Rows",
    "Written",
    "check_place",
    "digest",
    "digest_once",
    "drop_leftovers",
    "on_disk",
    "read_arrays",
    "read_attrs",
    "read_json",
    "read_manifest",
    "read_packed",
    "read_runs",
    "read_shape",
    "refusal",
    "replacing",
    "seal_of",
    "verified",
    "write_arrays",
    "write_manifest",
    "write_packed",
    "write_text",
]
