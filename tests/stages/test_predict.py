"""Photographs to answers: what a task sees of a face is what it was trained on."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from bad_input.image_cases import png
from face_trees import draw_orl, draw_splits, draw_utkface
from PIL import Image
from toy_experiment import toy_config

from lifelong import store
from lifelong.cli import main
from lifelong.data.pack import read_task
from lifelong.faces.align import TEMPLATE
from lifelong.faces.detect import NO_FACES, Faces
from lifelong.faces.pairs import CONVENTIONS
from lifelong.faces.photos import align
from lifelong.masks.layout import part_from
from lifelong.masks.shard import PREALIGNED, UNKNOWN
from lifelong.plan.config import check
from lifelong.plan.stages import Plan
from lifelong.stages import align_faces, predict
from lifelong.stages.driver import run_experiment
from lifelong.stages.pictures import classify
from lifelong.stages.shards import finished_model

SIDE = 24
OPTIONS = {"image_size": SIDE}
DATASETS = {
    "people": OPTIONS
    | {"source": "identity_folders", "root": "people", "align": {"preset": "facenet_160"}},
    "genders": OPTIONS
    | {"source": "utkface", "root": "utk", "labels": "gender", "prealigned": True},
    "moods": OPTIONS | {"source": "class_folders", "root": "moods", "prealigned": True},
}
TASKS = [
    {"name": "who", "dataset": "people"},
    {"name": "gender", "dataset": "genders"},
    {"name": "mood", "dataset": "moods"},
]
BOXES = np.array([(10.0, 20.0, 10.0 + SIDE, 20.0 + SIDE), (50.5, 30, 70, 65.25)])
MODEL = "results/toy/cpg/s0"


class Finder:
    """Two faces where the first pixel is white, none where it is black, else one."""

    name = "a finder"

    def __init__(self, device: str = "cpu") -> None:
        pass

    def detect(self, images):
        return [self._faces(image[0, 0].tolist()) for image in images]

    def _faces(self, corner: list[int]) -> Faces:
        count = {(0, 0, 0): 0, (255, 255, 255): 2}.get(tuple(corner), 1)
        points = np.stack([TEMPLATE] * count) if count else NO_FACES.landmarks
        return Faces(BOXES[:count], np.array([0.99, 0.75])[:count], points)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory) -> Path:
    """A folder with a model of three tasks of faces, the first aligned here."""
    folder = tmp_path_factory.mktemp("faces")
    draw_orl(folder / "people")
    draw_utkface(folder / "utk", (5, 30), each=6)
    draw_splits(folder / "moods", ("train", "val"), ("glad", "sad"), each=10)
    goals = {"policy": "given", "given": {"who": 0.1, "gender": 0.1, "mood": 0.1}}
    few = {"epochs": 2, "lr": 0.01}
    config = toy_config(["cpg"], datasets=DATASETS, tasks=TASKS, goals=goals)
    config |= {"train": few | {"min_train_accuracy": 0.0}, "baseline": few}
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(align_faces, "Detector", Finder)
        run_experiment(Plan(check(config)))
    return folder


@pytest.fixture
def here(experiment, monkeypatch) -> Path:
    monkeypatch.chdir(experiment)
    monkeypatch.setattr(predict, "Detector", Finder)
    return experiment


def photo(path: Path, corner: int = 9, size: tuple[int, int] = (120, 80), mode: str = "RGB"):
    """A photograph of noise with a given first pixel."""
    noise = np.random.default_rng(len(path.name)).integers(1, 255, (size[1], size[0], 3), np.uint8)
    noise[0, 0] = corner
    Image.fromarray(noise).convert(mode).save(path)
    return path


def document(capsys, *command: object, code: int = 0) -> dict:
    """What `predict --json` prints."""
    capsys.readouterr()
    assert main(["predict", *map(str, command), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def shares(face: dict, task: str) -> dict[str, float]:
    return {one["class"]: one["probability"] for one in face["tasks"][task]["classes"]}


def test_every_task_answers_for_every_face(here, capsys, tmp_path):
    found = document(capsys, MODEL, photo(tmp_path / "a.png", 255), photo(tmp_path / "b.png"))
    assert [len(one["faces"]) for one in found["photographs"]] == [2, 1]
    first, second = found["photographs"][0]["faces"]
    assert (first["box"], first["probability"]) == ([10, 20, 34, 44], 0.99)
    assert second["box"] == [50.5, 30, 70, 65.25]
    classes = {"who": 3, "gender": 2, "mood": 2}
    for face in (first, second):
        assert {name: len(shares(face, name)) for name in face["tasks"]} == classes
        for name in classes:
            values = list(shares(face, name).values())
            assert sum(values) == pytest.approx(1, abs=1e-5)
            assert values == sorted(values, reverse=True)
    assert [task["alignment"] for task in found["tasks"]] == ["facenet_160", *[PREALIGNED] * 2]
    assert found["finder"] == "a finder" and found["gallery"] is None


def test_an_aligned_task_sees_just_what_it_was_tested_on(here, capsys):
    """The photographs of the test split get the logits that `infer` wrote."""
    pack = read_task(Path("results/toy/pack_data/people/pack.h5"), None, None)
    logits, _ = store.read_arrays(Path(f"{MODEL}/01-who/infer/logits.h5"))
    aligned, _ = store.read_arrays(Path("results/toy/align_faces/people/001/faces.h5"))
    paths = sorted(Path("people").glob("*/*.png"))
    assert len(aligned["images"]) == len(paths) == len(pack.images)
    found = document(capsys, MODEL, *paths, "--tasks", "who")["photographs"]
    tested = [one["faces"][0] for one, split in zip(found, pack.split, strict=True) if split == 2]
    assert len(tested) == len(logits["001"]) > 2
    for face, wanted in zip(tested, logits["001"].astype(float), strict=True):
        expected = np.exp(wanted) / np.exp(wanted).sum()
        mine = [shares(face, "who")[name] for name in ("s1", "s2", "s3")]
        assert mine == pytest.approx(expected, abs=1e-5)


def test_a_task_of_ready_faces_sees_the_box_and_its_margin(here, capsys, tmp_path):
    """A face pasted into a photograph, and cut out without a margin, is the face."""
    face = Path("utk/images/30-1-0.png")
    large = Image.open(photo(tmp_path / "large.png"))
    large.paste(Image.open(face), (10, 20))
    large.save(tmp_path / "large.png")
    asked = (MODEL, tmp_path / "large.png", "--tasks", "gender,mood")
    (found,) = document(capsys, *asked, "--margin", 0)["photographs"][0]["faces"]
    (alone,) = document(capsys, MODEL, face, "--whole")["photographs"][0]["faces"]
    assert shares(found, "gender") == shares(alone, "gender")
    assert shares(found, "mood") == shares(alone, "mood")
    (grown,) = document(capsys, *asked)["photographs"][0]["faces"]
    pixels = np.asarray(large)[int(20 - 0.15 * SIDE) :, int(10 - 0.15 * SIDE) :]
    side = int(10 + 1.15 * SIDE) - int(10 - 0.15 * SIDE)
    cut = Image.fromarray(pixels[:side, :side]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    cut.save(tmp_path / "cut.png")
    (alone,) = document(capsys, MODEL, tmp_path / "cut.png", "--whole")["photographs"][0]["faces"]
    assert shares(grown, "gender") == shares(alone, "gender")


def test_a_face_is_cut_out_once_for_tasks_that_agree(here, capsys, tmp_path, monkeypatch):
    cuts = []

    def counted(name, pixels, faces, how):
        cuts.append(how.geometry)
        return align(name, pixels, faces, how)

    monkeypatch.setattr(predict, "align", counted)
    document(capsys, MODEL, photo(tmp_path / "a.png"))
    assert sorted(cuts) == ["margin", "proportional"]  # three tasks, two of them alike


def test_a_photograph_is_searched_once(here, capsys, tmp_path, monkeypatch):
    seen = []

    class Counting(Finder):
        def detect(self, images):
            seen.extend(images)
            return super().detect(images)

    monkeypatch.setattr(predict, "Detector", Counting)
    document(capsys, MODEL, *[photo(tmp_path / f"{i}.png") for i in range(3)])
    assert len(seen) == 3


def test_the_order_of_photographs_and_their_number_do_not_matter(
    here, capsys, tmp_path, monkeypatch
):
    photos = [photo(tmp_path / f"{'x' * i}.png", 255) for i in range(1, 6)]
    together = document(capsys, MODEL, *photos)["photographs"]
    monkeypatch.setattr(predict, "_BATCH", 2)
    assert document(capsys, MODEL, *photos)["photographs"] == together
    for path, wanted in zip(photos, together, strict=True):
        (alone,) = document(capsys, MODEL, path)["photographs"]
        assert alone["path"] == wanted["path"]
        for one, other in zip(alone["faces"], wanted["faces"], strict=True):
            assert shares(one, "who") == pytest.approx(shares(other, "who"), abs=1e-5)


def spoil(folder: Path) -> dict[str, str]:
    """Photographs of which nothing good can be said, and what must be said."""
    photo(folder / "nobody.png", 0)
    photo(folder / "tiny.png", size=(19, 60))
    (folder / "bomb.png").write_bytes(png(10_000))
    whole = photo(folder / "whole.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "zero.png").touch()
    (folder / "text.jpg").write_text("no picture")
    (folder / "folder.png").mkdir()
    odd = os.fsdecode(bytes(folder / "latin-") + b"\xe9.png")
    photo(folder / "whole.png")
    Path(odd).write_bytes((folder / "whole.png").read_bytes())
    return {
        "nobody.png": "no_face",
        "tiny.png": "too_small",
        "bomb.png": "too_large",
        "truncated.jpg": "unreadable",
        "zero.png": "unreadable",
        "text.jpg": "unreadable",
        "folder.png": "unreadable",
        odd: "bad_name",
        "absent.png": "missing",
    }


def test_bad_photographs_have_a_row_and_the_others_go_on(here, capsys, tmp_path):
    wanted = spoil(tmp_path)
    good = [photo(tmp_path / "grey.png", mode="L"), photo(tmp_path / "clear.png", mode="RGBA")]
    bad = [tmp_path / name for name in wanted]
    found = document(capsys, MODEL, *bad, *good)["photographs"]
    assert [one["status"] for one in found] == [*wanted.values(), "read", "read"]
    assert [len(one["faces"]) for one in found] == [0] * len(bad) + [1, 1]
    silent = {"no_face", "read"}
    assert all(bool(one["why"]) != (one["status"] in silent) for one in found)
    assert all(one["path"].isprintable() for one in found)
    assert main(["predict", MODEL, *map(str, [*bad, *good])]) == 0
    said = capsys.readouterr()
    assert f"{tmp_path}/nobody.png: no_face" in said.out.splitlines()
    assert f"{tmp_path}/absent.png: missing (there is no such file)" in said.out.splitlines()
    assert said.err == ""


def test_without_one_face_the_exit_code_says_so(here, capsys, tmp_path):
    bad = [tmp_path / name for name in spoil(tmp_path)]
    assert document(capsys, MODEL, *bad, code=1)["photographs"][0]["faces"] == []
    assert main(["predict", MODEL, *map(str, bad)]) == 1
    said = capsys.readouterr()
    assert said.err == "Error: no face in any of 9 photographs\n"
    assert len(said.out.splitlines()) == 9


def test_boxes_are_those_of_the_upright_photograph(here, capsys, tmp_path):
    path = photo(tmp_path / "upright.png", size=(120, 90))
    turned = Image.open(path).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(tmp_path / "turned.png", exif=exif)
    found = document(capsys, MODEL, path, tmp_path / "turned.png")["photographs"]
    assert turned.size == (90, 120)
    upright, other = ({**one, "path": ""} for one in found)
    assert upright == other and (upright["width"], upright["height"]) == (120, 90)


def test_text_tells_the_best_three_in_percent(here, capsys, tmp_path):
    path = photo(tmp_path / "a.png", 255)
    (found,) = document(capsys, MODEL, path)["photographs"]
    assert main(["predict", MODEL, str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: 2 faces" and len(lines) == 1 + 2 * 4
    assert lines[1] == "  face 1: box 10 20 34 44, probability 0.9900"
    best = [f"{n} ({100 * p:.1f} %)" for n, p in shares(found["faces"][0], "who").items()]
    assert lines[2] == f"    who     {', '.join(best)}"
    assert lines[3].startswith("    gender  ")


def test_whole_pictures_are_classified_as_infer_does_and_nothing_is_searched(
    here, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(predict, "Detector", None)
    pictures = [photo(tmp_path / "a.png"), photo(tmp_path / "b.png", mode="L")]
    pictures.append(photo(tmp_path / "small.png", size=(7, 5)))
    found = document(capsys, MODEL, *pictures, "--whole")
    assert found["finder"] is None
    for name in ("who", "mood"):
        for one, (_, wanted) in zip(
            found["photographs"], classify(Path(MODEL), name, pictures, 9), strict=True
        ):
            (face,) = one["faces"]
            assert face["box"] is None and face["probability"] is None
            assert list(shares(face, name).items()) == [
                (label, pytest.approx(share, abs=1e-5)) for label, share in wanted
            ]
    assert main(["predict", MODEL, str(pictures[0]), "--whole"]) == 0
    assert capsys.readouterr().out.startswith(f"{pictures[0]}: the whole picture\n    who ")


def make_gallery(folder: Path) -> tuple[Path, Path]:
    """A photograph, and a gallery in which the same is of one of two people."""
    for name in ("ann", "bob"):
        (folder / "gallery" / name).mkdir(parents=True)
    path = photo(folder / "mine.png")
    (folder / "gallery/ann/1.png").write_bytes(path.read_bytes())
    photo(folder / "gallery/bob/another.png", 255)
    photo(folder / "gallery/bob/nobody.png", 0)
    return path, folder / "gallery"


def test_a_gallery_tells_who_it_is(here, capsys, tmp_path):
    path, gallery = make_gallery(tmp_path)
    asked = (MODEL, path, "--gallery", gallery, "--identity", "who")
    found = document(capsys, *asked, "--threshold", 0.01)
    (face,) = found["photographs"][0]["faces"]
    who = face["tasks"]["who"]
    assert (who["person"], who["distance"], who["below"]) == (
        "ann",
        pytest.approx(0, abs=1e-3),
        True,
    )
    assert [one["person"] for one in who["people"]] == ["ann", "bob"] and len(who["classes"]) == 3
    assert "people" not in face["tasks"]["gender"]
    assert found["gallery"]["people"] == {"ann": 1, "bob": 1}
    assert (found["gallery"]["task"], found["gallery"]["distance"]) == ("who", "cpg")
    unused = [(Path(one["path"]).name, one["status"]) for one in found["gallery"]["unused"]]
    assert unused == [("nobody.png", "no_face")]
    assert document(capsys, *asked)["photographs"][0]["faces"][0]["tasks"]["who"]["below"] is None
    none = document(capsys, *asked, "--threshold", 0)["photographs"][0]["faces"][0]["tasks"]["who"]
    assert none["below"] is False and none["person"] == "ann"


def test_a_gallery_in_words(here, capsys, tmp_path):
    path, gallery = make_gallery(tmp_path)
    asked = ["predict", MODEL, str(path), "--gallery", str(gallery), "--identity", "who"]
    said = []
    for more in ([], ["--threshold", "1e-3"], ["--threshold", "0"]):
        assert main([*asked, *more]) == 0
        printed = capsys.readouterr()
        assert printed.err == f"not used of the gallery: {gallery}/bob/nobody.png: no_face\n"
        said.append(printed.out.splitlines()[2].split(maxsplit=1)[1])
    assert said[0].startswith("ann (distance 0.000), bob (distance ")
    assert said[1] == f"ann below 0.001: {said[0]}"
    assert said[2] == f"nobody below 0: {said[0]}"


def test_distances_are_measured_as_the_task_compared_its_pairs(here, capsys, tmp_path, monkeypatch):
    """PAE's: mirror images count and the mean of the gallery is taken off."""
    path, gallery = make_gallery(tmp_path)
    real = store.read_manifest

    def told(folder: Path):
        manifest = real(folder)
        if str(folder).endswith("01-who/infer"):
            manifest["spec"]["pairs"] = {"dataset": "lfw", "distance": "pae"}
        return manifest

    monkeypatch.setattr(predict.store, "read_manifest", told)
    found = document(capsys, MODEL, path, "--gallery", gallery)
    who = found["photographs"][0]["faces"][0]["tasks"]["who"]
    assert found["gallery"]["distance"] == "pae" and CONVENTIONS["pae"].centred
    people = {one["person"]: one["distance"] for one in who["people"]}
    assert people == {"ann": pytest.approx(0, abs=1e-3), "bob": pytest.approx(1, abs=1e-3)}


