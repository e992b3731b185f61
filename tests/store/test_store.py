"""Files are absent or complete, and refused by name when damaged."""

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong import store
from lifelong.plan.errors import DamagedFile, UserError

ARRAYS = {"values": np.arange(5000, dtype=np.float32), "bits": np.array([1, 255, 7], np.uint8)}


def test_arrays_and_attributes_come_back(tmp_path):
    digest = store.write_arrays(tmp_path / "a.h5", ARRAYS, {"kind": "x", "list": [1, "two"]})
    arrays, attrs = store.read_arrays(tmp_path / "a.h5", digest=digest)
    assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert attrs["list"] == [1, "two"] and attrs["format"] == store.FORMAT
    assert list(store.read_arrays(tmp_path / "a.h5", names=["bits"])[0]) == ["bits"]


@pytest.mark.parametrize("count", [1, 262_144, 262_145, 700_001])
def test_a_file_is_hardly_larger_than_what_is_in_it(tmp_path, count):
    path = tmp_path / "a.h5"
    store.write_arrays(path, {"values": np.ones(count, np.float32)}, {})
    assert path.stat().st_size - 4 * count < 7_000


def test_the_same_content_gives_the_same_bytes_under_any_name(tmp_path):
    first = store.write_arrays(tmp_path / "a.h5", ARRAYS, {"k": 1, "j": 2})
    backwards = dict(reversed(ARRAYS.items()))
    assert store.write_arrays(tmp_path / "other.h5", backwards, {"j": 2, "k": 1}) == first
    assert store.digest(tmp_path / "a.h5") == first


@settings(max_examples=25)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_every_flipped_bit_is_refused(tmp_path_factory, where, bit):
    path = tmp_path_factory.mktemp("flip") / "a.h5"
    store.write_manifest(path.parent, {path.name: store.write_arrays(path, ARRAYS, {})})
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"a\.h5"):
        store.verified(path)


def test_a_flipped_bit_in_an_array_is_refused_without_a_digest(tmp_path):
    path = tmp_path / "a.h5"
    store.write_arrays(path, ARRAYS, {})
    content = bytearray(path.read_bytes())
    at = content.find(np.float32(4000.0).tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="damaged"):
        store.read_arrays(path)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path = tmp_path / "a.h5"
    store.write_arrays(path, ARRAYS, {})
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(DamagedFile, match=r"a\.h5"):
        store.read_arrays(path)


def test_two_files_swapped_are_refused(tmp_path):
    digests = {
        name: store.write_arrays(tmp_path / name, ARRAYS, {"name": name}) for name in ("a", "b")
    }
    store.write_manifest(tmp_path, digests)
    (tmp_path / "a").rename(tmp_path / "c")
    (tmp_path / "b").rename(tmp_path / "a")
    with pytest.raises(DamagedFile, match="not what was written"):
        store.verified(tmp_path / "a")
    with pytest.raises(DamagedFile, match="missing"):
        store.verified(tmp_path / "b")
    with pytest.raises(DamagedFile, match="not named"):
        store.verified(tmp_path / "c")


def test_a_missing_or_foreign_file_says_what_to_remove(tmp_path):
    with pytest.raises(DamagedFile, match=r"none\.h5 is missing$") as missing:
        store.read_arrays(tmp_path / "none.h5")
    assert missing.value.remove is None
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(DamagedFile, match=r"text\.h5 is damaged") as foreign:
        store.read_arrays(tmp_path / "text.h5")
    assert foreign.value.remove == foreign.value.path == str(tmp_path / "text.h5")
    with pytest.raises(DamagedFile, match="missing"):
        store.read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DamagedFile, match="damaged"):
        store.read_manifest(tmp_path)


def test_digests_are_blake3(tmp_path):
    # the test vector of the BLAKE3 paper for the single byte 0
    (tmp_path / "a").write_bytes(b"\0")
    expected = "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"
    assert store.digest(tmp_path / "a") == expected
    assert store.write_text(tmp_path / "b", "\0") == expected


def test_a_manifest_of_another_format_says_what_to_do(tmp_path):
    (tmp_path / "manifest.json").write_text('{"format": 1, "files": {}}')
    with pytest.raises(DamagedFile, match=r"manifest\.json has format 1, this version") as damaged:
        store.read_manifest(tmp_path)
    assert damaged.value.remove == str(tmp_path)


def test_arrays_can_be_left_on_the_disk(tmp_path):
    store.write_arrays(tmp_path / "a.h5", ARRAYS, {})
    assert list(store.read_arrays(tmp_path / "a.h5", without=("bits", "none"))[0]) == ["values"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    store.write_text(path, "old")
    with pytest.raises(ZeroDivisionError), store.replacing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_cannot_be_written_is_one_clear_error(tmp_path, code):
    path = tmp_path / "a.txt"
    with pytest.raises(UserError, match=r"a\.txt"), store.replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(code, os.strerror(code))
    assert not list(Path(tmp_path).iterdir())


def test_files_are_of_one_version_whatever_hdf5_is_installed(tmp_path):
    """Superblock 3 is what HDF5 1.10 reads and writes; byte 8 of a file says it."""
    path = tmp_path / "one.h5"
    store.write_arrays(path, {"a": np.zeros(3, np.float32)}, {})
    assert path.read_bytes()[:9] == b"\x89HDF\r\n\x1a\n\x03"


def test_no_time_stands_in_a_file(tmp_path):
    """Older versions of h5py write when the file was made, and a rerun gives another digest."""
    first = store.write_arrays(tmp_path / "a.h5", ARRAYS, {})
    time.sleep(1.1)
    assert store.write_arrays(tmp_path / "b.h5", ARRAYS, {}) == first
