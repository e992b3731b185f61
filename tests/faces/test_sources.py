"""Trees in the exact layouts of the face data sets, and what is said about wrong ones."""

from collections import Counter
from pathlib import Path

import pytest
from face_trees import grow, labels, read, text

from lifelong.faces.lfw import read_pairs
from lifelong.faces.samples import Sample
from lifelong.faces.tables import AGE_GROUPS
from lifelong.plan.errors import DataError


def test_people_in_folders(tmp_path):
    names = ("n000002/0002_01.jpg", "n000002/0001_01.jpg", "n000001/0007_01.JPG", ".cache/x.jpg")
    found = read("identity_folders", grow(tmp_path, *names))
    assert found.classes == ("n000001", "n000002")
    assert found.samples == (
        Sample("n000001/0007_01.JPG", 0, identity="n000001"),
        Sample("n000002/0001_01.jpg", 1, identity="n000002"),
        Sample("n000002/0002_01.jpg", 1, identity="n000002"),
    )
    assert found.pairs is None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train/n000001/a.jpg"], "should hold pictures, not folder n000001: move it"),
        (["n000001/notes.txt"], r"notes\.txt is no picture"),
        (["a.jpg"], "holds no folders"),
        (["two\nlines/a.jpg"], "cannot be printed: rename it"),
    ],
)
def test_wrong_folders_of_people(tmp_path, names, message):
    with pytest.raises(DataError, match=message):
        read("identity_folders", grow(tmp_path, *names))


def test_empty_and_absent_folders(tmp_path):
    with pytest.raises(DataError, match=r"there is no folder .*/nothing: check root"):
        read("identity_folders", tmp_path / "nothing")
    (tmp_path / "n1").mkdir()
    with pytest.raises(DataError, match="n1 holds no pictures: add some or remove it"):
        read("identity_folders", tmp_path)


def test_splits_and_classes_in_folders(tmp_path):
    names = ("train/b/1.png", "train/a/1.png", "val/a/2.png", "val/b/3.png", "readme.txt")
    found = read("class_folders", grow(tmp_path, *names))
    assert found.classes == ("a", "b")
    assert [(s.path, s.label, s.split) for s in found.samples] == [
        ("train/a/1.png", 0, "train"),
        ("train/b/1.png", 1, "train"),
        ("val/a/2.png", 0, "test"),
        ("val/b/3.png", 1, "test"),
    ]


def test_val_is_validation_where_there_is_a_test_split(tmp_path):
    names = [f"{split}/a/1.png" for split in ("train", "val", "test")]
    found = read("class_folders", grow(tmp_path, *names))
    assert {sample.path: sample.split for sample in found.samples} == {
        "train/a/1.png": "train",
        "val/a/1.png": "validation",
        "test/a/1.png": "test",
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train/a/1.png"], "must hold folder train and one of val"),
        (["val/a/1.png", "test/a/1.png"], "must hold folder train"),
        (["train/a/1.png", "val/a/1.png", "validation/a/1.png"], "holds val and validation"),
        (["train/a/1.png", "val/a/1.png", "val/b/1.png"], "val must hold the folders a: .* b"),
        (["train/a/1.png", "train/b/1.png", "val/a/1.png"], "val must hold the folders a, b: .* b"),
    ],
)
def test_wrong_splits(tmp_path, names, message):
    with pytest.raises(DataError, match=message):
        read("class_folders", grow(tmp_path, *names))


def test_fer2013_keeps_its_order_of_expressions(tmp_path):
    order = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    names = [f"{split}/{name}/1.png" for split in ("train", "validation", "test") for name in order]
    found = read("fer2013", grow(tmp_path, *names))
    assert list(found.classes) == order
    assert labels(found)["train/neutral/1.png"] == 6
    assert Counter(s.split for s in found.samples) == dict.fromkeys(
        ("train", "validation", "test"), 7
    )
    grow(tmp_path, "train/bored/1.png")
    with pytest.raises(DataError, match="add, rename or remove bored"):
        read("fer2013", tmp_path)


