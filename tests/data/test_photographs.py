"""Photographs of any size into packs of pixels or JPEGs, and out of them again."""

import io
import logging
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from lifelong import store
from lifelong.data.images import Framing, fitted, picture
from lifelong.data.pack import check_pack, read_task
from lifelong.data.packing import write_pack
from lifelong.data.photographs import PhotographFiles, Photographs, in_order
from lifelong.plan.errors import DamagedFile, DataError

SETTINGS = {"source": "image_folder", "image_size": 12, "channels": 3, "download": False}
SETTINGS |= {"validation": 0.34, "test": 0.25, "seed": 0}


def photograph(path: Path, size: tuple[int, int], seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(coarse).resize(size).save(path, quality=88)


@pytest.fixture
def tree(tmp_path):
    """Two classes of photographs of many sizes; three of `b` already are 12 x 12."""
    for number in range(12):
        name, split = "ab"[number % 2], "test" if number % 3 == 2 else "train"
        size = (12, 12) if number in (1, 5, 7) else (20 + number, 31 - number)
        photograph(tmp_path / "raw" / split / name / f"{number:02}.jpg", size, number)
    return tmp_path / "raw"


def packed(root: Path, **changes) -> Path:
    path = root.parent / "pack.h5"
    write_pack(path, {**SETTINGS, "root": str(root), **changes})
    return path


def by_file(root: Path) -> list[Path]:
    """The pictures in the order of a pack: class by class, training first."""
    return [
        p for name in "ab" for s in ("train", "test") for p in sorted((root / s / name).iterdir())
    ]


@pytest.mark.parametrize("kept", ["pixels", "jpeg"])
def test_the_number_of_threads_does_not_change_a_byte(tree, kept):
    packs = [packed(tree, workers=workers, store=kept).read_bytes() for workers in (1, 2, 5)]
    assert packs[0] == packs[1] == packs[2]


@pytest.mark.parametrize("resize", ["exact", "short_side"])
@pytest.mark.parametrize("quality", [0, 75])
def test_a_model_sees_a_file_as_its_pack_has_it(tree, resize, quality):
    kept = {"store": "jpeg", "quality": quality} if quality else {}
    task = read_task(packed(tree, resize=resize, **kept), None, None)
    framing = Framing(12, 3, resize, quality)
    for image, path in zip(task.images, by_file(tree), strict=True):
        assert np.array_equal(image, picture(path, framing))


def test_the_short_side_keeps_shapes_and_the_centre():
    stripes = np.zeros((40, 100, 3), np.uint8)
    stripes[:, 30:70] = 200  # the square in the middle
    seen = fitted(Image.fromarray(stripes), Framing(20, 3, "short_side"), "stripes")
    assert seen.size == (20, 20) and np.asarray(seen)[:, 1:-1].min() > 190
    whole = fitted(Image.fromarray(stripes), Framing(20, 3, "exact"), "stripes")
    assert np.asarray(whole)[:, :5].max() < 10


def test_files_that_fit_are_kept_byte_by_byte_and_others_are_written_anew(tree):
    path = packed(tree, store="jpeg", quality=60)
    arrays, attrs = store.read_arrays(path)
    assert attrs["jpeg"] == [3, 12, 12] and "images" not in arrays
    starts = np.concatenate([[0], arrays["jpeg_ends"]])
    assert starts[-1] == len(arrays["jpeg"])
    for number, file in enumerate(by_file(tree)):
        kept = arrays["jpeg"][starts[number] : starts[number + 1]].tobytes()
        assert (kept == file.read_bytes()) == (file.stem in ("01", "05", "07"))
        with Image.open(io.BytesIO(kept)) as image:
            assert image.format == "JPEG" and image.size == (12, 12)


def test_a_jpeg_that_is_turned_or_in_colour_for_one_channel_is_not_kept(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = Image.fromarray(np.arange(0, 144, dtype=np.uint8).reshape(12, 12))
    grey.save(tmp_path / "turned.jpg", exif=exif)
    grey.convert("RGB").save(tmp_path / "colour.jpg", subsampling=0)
    grey.save(tmp_path / "grey.jpg")
    files = [tmp_path / f"{name}.jpg" for name in ("turned", "colour", "grey")]
    images = Photographs(PhotographFiles(files), Framing(12, 1, "exact", 90))
    kept = [images.jpeg(row) == file.read_bytes() for row, file in enumerate(files)]
    assert kept == [False, False, True]
    assert images[0][0, 0, 0] > images[0][0, -1, 0] or images[0][0, 0, 0] > images[0][0, 0, -1]


def test_flipped_bits_in_jpegs_are_found(tree):
    path = packed(tree, store="jpeg")
    check_pack(path)
    arrays, attrs = store.read_arrays(path)
    arrays["jpeg"][arrays["jpeg_ends"][3] + 40] ^= 1
    store.write_arrays(path, arrays, attrs)
    with pytest.raises(DamagedFile, match="checksum"):
        check_pack(path)
    with pytest.raises(DamagedFile, match="checksum"):
        read_task(path, None, None)
    assert len(read_task(path, ["b"], None).images) == 6


def test_large_images_lie_in_small_chunks(tree):
    with h5py.File(packed(tree, image_size=220)) as file:
        assert file["images"].chunks[0] == 7  # 1 MiB of 145,200 bytes each


def break_(root: Path, *names: str) -> None:
    for name in names:
        (root / name).write_bytes((root / name).read_bytes()[:-200])


def test_all_broken_files_are_named_and_counted_in_one_go(tree, caplog):
    break_(tree, "train/a/04.jpg", "train/b/03.jpg", "test/b/11.jpg")
    with pytest.raises(DataError, match=r"a/04.jpg and 2 more cannot be used as pictures"):
        packed(tree, workers=2)
    assert all(f"{name}.jpg cannot be read" in caplog.text for name in ("04", "03", "11"))
    assert not (tree.parent / "pack.h5").exists()


def test_pictures_of_a_wrong_kind_are_all_named_or_left_out(tree, caplog):
    clear = Image.new("RGBA", (12, 12), (9, 9, 9, 100))
    clear.save(tree / "train/a/98.png")
    Image.fromarray(np.full((12, 12), 999, np.uint16)).save(tree / "train/b/99.png")
    with pytest.raises(DataError, match=r"a/98.png and 1 more cannot be used as pictures"):
        packed(tree)
    caplog.clear()
    settings = {**SETTINGS, "root": str(tree), "bad_images": "skip"}
    outcome = write_pack(tree.parent / "fewer.h5", settings, logging.getLogger("toy"))
    assert outcome["left_out"] == {"unreadable": 2} and sum(outcome["images"].values()) == 12
    assert "98.png is transparent" in caplog.text and "99.png has more than 8" in caplog.text


def test_broken_files_may_be_left_out(tree, caplog):
    whole = read_task(packed(tree), None, None)
    break_(tree, "train/a/04.jpg", "test/b/11.jpg")
    settings = {**SETTINGS, "root": str(tree), "bad_images": "skip"}
    path = tree.parent / "fewer.h5"
    outcome = write_pack(path, settings, logging.getLogger("toy"))
    assert outcome["left_out"] == {"unreadable": 2}
    assert sum(outcome["images"].values()) == 10
    assert "04.jpg cannot be read as a picture" in caplog.text
    rest = [i for i, file in enumerate(by_file(tree)) if file.stem not in ("04", "11")]
    assert np.array_equal(read_task(path, None, None).images, whole.images[rest])
    break_(tree, "test/a/02.jpg", "test/a/08.jpg")
    with pytest.raises(DataError, match="class a has no usable picture left in the test split"):
        write_pack(path, settings)


def test_a_box_is_cut_out_first(tmp_path):
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[10:20, 5:25] = 250
    Image.fromarray(pixels).save(tmp_path / "a.png")
    boxed = Photographs(PhotographFiles([tmp_path / "a.png"], [(5, 10, 25, 20)]), Framing(8, 3))
    assert (boxed[0] == 250).all()
    beside = Photographs(PhotographFiles([tmp_path / "a.png"], [(50, 10, 60, 20)]), Framing(8, 3))
    with pytest.raises(DataError, match=r"a\.png is 40x30, and its box .* lies beside it"):
        _ = beside[0]


def test_results_come_in_order_and_what_is_not_wanted_is_not_made():
    made = []

    def square(number):
        made.append(number)
        return number * number

    assert list(in_order(square, range(30), 3)) == [n * n for n in range(30)]
    made.clear()
    some = in_order(square, range(1000), 2)
    assert [next(some), next(some)] == [0, 1]
    some.close()
    assert len(made) < 20


@pytest.mark.parametrize("kept", ["pixels", "jpeg"])
def test_a_set_is_never_whole_in_memory(tmp_path, kept):
    """96 images of 147 kB each: numpy and Python hold less than a third of them at any time."""
    photograph(tmp_path / "raw/train/a/00.jpg", (60, 50), 0)
    for number in range(96):
        split, name = "test" if number % 4 == 0 else "train", "ab"[number % 2 ^ (number % 8 > 3)]
        path = tmp_path / "raw" / split / name / f"{number:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number:
            path.hardlink_to(tmp_path / "raw/train/a/00.jpg")
    tracemalloc.start()
    packed(tmp_path / "raw", image_size=221, store=kept, workers=2)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 96 * 3 * 221**2 / 3
