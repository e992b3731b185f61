"""Shards of a face set: a row for every photograph, packs joined from them, kills survived."""

import csv
import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from face_trees import draw, draw_lfw, draw_orl, draw_splits, text
from harness_tree import Killed, content
from PIL import Image

from lifelong import store
from lifelong.data.pack import read_pairs, read_task
from lifelong.data.packing import write_raw
from lifelong.data.photographs import Photographs
from lifelong.faces.align import TEMPLATE
from lifelong.faces.detect import NO_FACES, Faces
from lifelong.jobs.runner import execute
from lifelong.plan.config import check
from lifelong.plan.errors import DamagedFile, DataError, OutOfTime, UserError
from lifelong.plan.plan import Plan
from lifelong.stages import align_faces
from lifelong.work import face_packs
from lifelong.work.face_packs import raw_faces

FACE = Faces(np.array([(4.5, 3.2, 20.1, 22.9)]), np.array([0.99]), TEMPLATE[None] / 5)
ALIGN = {"preset": "sphereface_112"}
PEOPLE = {"source": "identity_folders", "root": "people", "prealigned": True, "image_size": 24}


class Finder:
    """Finds FACE in every picture that is not all of one colour."""

    name = "a finder"
    left = 10**6  # pictures before the machine dies

    def __init__(self, device: str = "cpu") -> None:
        pass

    def detect(self, images):
        Finder.left -= len(images)
        if Finder.left < 0:
            raise Killed
        return [NO_FACES if image.std() == 0 else FACE for image in images]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(align_faces, "Detector", Finder)
    monkeypatch.setattr(align_faces, "BATCH", 4)
    monkeypatch.setattr(Finder, "left", 10**6)
    return tmp_path


def plan_of(learned: str = "faces", **dataset) -> Plan:
    faces = {"source": "identity_folders", "root": "people", **dataset}
    return Plan(
        check(
            {
                "experiment": "toy",
                "methods": ["cpg"],
                "datasets": {"faces": faces, "people": PEOPLE},
                "tasks": [{"name": "who", "dataset": learned}],
                "network": {"name": "spherenet20"},
            }
        )
    )


def packed(plan: Plan) -> Path:
    """Run all shards and the pack."""
    for stage in [*plan.align_stages("faces"), plan.pack_stage("faces")]:
        execute(stage)
    return Path(plan.paths.pack("faces"))


def photos(stage) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(stage.path("photos.csv")).open()))


def test_every_photograph_has_a_row_whatever_became_of_it():
    draw_orl(Path("people"), people=2, each=3)
    Image.new("RGB", (40, 40), (9, 9, 9)).save("people/s1/4.png")
    Path("people/s2/5.png").write_bytes(b"no picture")
    (stage,) = plan_of(align=ALIGN).align_stages("faces")
    execute(stage)
    found = {row["path"]: row["status"] for row in photos(stage)}
    good = {f"s{person}/{i}.png": "aligned" for person in (1, 2) for i in (1, 2, 3)}
    assert found == good | {"s1/4.png": "no_face", "s2/5.png": "unreadable"}
    outcome = store.read_manifest(Path(stage.folder))["outcome"]
    assert outcome["photos"] == {"aligned": 6, "no_face": 1, "unreadable": 1}
    arrays, _ = store.read_arrays(Path(stage.path("faces.h5")))
    assert arrays["images"].shape == (6, 112, 112, 3)
    assert arrays["samples"].tolist() == [0, 1, 2, 4, 5, 6]


def test_shards_share_the_photographs_and_the_pack_is_the_same():
    draw_orl(Path("people"), people=3, each=8)
    one, three = (plan_of(align=ALIGN | {"shards": n}) for n in (1, 3))
    whole = packed(one).read_bytes()
    assert packed(three).read_bytes() == whole
    assert [len(photos(stage)) for stage in three.align_stages("faces")] == [8, 8, 8]
    outcome = store.read_manifest(Path("results/toy/pack_data/faces"))["outcome"]
    assert sum(outcome["images"].values()) == 24 and outcome["images"]["test"] == 6


@pytest.mark.parametrize("how", [{"align": ALIGN}, {"prealigned": True, "image_size": 24}])
def test_faces_are_not_in_memory_while_they_are_packed(how, monkeypatch, tmp_path):
    draw_orl(Path("people"), people=2, each=8)
    plan = plan_of(**how)
    whole = packed(plan).read_bytes()
    monkeypatch.setattr(face_packs, "_READ_FACES", 3)
    stage = plan.pack_stage("faces")
    log = logging.getLogger("toy")
    raw, _ = raw_faces(stage.spec.settings, stage.input_list("parts"), tmp_path / "on", log)
    assert isinstance(raw.images, np.memmap if "align" in how else Photographs)
    assert list((tmp_path / "on").glob("*")) == []
    write_raw(tmp_path / "other.h5", raw)
    assert (tmp_path / "other.h5").read_bytes() == whole