def test_a_gallery_of_whole_pictures(here, capsys, tmp_path, monkeypatch):
    path, gallery = make_gallery(tmp_path)
    monkeypatch.setattr(predict, "Detector", None)
    found = document(capsys, MODEL, path, "--gallery", gallery, "--identity", "who", "--whole")
    assert found["gallery"]["people"] == {"ann": 1, "bob": 2}
    assert found["photographs"][0]["faces"][0]["tasks"]["who"]["person"] == "ann"


def test_of_a_gallerys_picture_the_most_central_face_counts(here, capsys, tmp_path):
    """bob's picture shows two, and the photograph is of the second of them."""
    path = photo(tmp_path / "mine.png", size=(130, 96))
    (tmp_path / "gallery/bob").mkdir(parents=True)
    double = Image.open(path)
    double.putpixel((0, 0), (255, 255, 255))
    double.save(tmp_path / "gallery/bob/1.png")
    both = document(capsys, MODEL, tmp_path / "gallery/bob/1.png", "--tasks", "who")
    one = document(
        capsys,
        MODEL,
        tmp_path / "gallery/bob/1.png",
        "--tasks",
        "who",
        "--gallery",
        tmp_path / "gallery",
    )
    far = [face["tasks"]["who"]["distance"] for face in one["photographs"][0]["faces"]]
    assert len(both["photographs"][0]["faces"]) == 2
    assert far[1] == pytest.approx(0, abs=1e-3) and far[0] > 1e-3