def test_fotw_reports_on_val(tmp_path):
    genders = ("female", "male", "other")
    names = [f"{split}/{name}/1.png" for split in ("train", "val") for name in genders]
    found = read("fotw", grow(tmp_path, *names))
    assert found.classes == genders
    assert {sample.split for sample in found.samples} == {"train", "test"}


LFW = ("Ann_B/Ann_B_0001.jpg", "Ann_B/Ann_B_0002.jpg", "Ann_B/Ann_B_0004.jpg", "Cy/Cy_0001.jpg")
LINES = ("2\t1", "Ann_B\t1\t4", "Ann_B\t2\tCy\t1", "Dee\t1\t2", "Cy\t1\tDee\t3")
DEE = ("Dee/Dee_0001.webp", "Dee/Dee_0002.webp", "Dee/Dee_0003.webp")


def test_lfw_carries_folds_with_its_pairs(tmp_path):
    root = grow(tmp_path / "lfw", *LFW, *DEE, "Eve/Eve_0001.jpg")
    found = read("lfw", root, pairs=text(tmp_path / "pairs.txt", *LINES))
    paths = [sample.path for sample in found.samples]
    assert paths == sorted([*LFW, *DEE])  # nobody asks for Eve
    assert found.classes == ("Ann_B", "Cy", "Dee")
    assert found.samples[-1] == Sample(DEE[2], 2, identity="Dee")
    named = [
        (paths[a], paths[b]) for a, b in zip(found.pairs.first, found.pairs.second, strict=True)
    ]
    assert named == [(LFW[0], LFW[2]), (LFW[1], LFW[3]), (DEE[0], DEE[1]), (LFW[3], DEE[2])]
    assert found.pairs.same.tolist() == [True, False, True, False]
    assert found.pairs.fold.tolist() == [0, 0, 1, 1]
    assert found.absent == ()


def test_pairs_of_absent_photographs(tmp_path):
    """Dropping a pair of fold 0 moves no other pair from its fold."""
    root = grow(tmp_path / "lfw", *LFW[1:], *DEE[:2])
    pairs = text(tmp_path / "pairs.txt", *LINES)
    with pytest.raises(
        DataError, match=r"2 of the photographs in .*pairs\.txt are not in .*Ann_B_0001"
    ):
        read("lfw", root, pairs=pairs)
    found = read("lfw", root, pairs=pairs, missing="skip")
    assert found.absent == ("Ann_B/Ann_B_0001", "Dee/Dee_0003")
    assert found.left_out == {"pairs": 2}
    assert found.pairs.fold.tolist() == [0, 1]
    assert found.pairs.same.tolist() == [False, True]
    with pytest.raises(DataError, match="missing ignore is none of refuse, skip"):
        read("lfw", root, pairs=pairs, missing="ignore")


