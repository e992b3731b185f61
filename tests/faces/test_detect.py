"""MTCNN on real photographs, and the traps of the library that brings it."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from lifelong.faces import detect
from lifelong.faces.align import TEMPLATE, choose, similarity, warp
from lifelong.faces.detect import Detector, shrunk
from lifelong.plan.errors import UserError

ASTRONAUT_BOX = (181.05, 62.16, 267.75, 172.05)
ASTRONAUT_POINTS = [(205.0, 101.7), (246.8, 103.7), (224.7, 129), (201.7, 139.2), (245.3, 141.9)]
GREY = np.full((64, 64, 3), 127, dtype=np.uint8)


@pytest.fixture(scope="module")
def detector():
    pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    return Detector()


@pytest.fixture(scope="module")
def pictures():
    return pytest.importorskip("skimage.data", reason="scikit-image is not installed")


def test_a_known_face_lies_where_it_lies(detector, pictures):
    (faces,) = detector.detect([pictures.astronaut()])
    assert faces.boxes.shape == (1, 4)
    assert faces.boxes.dtype == faces.landmarks.dtype == np.float64
    assert faces.boxes[0] == pytest.approx(ASTRONAUT_BOX, abs=2)
    assert faces.landmarks[0] == pytest.approx(np.array(ASTRONAUT_POINTS), abs=2)
    assert faces.probabilities == pytest.approx([1], abs=1e-4)


def test_a_known_turn_and_scale_of_a_photograph_are_recovered(detector, pictures):
    """Turned by 10 degrees and reduced to 0.8: the alignments differ by just that."""
    image = pictures.astronaut()
    turned = Image.fromarray(image).resize((410, 410)).rotate(10, Image.Resampling.BILINEAR)
    before, after = detector.detect([image, np.asarray(turned)])
    first, second = (similarity(faces.landmarks[0])[:, 0] for faces in (before, after))
    ratio = complex(*first) / complex(*second)
    assert abs(ratio) == pytest.approx(410 / 512, rel=0.02)
    assert np.degrees(np.angle(ratio)) == pytest.approx(-10, abs=1)


def test_an_aligned_face_is_found_where_its_landmarks_were_taken(detector, pictures):
    image = pictures.astronaut()
    (faces,) = detector.detect([image])
    matrix = similarity(faces.landmarks[0])
    (again,) = detector.detect([warp(image, matrix)])
    taken = faces.landmarks[0] @ matrix[:, :2].T + matrix[:, 2]
    assert again.landmarks[0] == pytest.approx(taken, abs=2)
    assert np.abs(taken - TEMPLATE).mean() < 4  # nobody's face is the template


def test_photographs_of_faces_and_of_none(detector, pictures):
    """100 small grey photographs of faces, then 100 of other things, enlarged."""
    grey = np.rint(pictures.lfw_subset() * 255).astype(np.uint8)
    images = [
        np.asarray(Image.fromarray(one).convert("RGB").resize((160, 160), Image.Resampling.BICUBIC))
        for one in grey
    ]
    found = np.array([len(faces) > 0 for faces in detector.detect(images)])
    assert found[:100].sum() >= 98
    assert found[100:].sum() <= 2


def test_things_have_no_face(detector, pictures):
    images = [pictures.chelsea(), pictures.coffee(), pictures.rocket()]
    assert [len(faces) for faces in detector.detect(images)] == [0, 0, 0]


def test_a_small_face_in_the_centre_is_chosen_of_two(detector, pictures):
    face = Image.fromarray(pictures.astronaut()[20:220, 120:320])
    both = Image.new("RGB", (700, 400), (127, 127, 127))
    both.paste(face, (0, 100))
    both.paste(face.resize((100, 100)), (300, 150))
    (faces,) = detector.detect([np.asarray(both)])
    assert len(faces) == 2
    left = {
        rule: faces.boxes[choose(faces.boxes, faces.probabilities, both.size, rule), 0]
        for rule in ("centred", "largest")
    }
    assert left["centred"] > 300
    assert left["largest"] < 200


def test_no_pictures_and_no_faces(detector):
    assert detector.detect([]) == []
    (faces,) = detector.detect([GREY])
    assert len(faces) == 0
    assert faces.boxes.shape == (0, 4)
    assert faces.probabilities.shape == (0,)
    assert faces.landmarks.shape == (0, 5, 2)


@pytest.mark.parametrize("shape", [(19, 300), (300, 19), (1, 1), (20, 20)])
def test_pictures_as_small_as_a_face(detector, shape):
    (faces,) = detector.detect([np.full((*shape, 3), 127, dtype=np.uint8)])
    assert len(faces) == 0


def test_pictures_of_all_sizes_with_and_without_faces_in_one_call(detector, pictures):
    astronaut = pictures.astronaut()
    images = [GREY, astronaut, GREY[:10], astronaut[:300, 100:400], GREY, astronaut]
    found = detector.detect(images)
    assert [len(faces) for faces in found] == [0, 1, 0, 1, 0, 1]
    assert (found[1].boxes == found[5].boxes).all()
    assert found[3].boxes[0] == pytest.approx(np.array(ASTRONAUT_BOX) - [100, 0, 100, 0], abs=4)


def test_batches_find_what_single_pictures_do(detector, pictures):
    batched = Detector(batch_size=4)
    small = np.asarray(Image.fromarray(pictures.astronaut()).resize((200, 200)))
    images = [small, np.full_like(small, 127), small[:, ::-1].copy()]
    for one, other in zip(detector.detect(images), batched.detect(images), strict=True):
        assert one.boxes == pytest.approx(other.boxes, abs=1e-3)
        assert one.landmarks == pytest.approx(other.landmarks, abs=1e-3)


def test_the_same_picture_gives_the_same_bits(detector, pictures):
    image = pictures.astronaut()
    (one,), (other,) = detector.detect([image]), Detector().detect([image])
    assert one.boxes.tobytes() == other.boxes.tobytes()
    assert one.landmarks.tobytes() == other.landmarks.tobytes()
    assert one.probabilities.tobytes() == other.probabilities.tobytes()


def test_large_pictures_are_searched_smaller_and_boxes_scaled_back(detector, pictures):
    image = pictures.astronaut()[:401]  # halved to 256x200
    (small,), (faces,) = (
        detector.detect([shrunk(image, 256)]),
        Detector(max_side=256).detect([image]),
    )
    across, down = 2, 401 / 200
    assert faces.boxes == pytest.approx(small.boxes * [across, down, across, down])
    assert faces.landmarks == pytest.approx(small.landmarks * [across, down])
    assert faces.landmarks[0] == pytest.approx(np.array(ASTRONAUT_POINTS), abs=4)


def test_shrinking_keeps_the_shape_and_never_enlarges():
    assert shrunk(GREY, 64) is GREY
    assert shrunk(np.zeros((30, 4000, 3), dtype=np.uint8), 1000).shape == (8, 1000, 3)
    assert shrunk(np.zeros((1, 4000, 3), dtype=np.uint8), 1000).shape == (1, 1000, 3)


def test_a_detector_leaves_the_random_numbers_alone(detector):
    before = torch.random.get_rng_state()
    Detector()
    assert (torch.random.get_rng_state() == before).all()


@pytest.mark.parametrize("image", [GREY[..., 0], GREY.astype(float), np.zeros((64, 64, 4), "u1")])
def test_anything_but_rgb_bytes_is_our_mistake(detector, image):
    with pytest.raises(ValueError, match="is not uint8"):
        detector.detect([image])


def test_records_say_what_found_the_faces(detector):
    assert detector.name.startswith("facenet-pytorch 2.5")
    assert "min_face_px=20" in detector.name


def test_without_the_package_one_sentence_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(UserError, match=r"pip install 'lifelong\[faces\]'"):
        Detector()


class Stumbling:
    """Fails as the library does, unless a picture stands alone in a frame."""

    def __init__(self, error: Exception) -> None:
        self.error, self.seen = error, []

    def detect(self, batch, landmarks):
        self.seen.append(batch.shape)
        if len(batch) > 1 or batch[0, 0, 0].any():
            raise self.error
        box, points = np.array([[110.0, 120, 130, 140]]), np.full((1, 5, 2), 125.0)
        return [box], [np.array([0.9])], [points]


def stumbling(monkeypatch, error: Exception) -> tuple[Detector, Stumbling]:
    library = Stumbling(error)
    monkeypatch.setattr(detect, "_mtcnn", lambda *settings: library)
    return Detector(batch_size=2), library


@pytest.mark.parametrize(
    "error", [IndexError("shape of the mask"), RuntimeError("expected a non-empty list of Tensors")]
)
def test_where_the_library_stumbles_a_frame_helps(monkeypatch, error):
    detector, library = stumbling(monkeypatch, error)
    found = detector.detect([GREY + 1, GREY + 2])
    assert [faces.boxes.tolist() for faces in found] == [[[46, 56, 66, 76]]] * 2
    assert (found[0].landmarks == 61).all()
    assert library.seen == [(2, 64, 64, 3), *[(1, 64, 64, 3), (1, 192, 192, 3)] * 2]


def test_other_failures_are_not_hidden(monkeypatch):
    detector, _ = stumbling(monkeypatch, RuntimeError("CUDA out of memory"))
    with pytest.raises(RuntimeError, match="out of memory"):
        detector.detect([GREY])


def test_nothing_heavy_is_loaded_before_it_is_used():
    code = "import sys, lifelong.faces.photos, lifelong.faces.sources; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(run.stdout.split()) & {"torch", "torchvision", "sklearn", "facenet_pytorch"}


def test_the_likeliest_face_comes_first_and_objects_become_numbers(monkeypatch):
    boxes = np.array([(0.0, 0, 9, 9), (1, 1, 8, 8)], dtype=object)
    points = np.stack([np.zeros((5, 2)), np.ones((5, 2))]).astype(object)
    found = ([boxes], [np.array([0.7, 0.9], dtype=object)], [points])
    library = SimpleNamespace(detect=lambda batch, landmarks: found)
    monkeypatch.setattr(detect, "_mtcnn", lambda *settings: library)
    (faces,) = Detector().detect([GREY])
    assert faces.probabilities.tolist() == [0.9, 0.7]
    assert faces.boxes[0].tolist() == [1, 1, 8, 8]
    assert faces.landmarks[0, 0].tolist() == [1, 1]
    assert faces.boxes.dtype == np.float64
