import h5py
import numpy as np
import pytest
from PIL import Image

from lifelong import store
from lifelong.data.pack import read_task
from lifelong.data.packing import write_pack
from lifelong.plan.errors import DamagedFile, DataError

DIGITS = {
    "source": "digits",
    "root": None,
    "image_size": None,
    "channels": 1,
    "download": False,
    "validation": 0.2,
    "test": 0.25,
    "seed": 0,
}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "digits.h5"
    return path, write_pack(path, DIGITS)


@pytest.fixture
def pets(tmp_path):
    """Two groups that share the class name `young`."""
    for g, group in enumerate(("cats", "dogs")):
        for c, name in enumerate(("old", "young")):
            for split, count in (("train", 4), ("test", 1)):
                folder = tmp_path / "raw" / group / split / name
                folder.mkdir(parents=True)
                for i in range(count):
                    pixels = np.full((2, 2), 100 * g + 10 * c + i, np.uint8)
                    Image.fromarray(pixels).save(folder / f"{i}.png")
    path = tmp_path / "pets.h5"
    changes = {"source": "image_folder", "root": str(tmp_path / "raw"), "image_size": 2}
    write_pack(path, {**DIGITS, **changes})
    return path


@pytest.fixture
def zoo(tmp_path):
    """Two groups that share no name: 4 training images and 1 test image per class."""
    for group, names in (("cats", ("lion", "lynx")), ("dogs", ("fox", "wolf"))):
        for name in names:
            for split, count in (("train", 4), ("test", 1)):
                folder = tmp_path / "zoo" / group / split / name
                folder.mkdir(parents=True)
                for i in range(count):
                    Image.fromarray(np.full((2, 2), ord(name[1]), np.uint8)).save(
                        folder / f"{i}.png"
                    )
    path = tmp_path / "zoo.h5"
    changes = {"source": "image_folder", "root": str(tmp_path / "zoo"), "image_size": 2}
    write_pack(path, {**DIGITS, **changes})
    return path