def test_more_shards_than_photographs_leave_some_empty():
    draw_orl(Path("people"), people=2, each=4)
    assert read_task(packed(plan_of(align=ALIGN | {"shards": 11})), None, None).classes == (
        "s1",
        "s2",
    )


def test_the_policy_decides_on_photographs_without_a_face():
    draw_orl(Path("people"), people=2, each=4)
    Image.new("RGB", (40, 40), (9, 9, 9)).save("people/s1/9.png")
    (stage,) = plan_of(align=ALIGN | {"policy": "center_crop"}).align_stages("faces")
    execute(stage)
    assert photos(stage)[4]["status"] == "center_cropped"
    (stage,) = plan_of(align=ALIGN | {"policy": "fail"}).align_stages("faces")
    with pytest.raises(DataError, match=r"no face was found in people/s1/9\.png"):
        execute(stage)


def test_a_killed_shard_goes_on_after_its_last_batch_to_the_same_bytes(here, tmp_path):
    draw_orl(Path("people"), people=3, each=6)
    (stage,) = plan_of(align=ALIGN).align_stages("faces")
    execute(stage)
    undisturbed = content(Path("results"))
    for file in Path(stage.folder).iterdir():
        file.unlink()
    Finder.left = 10
    with pytest.raises(Killed):
        execute(stage)
    assert not Path(stage.path("manifest.json")).exists()
    Finder.left = 18 - 8  # two batches of four were kept
    execute(stage)
    assert Finder.left == 0 and content(Path("results")) == undisturbed


def test_what_was_kept_for_other_settings_is_not_used():
    draw_orl(Path("people"), people=3, each=6)
    Finder.left = 10
    with pytest.raises(Killed):
        execute(plan_of(align=ALIGN).align_stages("faces")[0])
    Finder.left = 18
    execute(plan_of(align=ALIGN | {"policy": "fail"}).align_stages("faces")[0])
    assert Finder.left == 0


def test_a_shard_leaves_before_its_time_is_over():
    draw_orl(Path("people"), people=3, each=6)
    (stage,) = plan_of(align=ALIGN).align_stages("faces")
    with pytest.raises(OutOfTime):
        execute(replace(stage, ends=0.0))
    Finder.left = 18 - 4
    execute(stage)
    assert Finder.left == 0


def test_without_facenet_pytorch_one_message_names_the_extra(monkeypatch):
    from lifelong.faces.detect import Detector

    draw_orl(Path("people"))
    monkeypatch.setattr(align_faces, "Detector", Detector)
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(UserError, match=r"pip install 'lifelong\[faces\]'"):
        execute(plan_of(align=ALIGN).align_stages("faces")[0])


def test_photographs_that_changed_after_alignment_are_noticed():
    draw_orl(Path("people"), people=2, each=4)
    plan = plan_of(align=ALIGN)
    execute(plan.align_stages("faces")[0])
    draw(Path("people"), "s1/9.png")
    with pytest.raises(DamagedFile, match="was aligned from other photographs") as error:
        execute(plan.pack_stage("faces"))
    assert error.value.remove == "results/toy/align_faces/faces"


def test_a_class_without_any_face_is_named():
    draw_orl(Path("people"), people=2, each=4)
    for i in range(1, 5):
        Image.new("RGB", (40, 40), (9, 9, 9)).save(f"people/s2/{i}.png")
    with pytest.raises(DataError, match="no usable picture of class s2"):
        packed(plan_of(align=ALIGN))


def test_prealigned_pictures_are_packed_as_they_are_and_nothing_is_searched(monkeypatch):
    monkeypatch.setattr(Finder, "left", 0)
    draw_orl(Path("people"), people=2, each=4)
    task = read_task(packed(plan_of(prealigned=True, image_size=24)), None, None)
    pixels = np.asarray(Image.open("people/s1/1.png")).transpose(2, 0, 1)
    assert any(np.array_equal(image, pixels) for image in task.images[task.labels == 0])


def test_published_splits_and_the_order_of_classes_are_kept():
    names = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    draw_splits(Path("fer"), ("train", "validation", "test"), names, each=2)
    plan = plan_of(source="fer2013", root="fer", prealigned=True, image_size=24)
    task = read_task(packed(plan), None, None)
    assert task.classes == names
    assert np.bincount(task.split).tolist() == [14, 14, 14]


