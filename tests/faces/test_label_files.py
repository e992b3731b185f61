"""Adience and AffectNet, whose labels are in tables: what is kept, counted, refused."""

from collections import Counter
from pathlib import Path

import pytest
from face_trees import grow, labels, read, text

from lifelong.faces.samples import Sample
from lifelong.plan.errors import DataError

HEADER = (
    "user_id\toriginal_image\tface_id\tage\tgender\tx\ty\tdx\tdy"
    "\ttilt_ang\tfiducial_yaw_angle\tfiducial_score"
)
CLEAN = ("(0, 2)", "(4, 6)", "(8, 12)", "(15, 20)", "(25, 32)", "(38, 43)", "(48, 53)", "(60, 100)")
ODD = ("(25, 23)", "(38, 48)", "(38, 42)", "(27, 32)", "(8, 23)", "None", *map(str, (2, 3, 13, 22)))
ODD += tuple(map(str, (23, 29, 32, 34, 35, 36, 42, 45, 46, 55, 56, 57, 58)))


def row(album, number, age="(25, 32)", gender="m"):
    return f"{album}\t{number}_o.jpg\t{number}\t{age}\t{gender}\t0\t0\t9\t9\t0\t0\t1"


def adience_tree(root: Path, folds: dict[int, list[str]], folder="aligned") -> Path:
    kind = "landmark_aligned" if folder == "aligned" else "coarse_tilt_aligned"
    for fold in range(5):
        lines = folds.get(fold, [row(f"album{fold}", 1)])
        text(root / f"fold_{fold}_data.txt", HEADER, *lines)
        for line in lines:
            album, image, number = line.split("\t")[:3]
            grow(root, f"{folder}/{album}/{kind}_face.{number}.{image}")
    return root


def test_adience_ages_in_their_folds(tmp_path):
    every = [row("alb@N01", number, age) for number, age in enumerate(CLEAN)]
    found = read("adience", adience_tree(tmp_path, {3: every}), task="age")
    assert found.classes == CLEAN
    inside = [sample for sample in found.samples if sample.fold == 3]
    assert [sample.label for sample in inside] == list(range(8))
    name = "aligned/alb@N01/landmark_aligned_face.0.0_o.jpg"
    assert inside[0] == Sample(name, 0, fold=3, identity="alb@N01")
    assert Counter(sample.fold for sample in found.samples) == {0: 1, 1: 1, 2: 1, 3: 8, 4: 1}


def test_adience_odd_ages_by_policy(tmp_path):
    odd = [row("odd", number, age) for number, age in enumerate(ODD)]
    root = adience_tree(tmp_path, {0: odd}, "faces")
    dropped = read("adience", root, task="age", faces="faces")
    assert len(dropped.samples) == 4
    assert dropped.left_out == {f"age {age}": 1 for age in ODD}
    kept = read("adience", root, task="age", faces="faces", odd_ages="contained")
    by_age = {
        ODD[int(path.split(".")[1])]: label for path, label in labels(kept).items() if "odd" in path
    }
    assert by_age == {"(38, 42)": 5, "(27, 32)": 4, "2": 0, "29": 4, "32": 4, "42": 5}


def test_adience_genders(tmp_path):
    lines = [row("a", number, gender=gender) for number, gender in enumerate(["m", "f", "u", ""])]
    found = read("adience", adience_tree(tmp_path, {0: lines}), task="gender")
    assert found.classes == ("m", "f")
    assert [sample.label for sample in found.samples if sample.fold == 0] == [0, 1]
    assert found.left_out == {"gender u": 1, "gender empty": 1}


def test_adience_albums_must_not_leak(tmp_path):
    root = adience_tree(tmp_path, {1: [row("one", 1)], 4: [row("x", 2), row("one", 3)]})
    message = r"fold_4_data\.txt, line 3: album one is in fold 1 too"
    with pytest.raises(DataError, match=message):
        read("adience", root, task="age")


def test_adience_absent_photographs(tmp_path):
    root = adience_tree(tmp_path, {})
    (root / "aligned/album2/landmark_aligned_face.1.1_o.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of the photographs in .* are not in"):
        read("adience", root, task="age")
    found = read("adience", root, task="age", missing="skip")
    assert found.absent == ("aligned/album2/landmark_aligned_face.1.1_o.jpg",)
    assert {sample.fold for sample in found.samples} == {0, 1, 3, 4}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([row("a", 1, age="old")], "fold_2_data.txt, line 2: age 'old' should be like"),
        ([row("a", 1), "a\tb"], "line 3 has 2 columns, too few"),
    ],
)
def test_wrong_rows_of_adience(tmp_path, lines, message):
    root = adience_tree(tmp_path, {})
    text(root / "fold_2_data.txt", HEADER, *lines)
    with pytest.raises(DataError, match=message):
        read("adience", root, task="age", missing="skip")