def first_pixels(task):
    return sorted(set((task.images[:, 0, 0, 0] // 10 * 10).tolist()))


def test_outcome_counts_every_image(digits):
    path, outcome = digits
    # by hand from the published counts, 0.25 and then 0.2 of the rest rounded class by class
    assert outcome["images"] == {"train": 1078, "validation": 269, "test": 450}
    assert outcome["classes"] == list("0123456789")
    assert outcome["digest"] == store.digest(path)


def test_test_images_that_are_learned_too_are_counted(digits, zoo, tmp_path):
    assert digits[1]["tested_and_trained"] == 0
    settings = {
        **DIGITS,
        "source": "image_folder",
        "root": str(zoo.with_suffix("")),
        "image_size": 2,
    }
    assert write_pack(tmp_path / "again.h5", settings)["tested_and_trained"] == 4
    picture = tmp_path / "zoo/dogs/test/fox/0.png"
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(picture)
    assert write_pack(tmp_path / "again.h5", settings)["tested_and_trained"] == 3


def test_same_settings_give_the_same_bytes(digits, tmp_path):
    path, _ = digits
    write_pack(tmp_path / "again.h5", DIGITS)
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()
    write_pack(tmp_path / "other.h5", {**DIGITS, "seed": 1})
    assert (tmp_path / "other.h5").read_bytes() != path.read_bytes()


def test_images_lie_in_chunks_of_64(digits):
    with h5py.File(digits[0]) as file:
        assert file["images"].chunks[0] == 64
        assert {name: file[name].dtype.name for name in file} == {
            "images": "uint8",
            "labels": "int32",
            "split": "uint8",
            "crc32": "uint32",
        }


def test_task_is_renumbered_in_the_asked_order(digits):
    path, outcome = digits
    whole = read_task(path, None, None)
    task = read_task(path, ["7", "2"], None, outcome["digest"])
    assert task.classes == ("7", "2")
    assert task.labels.dtype == np.int64
    for label, digit in enumerate((7, 2)):
        expected = whole.images[whole.labels == digit]
        assert np.array_equal(task.images[task.labels == label], expected)
        assert np.array_equal(task.split[task.labels == label], whole.split[whole.labels == digit])
    assert len(task.images) == len(task.labels) == len(task.split)


def test_groups_and_identities(pets):
    dogs = read_task(pets, None, "dogs")
    assert dogs.classes == ("old", "young")
    assert first_pixels(dogs) == [100, 110]
    young = read_task(pets, ["dogs/young", "cats/old"], None)
    assert young.classes == ("young", "old")
    assert first_pixels(young) == [0, 110]
    assert read_task(pets, ["young"], "cats").images[0, 0, 0, 0] == 10
    same = read_task(pets, ["dogs/young", "cats/young"], None)
    assert same.classes == ("dogs/young", "cats/young")
    assert read_task(pets, None, None).classes == (
        "cats/old",
        "cats/young",
        "dogs/old",
        "dogs/young",
    )


def test_a_name_that_only_one_group_has_needs_no_group(zoo):
    task = read_task(zoo, ["wolf", "lion", "dogs/fox"], None)
    assert task.classes == ("wolf", "lion", "fox")
    for label, letter in enumerate("oio"):
        assert (task.images[task.labels == label] == ord(letter)).all()
    with pytest.raises(DataError, match="each once"):
        read_task(zoo, ["wolf", "dogs/wolf"], None)


def test_classes_that_lie_far_apart_are_read_without_what_is_between(digits, monkeypatch):
    path, _ = digits
    whole, blocks = read_task(path, None, None), []
    real = store.read_arrays

    def read_arrays(path, names=None, digest=None, rows=None):
        blocks.extend([] if rows is None else [rows])
        return real(path, names, digest, rows)

    monkeypatch.setattr(store, "read_arrays", read_arrays)
    task = read_task(path, ["9", "0"], None)
    assert [(block.start, block.stop) for block in blocks] == [(0, 178), (1617, 1797)]
    rows = np.flatnonzero(np.isin(whole.labels, (0, 9)))
    assert np.array_equal(task.images, whole.images[rows])
    assert task.labels.tolist() == [1] * 178 + [0] * 180


def test_a_draw_takes_so_many_of_a_class_and_all_of_the_test_split(digits):
    path, _ = digits
    whole = read_task(path, ["3", "8"], None)
    task = read_task(path, ["3", "8"], None, draw={"train": 17, "validation": 3, "seed": 5})
    for label in (0, 1):
        mine = task.split[task.labels == label]
        tested = int((whole.split[whole.labels == label] == 2).sum())
        assert np.bincount(mine).tolist() == [17, 3, tested]
    for split in (0, 1, 2):
        here = {image.tobytes() for image in task.images[task.split == split]}
        assert here <= {image.tobytes() for image in whole.images[whole.split == split]}


def test_a_draw_of_more_than_a_class_has_is_refused(digits):
    with pytest.raises(DataError, match="class 8 has 104 train images and draw asks for 105"):
        read_task(digits[0], ["3", "8"], None, draw={"train": 105, "seed": 0})


def test_unknown_names_list_what_there_is(pets, digits):
    with pytest.raises(DataError, match="no group birds; it has cats, dogs"):
        read_task(pets, None, "birds")
    with pytest.raises(DataError, match=r"no class cats/middle; it has cats/old, cats/young$"):
        read_task(pets, ["middle"], "cats")
    with pytest.raises(DataError, match="no class middle; it has cats/old"):
        read_task(pets, ["middle"], None)
    with pytest.raises(DataError, match="has cats/old and dogs/old: name classes with their group"):
        read_task(pets, ["cats/young", "old"], None)
    with pytest.raises(DataError, match="it has no groups"):
        read_task(digits[0], None, "even")
    for classes in ([], ["1", "1"]):
        with pytest.raises(DataError, match="each once"):
            read_task(digits[0], classes, None)


def test_nothing_is_written_where_the_source_is_refused(tmp_path):
    with pytest.raises(DataError):
        write_pack(tmp_path / "x.h5", {**DIGITS, "source": "image_folder", "image_size": 8})
    assert list(tmp_path.iterdir()) == []


def test_flipped_bit_is_refused(digits, tmp_path):
    path, outcome = digits
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        info = file["images"].id.get_chunk_info(3)
    content[info.byte_offset + info.size // 2] ^= 1
    bad = tmp_path / "bad.h5"
    bad.write_bytes(content)
    for digest in (None, outcome["digest"]):
        with pytest.raises(DamagedFile, match=r"bad\.h5"):
            read_task(bad, ["1", "2"], None, digest)


def test_image_that_fails_its_checksum_is_refused(digits, tmp_path):
    arrays, attrs = store.read_arrays(digits[0])
    row = int(np.flatnonzero(arrays["labels"] == 3)[0])
    arrays["images"][row, 0, 0, 0] ^= 1
    path = tmp_path / "changed.h5"
    store.write_arrays(path, arrays, attrs)
    assert len(read_task(path, ["4"], None).images) == 181
    with pytest.raises(DamagedFile, match="checksum"):
        read_task(path, ["3"], None)


def test_other_files_are_not_packs(tmp_path):
    path = tmp_path / "shard.h5"
    names = ("images", "labels", "split", "crc32")
    store.write_arrays(path, {name: np.zeros(1) for name in names}, {"kind": "shard"})
    with pytest.raises(DamagedFile, match="not a pack"):
        read_task(path, None, None)
