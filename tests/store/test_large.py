"""Arrays larger than memory: rows written in another order, and zeros on the disk."""

import errno
import os
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong import store
from lifelong.plan.errors import UserError


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(0, 300), st.integers(1, 40), st.booleans())
def test_rows_in_another_order_give_the_bytes_of_the_array_in_that_order(
    tmp_path_factory, count, taken, chunk, wide
):
    random = np.random.default_rng(count)
    shape = (count, 3, 40, 40) if wide else (count,)
    array = random.integers(0, 256, shape).astype(np.uint8 if wide else np.float32)
    order = random.integers(0, count, taken)
    folder = tmp_path_factory.mktemp("rows")
    more = {"b": np.arange(7)}
    for rows in ({"a": chunk}, None):
        whole = store.write_arrays(folder / "a.h5", {"a": array[order], **more}, {}, rows)
        lazy = {"a": store.Rows(array, order), **more}
        assert store.write_arrays(folder / "b.h5", lazy, {}, rows) == whole


def test_rows_are_gathered_no_more_than_a_chunk_at_a_time(tmp_path):
    asked = []

    class Watched(store.Rows):
        def __getitem__(self, rows):
            asked.append(rows.stop - rows.start)
            return super().__getitem__(rows)

    array = np.arange(200, dtype=np.uint8).reshape(100, 2)
    rows = Watched(array, np.arange(99, -1, -1))
    store.write_arrays(tmp_path / "a.h5", {"a": rows}, {}, {"a": 16})
    assert set(asked) == {16} and len(asked) == 7
    assert np.array_equal(store.read_arrays(tmp_path / "a.h5")[0]["a"], array[::-1])


def test_zeros_on_the_disk_leave_no_file(tmp_path):
    array = store.on_disk((5, 2, 3), tmp_path / "new")
    assert isinstance(array, np.memmap)
    assert array.dtype == np.uint8 and array.shape == (5, 2, 3) and not array.any()
    array[3] = 7
    assert array.sum() == 42
    assert list((tmp_path / "new").iterdir()) == []
    assert store.on_disk((0, 2), tmp_path).shape == (0, 2)


def test_no_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match=r"no space left for 2\.0 GiB in .*: free some"):
        store.on_disk((2**31,), tmp_path)


@pytest.mark.parametrize("way", ["absent", "refused"])
def test_where_room_cannot_be_set_aside_it_is_asked_for(tmp_path, monkeypatch, way):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    if way == "absent":  # macOS
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", refuse)
    array = store.on_disk((4, 5), tmp_path)
    assert isinstance(array, np.memmap) and array.shape == (4, 5) and not array.any()
    room = shutil.disk_usage(tmp_path).free
    with pytest.raises(UserError, match=r"no space left for .* \(No space left on device\)"):
        store.on_disk((2, room), tmp_path)