def test_pairs_with_spaces_windows_line_ends_and_a_single_fold(tmp_path):
    (tmp_path / "pairs.txt").write_bytes(b"\xef\xbb\xbf1\r\nA 1 2\r\nA 1 B 7\r\n")
    one, other = read_pairs(tmp_path / "pairs.txt")
    assert (one.first, one.second, one.fold, one.same) == (("A", 1), ("A", 2), 0, True)
    assert (other.first, other.second, other.fold, other.same) == (("A", 1), ("B", 7), 0, False)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["ten\t300"], "line 1 is 'ten.*should be like"),
        (["0\t300"], "line 1"),
        ([""], "line 1"),
        (["1\t1", "A\t1\t2"], "promises 2 pairs, but 1 lines follow"),
        (["1\t1", "A\t1\t2", "A\t1\tB\t2", "A\t1\t3"], "promises 2 pairs, but 3 lines follow"),
        (
            ["1\t1", "A\t1\tB\t2", "A\t1\t2"],
            r"txt, line 2 is 'A.*should be like 'Name\\t1\\t2': mend",
        ),
        (["1\t1", "A\t1\t2", "A\t1\t2"], r"txt, line 3 is .*Other"),
        (["1\t1", "A\t1\t2", "A\tone\tB\t2"], "line 3"),
        (["1\t1", "A\t1\t0", "A\t1\tB\t2"], "line 2"),
        (["1\t1", "", "A\t1\tB\t2"], "line 2"),
        (["1\t1", "A\t2\t2", "A\t1\tB\t2"], "line 2 names the same photograph twice"),
        (["1\t1", "A\t1\t2", "A\t1\tA\t2"], "line 3 names one person for two"),
    ],
)
def test_wrong_pairs_are_named_with_their_line(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        read_pairs(text(tmp_path / "pairs.txt", *lines))


def test_unreadable_lists(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_pairs(tmp_path / "pairs.txt")
    (tmp_path / "pairs.txt").write_bytes(b"10\t300\n\xff\xfe")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_pairs(tmp_path / "pairs.txt")
    with pytest.raises(DataError, match="cannot read"):
        read_pairs(tmp_path)


def test_utkface_by_its_table(tmp_path):
    root = grow(tmp_path, *(f"images/{number}.webp" for number in range(4)))
    lines = ("0.webp,2,0", "1.webp,3,1", "2.webp,54,1", "3.webp,116,0")
    text(root / "labels.csv", "file,age,gender", *lines)
    ages, genders = read("utkface", root, task="age"), read("utkface", root, task="gender")
    assert list(labels(ages).values()) == [0, 1, 7, 7]
    assert ages.classes[0] == "0-2"
    assert list(labels(genders).values()) == [0, 1, 1, 0]
    assert genders.classes == ("male", "female")
    assert ages.samples[0] == Sample("images/0.webp", 0)


def test_utkface_by_official_names(tmp_path):
    """With the odd names of the official archive: no race, no gender, a blank."""
    found = read(
        "utkface",
        grow(
            tmp_path,
            "part1/100_1_0_20170112213500903.jpg.chip.jpg",
            "part1/61_1_20170109142408075.jpg.chip.jpg",
            "part1/24_0_1_20170116220224657 .jpg.chip.jpg",
            "part1/53__0_20170116184028385.jpg.chip.jpg",
            "7_0_2_20170109142408075.jpg",
        ),
        task="gender",
    )
    assert [(Path(path).name.split("_")[0], label) for path, label in labels(found).items()] == [
        ("7", 0), ("100", 1), ("24", 0), ("61", 1)
    ]  # fmt: skip
    assert found.left_out == {"name without age or gender": 1}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,years,gender", "a.jpg,2,0"], "line 1 should name the column age"),
        (["file,age,gender", "a.jpg,2,2"], "line 2: age '2', gender '2' should be"),
        (["file,age,gender", "a.jpg,200,0"], "line 2: age '200'"),
        (["file,age,gender", "a.jpg,,0"], "line 2: age ''"),
        (["file,age,gender", "a.jpg,2"], "line 2 has 2 columns"),
        (
            ["file,age,gender", "b.jpg,2,0"],
            r"1 of the photographs in .*labels\.csv are not in .*b\.jpg",
        ),
    ],
)
def test_wrong_tables_of_utkface(tmp_path, lines, message):
    root = grow(tmp_path, "images/a.jpg")
    text(root / "labels.csv", *lines)
    with pytest.raises(DataError, match=message):
        read("utkface", root, task="age")


def test_utkface_without_labels(tmp_path):
    with pytest.raises(DataError, match=r"neither labels\.csv nor pictures named like"):
        read("utkface", grow(tmp_path, "face.jpg"), task="age")
    with pytest.raises(DataError, match="no task race"):
        read("utkface", tmp_path, task="race")


def test_age_groups_leave_no_year_out():
    years = [year for low, high in AGE_GROUPS for year in range(low, high + 1)]
    assert years == list(range(121))
