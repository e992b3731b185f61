"""Whose face it is: photographs against a gallery of people."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from predict_photos import MODEL, document, photo

from lifelong import store
from lifelong.cli import main
from lifelong.faces.pairs import CONVENTIONS
from lifelong.families import FAMILIES
from lifelong.use import predict


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
    without = replace(FAMILIES["masks"], embeds=False)
    monkeypatch.setitem(FAMILIES, "masks", without)
    asked = ["predict", MODEL, str(path), "--gallery", str(gallery), "--identity", "mood"]
    assert main(asked) == 1
    assert "task mood of results/toy/cpg/s0 shares whole layers" in capsys.readouterr().err