def test_a_model_that_shares_layers_has_no_embeddings_to_compare(
    here, capsys, tmp_path, monkeypatch
):
    path, gallery = make_gallery(tmp_path)
    monkeypatch.setattr(predict, "TaskView", predict.Network)
    asked = ["predict", MODEL, str(path), "--gallery", str(gallery), "--identity", "mood"]
    assert main(asked) == 1
    assert "task mood of results/toy/cpg/s0 shares whole layers" in capsys.readouterr().err


def test_copies_are_drawn_of_photographs_with_faces(here, capsys, tmp_path):
    photos = [
        photo(tmp_path / "a.png", 255),
        photo(tmp_path / "b.jpg"),
        photo(tmp_path / "c.png", 0),
    ]
    found = document(capsys, MODEL, *photos, "--draw", tmp_path / "drawn")["photographs"]
    drawn = [one["copy"] and Path(one["copy"]).name for one in found]
    assert drawn == ["a-faces.png", "b-faces.jpg", None]
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == drawn[:2]
    with Image.open(tmp_path / "drawn/a-faces.png") as image:
        assert min(image.size) >= 500


def test_a_damaged_network_is_not_believed(here, capsys, tmp_path, monkeypatch):
    def broken(network, split, mean, std):
        return predict.torch.full((len(split.images), 3), np.nan)

    monkeypatch.setattr(predict, "logits", broken)
    assert main(["predict", MODEL, str(photo(tmp_path / "a.png"))]) == 1
    assert "the network of task who gives no numbers" in capsys.readouterr().err


