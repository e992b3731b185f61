"""Copies with boxes and labels: legible, and nothing lies on anything else."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lifelong.faces import draw
from lifelong.faces.draw import Copies, Mark, annotated

LINES = ("gender: female (88 %)", "age: 21-32 (50 %)")
YELLOW = (0xFF, 0xD4, 0)
WHITE = np.full((400, 1000, 3), 255, np.uint8)


def framed(image: Image.Image, box: tuple[int, int, int, int]) -> bool:
    """Whether all four sides of a box are of the first face's colour, and not what lies within."""
    inked = (np.asarray(image) == YELLOW).all(axis=2)
    x1, y1, x2, y2 = box
    sides = inked[y1, x1 : x2 + 1], inked[y2, x1 : x2 + 1], inked[y1:y2, x1], inked[y1:y2, x2]
    return (
        all(side.all() for side in sides) and not inked[y1 + 20 : y2 - 20, x1 + 20 : x2 - 20].any()
    )


def sheet_of(pixels: np.ndarray, marks: list[Mark]) -> tuple[draw._Sheet, int]:
    """The sheet after all was drawn, and how many of its rectangles are faces."""
    made = []

    class Kept(draw._Sheet):
        def __post_init__(self) -> None:
            super().__post_init__()
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "_Sheet", Kept)
        annotated(pixels, marks)
    return made[0], len(marks)


@pytest.mark.parametrize(
    ("shape", "size", "box", "drawn"),
    [
        ((400, 1000), (1000, 400), (400, 100, 500, 220), (400, 100, 500, 220)),
        ((50, 40), (640, 800), (10, 10, 30, 30), (160, 160, 480, 480)),
        ((2048, 8192), (4096, 1024), (2000, 400, 2200, 600), (1000, 200, 1100, 300)),
        ((400, 1000), (1000, 400), (-30.5, 300, 60, 450), (0, 300, 60, 399)),
    ],
    ids=["as it is", "small", "large", "over the rim"],
)
def test_a_box_lies_where_the_face_does_in_a_picture_of_any_size(shape, size, box, drawn):
    image = annotated(np.full((*shape, 3), 255, np.uint8), [Mark(box, LINES)])
    assert image.size == size
    assert framed(image, drawn)


def test_a_label_has_a_ground_of_its_own_on_any_picture():
    labels = []
    for shade in (0, 255):
        picture = np.full((400, 1000, 3), shade, np.uint8)
        sheet, _ = sheet_of(picture, [Mark((400, 100, 500, 220), LINES)])
        x1, y1, x2, y2 = (round(value) for value in sheet.taken[-1])
        labels.append(np.asarray(sheet.image)[y1:y2, x1:x2])
    assert np.array_equal(*labels)
    assert (labels[0] == 16).all(axis=2).mean() > 0.5 and (labels[0] == 255).all(axis=2).any()


def test_all_of_a_picture_is_described_beside_it():
    image = annotated(WHITE, [Mark(None, LINES)])
    assert image.width > 1000 and image.height == 400
    assert (np.asarray(image)[:, :1000] == 255).all()


def apart(one: draw.Rect, other: draw.Rect) -> bool:
    across = one[2] <= other[0] or other[2] <= one[0]
    return across or one[3] <= other[1] or other[3] <= one[1]


boxes = st.tuples(
    *(st.floats(0, 0.95), st.floats(0, 0.9), st.floats(0.02, 0.3), st.floats(0.02, 0.3))
)


@settings(max_examples=60)
@given(
    shape=st.tuples(st.integers(200, 1200), st.integers(200, 1200)),
    places=st.lists(boxes, min_size=1, max_size=6),
    count=st.integers(1, 5),
)
def test_labels_cover_neither_each_other_nor_a_face(shape, places, count):
    height, width = shape
    marks = [
        Mark((x * width, y * height, (x + w) * width, (y + h) * height), LINES[:1] * count)
        for x, y, w, h in places
    ]
    sheet, faces = sheet_of(np.zeros((*shape, 3), np.uint8), marks)
    labels = sheet.taken[faces:]
    assert len(labels) == faces + (len(sheet.strip) if faces > 1 else 0)
    assert all(apart(one, other) for one, other in combinations(labels, 2))
    for x1, y1, x2, y2 in labels:
        assert x1 >= 0 and y1 >= 0 and x2 <= sheet.image.width and y2 <= sheet.image.height
    for label in labels:
        assert all(apart(label, face) for face in sheet.taken[:faces])


def test_a_label_without_room_stands_in_the_strip_and_its_number_at_the_face():
    crowd = [Mark((x, 20, x + 90, 180), LINES * 3) for x in range(0, 1000, 100)]
    sheet, faces = sheet_of(WHITE[:200], crowd)
    assert 0 < len(sheet.strip) <= faces and sheet.image.width > 1000
    assert len(sheet.taken) == 2 * faces + len(sheet.strip)


def test_a_face_that_fills_its_picture_is_left_free():
    image = annotated(WHITE, [Mark((0, 0, 1000, 400), LINES)])
    assert image.width > 1000
    assert (np.asarray(image)[20:380, 20:980] == 255).all()


def test_a_very_long_strip_grows_down_and_not_to_the_right_for_ever():
    crowd = [Mark((x, 5, x + 9, 15), LINES * 3) for x in range(0, 1000, 10)]
    image = annotated(WHITE[:20], crowd)
    assert image.width < 8000 and image.height > 200


def test_copies_overwrite_neither_each_other_nor_a_photograph(tmp_path):
    names = ("a/face.png", "b/face.png", "face-faces.png", "c/FACE.PNG", "d/face.jpeg")
    photos = [tmp_path / name for name in names]
    for photo in photos:
        photo.parent.mkdir(exist_ok=True)
        photo.write_bytes(b"original")
    copies = Copies(tmp_path, photos)
    written = [copies.add(photo, WHITE, []).name for photo in photos]
    assert written == [
        *("face-faces-2.png", "face-faces-3.png", "face-faces-faces.png"),
        *("FACE-faces-4.png", "face-faces.jpg"),
    ]
    assert all(photo.read_bytes() == b"original" for photo in photos)
    for name in written:
        with Image.open(tmp_path / name) as image:
            assert image.format == ("JPEG" if name.endswith("jpg") else "PNG")


def test_a_copy_of_a_very_long_name_can_be_written(tmp_path):
    photo = Path("\N{OGHAM LETTER BEITH}" * 80 + ".png")
    assert Copies(tmp_path, [photo]).add(photo, WHITE, []).is_file()


def test_letters_of_other_scripts_are_drawn():
    """What a font lacks it draws as one and the same box."""
    label = [np.asarray(annotated(WHITE, [Mark(None, (name,))])) for name in ("Дж", "Жд", "λμ")]
    assert not any(np.array_equal(one, other) for one, other in combinations(label, 2))
