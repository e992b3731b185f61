"""Choosing and cutting out faces, on numbers worked by hand and against facenet-pytorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lifelong.faces.align import (
    TEMPLATE,
    centre_box,
    choose,
    crop,
    margin_box,
    proportional_box,
    similarity,
    warp,
)

ASTRONAUT = np.array([181.05, 62.16, 267.75, 172.05])


def test_margins_of_facenet_on_a_known_face():
    assert margin_box(ASTRONAUT, 44, (512, 512)) == (159, 40, 289, 194)
    assert margin_box(ASTRONAUT, 32, (512, 512)) == (165, 46, 283, 188)


def test_a_box_is_cut_at_the_rim_and_truncated():
    assert margin_box(np.array([-3.0, 5.9, 8.2, 99.0]), 4, (10, 20)) == (0, 3, 10, 20)


def test_a_proportional_box_grows_with_the_face():
    small, large = np.array([40.0, 40, 50, 60]), np.array([40.0, 40, 60, 80])
    assert proportional_box(small, 0.2, (200, 200)) == (39, 38, 51, 62)
    assert proportional_box(large, 0.2, (200, 200)) == (38, 36, 62, 84)


def test_a_proportional_box_is_facenet_pytorchs():
    library = pytest.importorskip("facenet_pytorch")
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    box = np.array([20.3, 11.8, 55.1, 49.9])
    theirs = library.extract_face(Image.fromarray(image), box.copy(), image_size=32, margin=8)
    ours = crop(image, proportional_box(box, 8 / (32 - 8), (80, 60)), 32)
    assert (theirs.numpy().transpose(1, 2, 0) == ours).all()


def test_the_central_square():
    assert centre_box(0.6, (250, 250)) == (50, 50, 200, 200)
    assert centre_box(0.5, (40, 20)) == (15, 5, 25, 15)
    assert centre_box(0.01, (20, 20)) == (9, 9, 10, 10)


def test_a_crop_is_stretched():
    image = np.zeros((4, 8, 3), dtype=np.uint8)
    image[:, 4:] = 200
    cut = crop(image, (2, 0, 6, 4), 8)
    assert cut.shape == (8, 8, 3)
    assert (cut[:, 0] == 0).all()
    assert (cut[:, -1] == 200).all()


# A small centred face and a large one at the rim of 700x400: areas 2500 and 10000, squared
# distances of their centres from (350, 200) 0 and 270 ** 2.
TWO = np.array([(325.0, 175, 375, 225), (30, 150, 130, 250)])


@pytest.mark.parametrize(("rule", "chosen"), [("centred", 0), ("largest", 1), ("likeliest", 1)])
def test_rules_choose_among_faces(rule, chosen):
    assert choose(TWO, np.array([0.8, 0.9]), (700, 400), rule) == chosen


def test_the_centre_weighs_twice_in_squared_pixels():
    boxes = np.array([(40.0, 40, 60, 60), (45.0, 40, 67, 60)])  # 400 - 0, 440 - 2 * 36
    assert choose(boxes, np.ones(2), (100, 100), "centred") == 0
    boxes[1] = (43, 40, 65, 60)  # 440 - 2 * 16
    assert choose(boxes, np.ones(2), (100, 100), "centred") == 1


def test_the_first_of_equals_is_chosen():
    assert choose(TWO[[0, 0]], np.ones(2), (700, 400), "largest") == 0


def test_boxes_outside_the_picture_are_passed_over():
    outside = np.array([(-300.0, 0, -1, 90), (10, 10, 20, 20)])
    assert choose(outside, np.ones(2), (50, 50), "largest") == 1
    assert choose(outside[:1], np.ones(1), (50, 50), "largest") is None
    assert choose(np.zeros((0, 4)), np.zeros(0), (50, 50), "largest") is None


def test_a_similarity_worked_by_hand():
    # (0, 0) -> (10, 5) and (1, 0) -> (10, 7): a quarter turn, twice the size, a shift.
    matrix = similarity(np.array([(0.0, 0), (1, 0)]), np.array([(10.0, 5), (10, 7)]))
    assert np.allclose(matrix, [(0, -2, 10), (2, 0, 5)])


@given(
    turn=st.floats(-3.1, 3.1),
    scale=st.floats(0.1, 10),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_a_known_similarity_is_recovered(turn, scale, shift):
    factor = scale * np.exp(1j * turn)
    matrix = np.array([[factor.real, -factor.imag, shift[0]], [factor.imag, factor.real, shift[1]]])
    moved = TEMPLATE @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(similarity(TEMPLATE, moved), matrix, atol=1e-6)


def test_the_similarity_is_umeyamas():
    """The formula by singular values, which holds in any dimension."""
    points = np.array(
        [(205.0, 101.7), (246.8, 103.7), (224.7, 129), (201.7, 139.2), (245.3, 141.9)]
    )
    p, q = points - points.mean(0), TEMPLATE - TEMPLATE.mean(0)
    left, values, right = np.linalg.svd(q.T @ p / 5)
    sign = np.diag([1, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    turn = left @ sign @ right * np.trace(np.diag(values) @ sign) / (p**2).sum(1).mean()
    assert np.allclose(similarity(points)[:, :2], turn)
    assert np.allclose(similarity(points) @ [*points.mean(0), 1], TEMPLATE.mean(0))
    assert np.hypot(*similarity(points)[:, 0]) == pytest.approx(0.882, abs=0.002)
    angle = np.degrees(np.arctan2(*similarity(points)[::-1, 0]))
    assert angle == pytest.approx(-3.7, abs=0.05)


def test_mirrored_points_are_not_mirrored_back():
    matrix = similarity(TEMPLATE * [-1, 1])
    assert np.linalg.det(matrix[:, :2]) > 0


def test_points_that_are_one_fix_nothing():
    with pytest.raises(ValueError, match="all points are one"):
        similarity(np.ones((5, 2)))


IMAGE = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)


def test_a_warp_that_does_nothing_changes_no_pixel():
    assert (warp(IMAGE, np.array([[1.0, 0, 0], [0, 1, 0]])) == IMAGE).all()


def test_a_warp_shifts_by_whole_pixels_and_is_black_outside():
    warped = warp(IMAGE, np.array([[1.0, 0, 3], [0, 1, -2]]))
    assert (warped[:-2, 3:] == IMAGE[2:, :-3]).all()
    assert not warped[-2:].any()
    assert not warped[:, :3].any()


def test_a_warp_turns_about_pixel_centres():
    """x, y -> 111 - y, x is a quarter turn of the 112 pixels onto themselves."""
    warped = warp(IMAGE, np.array([[0.0, -1, 111], [1, 0, 0]]))
    assert (warped == np.rot90(IMAGE, -1)).all()


def test_a_large_face_is_averaged_not_sampled():
    """Black and white pixels in turn are grey at an eighth of the size; every eighth is black."""
    board = np.indices((896, 896)).sum(axis=0) % 2 * np.uint8(255)
    image = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    warped = warp(image, np.array([[1 / 8, 0, 0], [0, 1 / 8, 0]]))[1:-1, 1:-1]
    assert np.abs(warped.astype(int) - 128).max() <= 1


def test_reduction_moves_nothing():
    """A light square keeps its place, whether its picture is shrunk by 1.9 or by 4.1."""
    for factor in (1.9, 4.1):
        image = np.zeros((460, 460, 3), dtype=np.uint8)
        image[100:200, 60:200] = 255
        warped = warp(image, np.array([[1 / factor, 0, 0], [0, 1 / factor, 0]]))[..., 0] / 255.0
        rows, columns = np.indices(warped.shape)
        centre = np.array([(columns * warped).sum(), (rows * warped).sum()]) / warped.sum()
        assert centre == pytest.approx(np.array([129.5, 149.5]) / factor, abs=0.1)
