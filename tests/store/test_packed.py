"""Several files in one: exactly their bytes and a seal, and no change goes unnoticed."""

import numpy as np
import pytest

from lifelong import store
from lifelong.plan.errors import DataError


@pytest.fixture
def files(tmp_path):
    """Three files of different kinds of arrays."""
    arrays = {"a": np.arange(5000.0), "b": np.zeros(0), "c": np.arange(3, dtype=np.uint8)}
    paths = [tmp_path / f"{number}.h5" for number in range(3)]
    for number, path in enumerate(paths):
        store.write_arrays(path, dict(list(arrays.items())[: number + 1]), {"number": number})
    return paths


def test_it_is_the_bytes_of_the_files_and_the_seal(files, tmp_path):
    packed = tmp_path / "packed"
    size = store.write_packed(packed, files)
    content = b"".join(path.read_bytes() for path in files)
    assert packed.read_bytes()[: -store.SEAL_BYTES] == content
    assert size == packed.stat().st_size == len(content) + store.SEAL_BYTES


def test_pieces_are_read_as_the_files_are(files, tmp_path):
    store.write_packed(tmp_path / "packed", files)
    pieces = store.read_packed(tmp_path / "packed")
    assert [piece.digest for piece in pieces] == [store.digest(path) for path in files]
    for piece, path in zip(pieces, files, strict=True):
        assert store.verified(piece) == piece.digest
        arrays, attrs = store.read_arrays(piece)
        wanted, wanted_attrs = store.read_arrays(path)
        assert attrs == wanted_attrs and set(arrays) == set(wanted)
        assert all(np.array_equal(arrays[name], wanted[name]) for name in wanted)


def test_every_flipped_bit_and_every_end_is_refused_by_name(files, tmp_path):
    packed = tmp_path / "packed"
    store.write_packed(packed, files[2:])
    whole = packed.read_bytes()
    random = np.random.default_rng(0)
    inner = random.integers(0, len(whole) - store.SEAL_BYTES, 60)
    for place in (*inner, *range(len(whole) - store.SEAL_BYTES, len(whole))):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(random.integers(8))
        packed.write_bytes(changed)
        with pytest.raises(DataError, match=f"^{packed} "):
            store.read_packed(packed)
    for length in (0, 10, store.SEAL_BYTES, len(whole) // 2, len(whole) - 1):
        packed.write_bytes(whole[:length])
        with pytest.raises(DataError, match="is no packed model, or was cut short"):
            store.read_packed(packed)
    packed.write_bytes(whole[100:])
    with pytest.raises(DataError, match="is not what was packed"):
        store.read_packed(packed)


def test_a_newer_layout_is_said_to_be_one(files, tmp_path):
    packed = tmp_path / "packed"
    store.write_packed(packed, files)
    changed = bytearray(packed.read_bytes())
    changed[-store.SEAL_BYTES + 16] = 2
    packed.write_bytes(changed)
    with pytest.raises(DataError, match="was packed in layout 2, this version reads 1: update"):
        store.read_packed(packed)


def test_something_else_that_was_packed_is_refused(tmp_path):
    (tmp_path / "text").write_text("no HDF5 at all")
    store.write_packed(tmp_path / "packed", [tmp_path / "text"])
    with pytest.raises(DataError, match="holds something else than a model"):
        store.read_packed(tmp_path / "packed")