def test_a_shard_of_before_framing_was_written_down_has_an_unknown_one(here):
    model, paths = finished_model(Path(MODEL))
    assert [part.card.alignment for part in model.shards] == ["facenet_160", *[PREALIGNED] * 2]
    arrays, attrs = store.read_arrays(paths[1])
    del attrs["card"]["alignment"]
    assert part_from(arrays, attrs).card.alignment == UNKNOWN


def test_the_default_margin_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert f"{predict.MARGIN} if not given" in " ".join(capsys.readouterr().out.split())


def test_a_photographed_face_is_found(here, capsys, tmp_path, monkeypatch):
    from lifelong.faces.detect import Detector

    pytest.importorskip("facenet_pytorch", reason="facenet-pytorch is not installed")
    pictures = pytest.importorskip("skimage.data", reason="scikit-image is not installed")
    monkeypatch.setattr(predict, "Detector", Detector)
    Image.fromarray(pictures.astronaut()).save(tmp_path / "astronaut.png")
    (found,) = document(capsys, MODEL, tmp_path / "astronaut.png")["photographs"]
    (face,) = found["faces"]
    assert face["box"] == pytest.approx([181.05, 62.16, 267.75, 172.05], abs=2)
    assert set(face["tasks"]) == {"who", "gender", "mood"}
