"""A row for every photograph, whatever became of it, and the pixels of those that were aligned."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lifelong.faces.align import TEMPLATE
from lifelong.faces.detect import NO_FACES, Faces
from lifelong.faces.photos import ALIGNMENTS, FaceAlignment, align, align_photos
from lifelong.faces.rows import COLUMNS, FaceRow, Status
from lifelong.plan.errors import ConfigError, DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
FACE = Faces(np.array([(40.5, 30.2, 90.1, 80.9)]), np.array([0.99]), TEMPLATE[None] + [5, 2])


class Finder:
    """Finds FACE in every picture that is not all grey; remembers how many it was given."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def detect(self, images):
        self.given.append(len(images))
        return [NO_FACES if image.std() == 0 else FACE for image in images]


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "face.png")
    Image.new("RGB", (100, 50), (9, 9, 9)).save(tmp_path / "grey.png")
    Image.new("RGB", (10, 10)).save(tmp_path / "tiny.png")
    (tmp_path / "empty.jpg").touch()
    return tmp_path


def rows(folder, how, names, **options):
    finder = Finder()
    found = list(align_photos([folder / name for name in names], finder, how, **options))
    return [row for row, _ in found], [face for _, face in found], finder


def test_every_photograph_has_its_row_in_order(folder):
    names = ["empty.jpg", "face.png", "no.png", "grey.png", "tiny.png", "face.png"]
    found, faces, finder = rows(folder, ALIGNMENTS["facenet_160"], names, batch=2)
    assert [row.status.value for row in found] == [
        *("unreadable", "aligned", "missing", "no_face", "too_small", "aligned")
    ]
    assert [row.path for row in found] == [str(folder / name) for name in names]
    assert [face is not None for face in faces] == [False, True, False, False, False, True]
    assert faces[1].shape == (160, 160, 3)
    assert (faces[1] == faces[5]).all()
    assert finder.given == [1, 1, 1]


def test_the_row_says_what_was_cut(folder):
    (row,), (face,), _ = rows(folder, ALIGNMENTS["facenet_160"], ["face.png"])
    assert (row.width, row.height, row.faces, row.chosen) == (160, 120, 1, 0)
    assert row.crop == (24, 14, 106, 96)  # half of 32 px at each side, truncated
    assert row.box == (40.5, 30.2, 90.1, 80.9)
    cut = Image.fromarray(PIXELS).crop(row.crop).resize((160, 160), Image.Resampling.BILINEAR)
    assert (face == np.asarray(cut)).all()


def test_landmarks_are_brought_onto_the_template(folder):
    """They lie 5 and 2 pixels off, so that the aligned face is just shifted."""
    (row,), (face,), _ = rows(folder, ALIGNMENTS["sphereface_112"], ["face.png"])
    assert np.abs(face.astype(int) - PIXELS[2:114, 5:117]).max() <= 1
    assert row.crop == ()
    assert row.landmarks[:2] == pytest.approx(TEMPLATE[0] + [5, 2])


def test_a_proportional_margin(folder):
    how = FaceAlignment("proportional", 64, 0.5)
    (row,), (face,), _ = rows(folder, how, ["face.png"])
    assert row.crop == (28, 17, 102, 93)  # a quarter of 49.6 and of 50.7 at each side
    assert face.shape == (64, 64, 3)


def test_what_becomes_of_a_photograph_without_a_face(folder):
    for how in ALIGNMENTS.values():
        (row,), (face,), _ = rows(folder, how, ["grey.png"])
        assert (row.status, face) == (Status.NO_FACE, None)
        crop = replace(how, no_face="center_crop")
        (row,), (face,), _ = rows(folder, crop, ["grey.png"])
        assert row.status == Status.CENTER_CROPPED
        assert row.crop == (35, 10, 65, 40)  # 0.6 of 50 pixels about (50, 25)
        assert face.shape == (how.side, how.side, 3)
        assert row.chosen == -1
        with pytest.raises(DataError, match=r"no face was found in .*grey\.png"):
            rows(folder, replace(how, no_face="fail"), ["grey.png"])


def test_landmarks_that_are_one_are_no_face():
    faces = replace(FACE, landmarks=np.ones((1, 5, 2)))
    row, face = align("a", PIXELS, faces, ALIGNMENTS["sphereface_112"])
    assert (row.status, face) == (Status.NO_FACE, None)
    assert row.faces == 1
    assert align("a", PIXELS, faces, ALIGNMENTS["facenet_160"])[0].status == Status.ALIGNED


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"geometry": "square"}, "geometry square is none of"),
        ({"rule": "nearest"}, "rule nearest is none of"),
        ({"no_face": "ignore"}, "no_face ignore is none of"),
        ({"geometry": "similarity"}, "side must be 112"),
        ({"central": 0.0}, "central must be above 0"),
    ],
)
def test_wrong_settings_name_their_key(wrong, message):
    with pytest.raises(ConfigError, match=message):
        replace(ALIGNMENTS["facenet_160"], **wrong)


def test_rows_as_text_fit_the_columns():
    full = FaceRow(
        "a.png",
        Status.ALIGNED,
        "",
        160,
        120,
        2,
        1,
        0.99,
        (1.5, 2, 3, 4),
        (1, 2, 3, 4),
        (0.25,) * 10,
    )
    cells = dict(zip(COLUMNS, full.cells(), strict=True))
    assert cells["box_x1"] == "1.5000"
    assert cells["crop_y2"] == "4"
    assert cells["right_mouth_y"] == "0.2500"
    assert cells["probability"] == "0.9900"
    refused = FaceRow("two\nlines\udcff.png", Status.BAD_NAME, "its name\tis odd")
    cells = refused.cells()
    assert len(cells) == len(COLUMNS)
    assert all(cell.isprintable() for cell in cells)
    assert cells[7:] == [""] * 19