def test_without_a_validation_split_one_is_cut_from_the_training_pictures():
    draw_splits(Path("set"), ("train", "val"), ("a", "b"), each=10)
    plan = plan_of(source="class_folders", root="set", prealigned=True, image_size=24)
    assert np.bincount(read_task(packed(plan), None, None).split).tolist() == [16, 4, 20]


def test_a_fold_is_tested_and_the_others_are_learned():
    header = "user_id original_image face_id age gender".replace(" ", "\t")
    for fold in range(5):
        rows = [f"u{fold}\t{i}.png\t1\t(0, 2)\t{'mf'[i % 2]}" for i in range(4)]
        text(Path(f"set/fold_{fold}_data.txt"), header, *rows)
        draw(Path("set"), *(f"aligned/u{fold}/landmark_aligned_face.1.{i}.png" for i in range(4)))
    faces = {"source": "adience", "root": "set", "labels": "gender", "fold": 2}
    task = read_task(packed(plan_of(**faces, prealigned=True, image_size=24)), None, None)
    tested = task.images[task.split == 2]
    pixels = np.asarray(Image.open("set/aligned/u2/landmark_aligned_face.1.0.png"))
    assert len(task.images) == 20 and len(tested) == 4 and task.classes == ("m", "f")
    assert any(np.array_equal(image, pixels.transpose(2, 0, 1)) for image in tested)


def test_a_class_keeps_at_most_so_many_of_every_split():
    draw_splits(Path("set"), ("train", "val"), ("a", "b"), each=10)
    faces = {"source": "class_folders", "root": "set", "prealigned": True, "image_size": 24}
    pack = packed(plan_of(**faces, per_class=5))
    first = pack.read_bytes()
    assert np.bincount(read_task(pack, None, None).split).tolist() == [8, 2, 10]
    assert packed(plan_of(**faces, per_class=5)).read_bytes() == first


def test_pairs_follow_their_images_into_the_pack():
    draw_lfw(Path("lfw"))
    faces = {"source": "lfw", "root": "lfw/images", "pairs": "lfw/pairs.txt"}
    images, pairs = read_pairs(packed(plan_of("people", **faces, prealigned=True, image_size=24)))
    assert pairs[:, 2].tolist() == [1, 1, 0, 0] * 2 and pairs[:, 3].tolist() == [0] * 4 + [1] * 4

    def read(name: str) -> np.ndarray:
        return np.asarray(Image.open(f"lfw/images/{name[:2]}/{name}.png")).transpose(2, 0, 1)

    assert np.array_equal(images[pairs[1, 0]], read("P1_0001"))
    assert np.array_equal(images[pairs[1, 1]], read("P1_0003"))
    assert np.array_equal(images[pairs[7, 0]], read("P2_0002"))
    assert np.array_equal(images[pairs[7, 1]], read("P3_0003"))


def test_pairs_without_both_faces_are_counted_and_left_out():
    draw_lfw(Path("lfw"))
    Image.new("RGB", (40, 40), (9, 9, 9)).save("lfw/images/P0/P0_0002.png")
    faces = {"source": "lfw", "root": "lfw/images", "pairs": "lfw/pairs.txt"}
    _, pairs = read_pairs(packed(plan_of("people", **faces, align=ALIGN)))
    assert len(pairs) == 6 and pairs[:, 2].tolist() == [1, 0, 1, 1, 0, 0]
    outcome = store.read_manifest(Path("results/toy/pack_data/faces"))["outcome"]
    assert outcome["pairs"] == {"used": 6, "without both faces": 2}


def test_the_log_says_what_became_of_the_photographs(caplog):
    draw_orl(Path("people"), people=2, each=4)
    with caplog.at_level(logging.INFO, logger="lifelong"):
        execute(plan_of(align=ALIGN).align_stages("faces")[0])
    assert "8 photographs: 8 aligned" in caplog.text


def test_the_true_finder_finds_a_photographed_face(monkeypatch):
    from lifelong.faces.detect import Detector

    pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    pictures = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    monkeypatch.setattr(align_faces, "Detector", Detector)
    for name, image in (("astronaut", pictures.astronaut()), ("cat", pictures.chelsea())):
        Path("people", name).mkdir(parents=True)
        Image.fromarray(image).save(f"people/{name}/1.png")
    (stage,) = plan_of(align=ALIGN).align_stages("faces")
    execute(stage)
    assert [row["status"] for row in photos(stage)] == ["aligned", "no_face"]
    finder = store.read_manifest(Path(stage.folder))["outcome"]["finder"]
    assert finder.startswith("facenet-pytorch 2.5.3")