def test_wrong_settings_and_files_of_adience(tmp_path):
    root = adience_tree(tmp_path, {0: [row("a", 1, gender="male")]})
    with pytest.raises(DataError, match="line 2: gender 'male' is none of m, f and u"):
        read("adience", root, task="gender")
    for options, message in [
        ({"task": "pose"}, "no task pose"),
        ({"task": "age", "faces": "raw"}, "faces raw is none of"),
        ({"task": "age", "odd_ages": "guess"}, "odd_ages guess is none of"),
        ({"task": "age", "faces": "faces"}, "there is no folder .*faces: check root"),
    ]:
        with pytest.raises(DataError, match=message):
            read("adience", root, **options)
    text(root / "fold_0_data.txt", "user\timage", "a\tb")
    with pytest.raises(DataError, match="line 1 should name the column user_id"):
        read("adience", root, task="age")
    (root / "fold_0_data.txt").unlink()
    with pytest.raises(DataError, match=r"there is no file .*fold_0_data\.txt"):
        read("adience", root, task="age")


AFFECTNET = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,"
    "expression,valence,arousal"
)


def affectnet_tree(root: Path, header=True) -> Path:
    """Every code in training, and three of colliding and dotted names in a validation."""
    rows = [f"{code}/a.b.{code}.jpg,0,0,9,9,1;2;3,{code},-0.1,0.2" for code in range(11)]
    text(root / "training.csv", AFFECTNET, *rows)
    names = ["1/same.png", "2/same.png", "2/other.JPG"]
    rows = [f"{name},0,0,9,9,1;2,{code},0,0" for code, name in enumerate(names)]
    text(root / "validation.csv", *([AFFECTNET] if header else []), *rows)
    return grow(root, *[f"im/{c}/a.b.{c}.jpg" for c in range(11)], *[f"im/{n}" for n in names])


@pytest.mark.parametrize("header", [True, False])
def test_affectnet_keeps_seven_expressions(tmp_path, header):
    found = read("affectnet", affectnet_tree(tmp_path, header), images="im")
    assert found.classes == ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger")
    train = {s.path: s.label for s in found.samples if s.split == "train"}
    assert train == {f"im/{code}/a.b.{code}.jpg": code for code in range(7)}
    test = {s.path: s.label for s in found.samples if s.split == "test"}
    assert test == {"im/1/same.png": 0, "im/2/same.png": 1, "im/2/other.JPG": 2}
    assert found.left_out == {"contempt": 1, "none": 1, "uncertain": 1, "no face": 1}


def test_affectnet_with_contempt(tmp_path):
    found = read("affectnet", affectnet_tree(tmp_path), images="im", contempt=True)
    assert found.classes[7] == "contempt"
    assert labels(found)["im/7/a.b.7.jpg"] == 7
    assert found.left_out == {"none": 1, "uncertain": 1, "no face": 1}


def test_affectnet_absent_photographs(tmp_path):
    root = affectnet_tree(tmp_path)
    for name in ("im/3/a.b.3.jpg", "im/9/a.b.9.jpg"):  # nobody uses the second
        (root / name).unlink()
    with pytest.raises(
        DataError, match=r"1 of the photographs in .*training\.csv are not in .*im \(3/a"
    ):
        read("affectnet", root, images="im")
    found = read("affectnet", root, images="im", missing="skip")
    assert found.absent == ("3/a.b.3.jpg",)
    assert len(found.samples) == 9


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.jpg,0,0,9,9,1,happy,0,0", "line 2: expression 'happy' is none of 0 to 10"),
        ("a.jpg,0,0,9,9,1,11,0,0", "line 2: expression '11'"),
        ("a.jpg,0,0,9,9,1,-1,0,0", "line 2: expression '-1'"),
        ("a.jpg,0", "line 2 has 2 columns"),
    ],
)
def test_wrong_rows_of_affectnet(tmp_path, line, message):
    root = affectnet_tree(tmp_path)
    text(root / "training.csv", AFFECTNET, line)
    with pytest.raises(DataError, match=message):
        read("affectnet", root, images="im")


def test_a_column_that_lacks_is_named(tmp_path):
    root = affectnet_tree(tmp_path)
    text(root / "training.csv", "subDirectory_filePath,emotion", "a.jpg,1")
    with pytest.raises(DataError, match="line 1 should name the column expression"):
        read("affectnet", root, images="im")
