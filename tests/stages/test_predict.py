"""Photographs to answers: what a task sees of a face is what it was trained on."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from bad_input.image_cases import png
from PIL import Image
from predict_photos import MODEL, SIDE, Finder, document, photo, shares

import lifelong
from lifelong import store
from lifelong.cli import main
from lifelong.data.pack import read_task
from lifelong.faces.photos import align
from lifelong.masks.layout import part_from
from lifelong.plan.card import PREALIGNED, UNKNOWN
from lifelong.use import finished, predict, views
from lifelong.use.load import finished_model


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
    crops = [Image.fromarray(crop) for crop in aligned["images"][pack.split == 2]]
    task = lifelong.load(MODEL)["who"]
    with torch.inference_mode():
        outputs = task.network(torch.stack([task.transform(crop) for crop in crops]))
    assert torch.equal(outputs, torch.from_numpy(logits["001"]))


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

    monkeypatch.setattr(views, "align", counted)
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
    assert said.err == "Error: no face in any of 9 pictures\n"
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


def test_whole_pictures_are_classified_as_in_python_and_nothing_is_searched(
    here, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(predict, "Detector", None)
    pictures = [photo(tmp_path / "a.png"), photo(tmp_path / "b.png", mode="L")]
    pictures.append(photo(tmp_path / "small.png", size=(7, 5)))
    found = document(capsys, MODEL, *pictures, "--whole")
    assert found["finder"] is None
    model = lifelong.load(MODEL)
    for name in ("who", "mood"):
        wanted = model[name].predict(pictures)
        for one, expected in zip(found["photographs"], wanted, strict=True):
            (face,) = one["faces"]
            assert face["box"] is None and face["probability"] is None
            told = [shares(face, name)[label] for label in model[name].classes]
            assert told == [round(share, 6) for share in expected.probabilities.tolist()]
    assert main(["predict", MODEL, str(pictures[0]), "--whole"]) == 0
    assert capsys.readouterr().out.startswith(f"{pictures[0]}: the whole picture\n    who ")


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
        return torch.full((len(split.images), 3), np.nan)

    monkeypatch.setattr(finished, "logits", broken)
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
