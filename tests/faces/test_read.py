"""Photographs as RGB; whatever is wrong with a file is a status, not an error."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lifelong.faces import read
from lifelong.faces.read import read_photo
from lifelong.faces.rows import Status

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture
def saved(tmp_path):
    def save(image: Image.Image, name: str, **options) -> Path:
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def test_colour_is_kept(saved):
    photo = read_photo(saved(Image.fromarray(PIXELS), "a.png"))
    assert photo.refused is None
    assert (photo.pixels == PIXELS).all()


def test_grey_becomes_three_equal_channels(saved):
    photo = read_photo(saved(Image.fromarray(PIXELS[..., 0]), "a.png"))
    assert (photo.pixels == PIXELS[..., :1]).all()
    assert photo.pixels.shape == PIXELS.shape


def test_exif_turns_the_picture(saved):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    photo = read_photo(saved(Image.fromarray(PIXELS), "a.png", exif=exif))
    assert (photo.pixels == np.rot90(PIXELS, -1)).all()


@pytest.mark.parametrize("alpha", [0, 128, 255])
def test_transparency_is_dropped(saved, alpha):
    layer = np.full((24, 32, 1), alpha, dtype=np.uint8)
    photo = read_photo(saved(Image.fromarray(np.concatenate([PIXELS, layer], axis=2)), "a.png"))
    assert (photo.pixels == PIXELS).all()


def test_a_palette_with_a_transparent_colour(saved):
    image = Image.fromarray(PIXELS).quantize(16)
    photo = read_photo(saved(image, "a.png", transparency=0))
    assert (photo.pixels == np.asarray(image.convert("RGB"))).all()


def test_cmyk_becomes_rgb(saved):
    image = Image.new("CMYK", (32, 24), (0, 255, 255, 0))  # red
    photo = read_photo(saved(image, "a.jpg", quality=100))
    assert np.abs(photo.pixels.astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_keep_their_range(saved, tmp_path, name):
    """A ramp over all of 16 bits becomes a ramp over all of 8, neither clipped nor wrapped."""
    ramp = np.linspace(0, 65535, 32).astype(np.uint16)
    rows = np.tile(ramp, (24, 1))
    if name == "a.pgm":  # which old versions of Pillow read but do not write
        (tmp_path / name).write_bytes(b"P5 32 24 65535\n" + rows.astype(">u2").tobytes())
    else:
        saved(Image.fromarray(rows), name)
    photo = read_photo(tmp_path / name)
    expected = np.rint(ramp / 257).astype(int)
    assert np.abs(photo.pixels[0, :, 0].astype(int) - expected).max() <= 1
    assert photo.pixels[0, 0, 0] == 0
    assert photo.pixels[0, -1, 0] == 255


@pytest.mark.parametrize(("mode", "why"), [("F", "fractions"), ("I", "16 bits")])
def test_deeper_pixels_are_refused(saved, mode, why):
    image = Image.new(mode, (32, 24), 70000)
    photo = read_photo(saved(image, "a.tif"))
    assert photo.refused == Status.UNREADABLE
    assert why in photo.why


def test_pictures_without_room_for_a_face(saved):
    path = saved(Image.new("RGB", (300, 19)), "a.png")
    assert read_photo(path).refused == Status.TOO_SMALL
    assert "300x19" in read_photo(path).why
    assert read_photo(saved(Image.new("RGB", (20, 20)), "b.png")).refused is None


def test_the_limit_of_pixels_is_checked_before_decoding(saved, monkeypatch):
    path = saved(Image.new("RGB", (100, 101)), "a.png")
    assert read_photo(path, max_pixels=10_100).refused is None
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert read_photo(path, max_pixels=10_099).refused == Status.TOO_LARGE


def test_a_bomb_is_refused_and_warns_nobody(saved, monkeypatch, recwarn):
    path = saved(Image.new("RGB", (100, 100)), "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 6000)  # a suspicion
    assert read_photo(path).refused is None
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)  # Pillow refuses twice that
    assert read_photo(path).refused == Status.TOO_LARGE
    assert not len(recwarn)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.webp", "a.tif", "a.ppm"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_files(saved, name, share):
    path = saved(Image.fromarray(PIXELS), name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    photo = read_photo(path)
    assert photo.refused == Status.UNREADABLE
    assert photo.why


@pytest.mark.parametrize("content", [b"", b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a"])
def test_what_is_no_picture(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    assert read_photo(tmp_path / "a.jpg").refused == Status.UNREADABLE


def test_folders_pipes_and_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    assert read_photo(tmp_path).refused == Status.UNREADABLE
    assert read_photo(tmp_path / "pipe.png").refused == Status.UNREADABLE
    assert read_photo(tmp_path / "no.png").refused == Status.MISSING
    assert read_photo(tmp_path / "loop.png").refused in (Status.MISSING, Status.UNREADABLE)
    assert read_photo(tmp_path / ("x" * 300)).refused is not None


@pytest.mark.parametrize("name", [b"\xff\xfe.png", b"two\nlines.png", b"tab\t.png"])
def test_names_no_table_could_hold(saved, tmp_path, name):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    saved(Image.fromarray(PIXELS), "a.png").rename(path)
    assert read_photo(path).refused == Status.BAD_NAME


def test_names_in_other_alphabets(saved):
    assert read_photo(saved(Image.fromarray(PIXELS), "Åsa Łucja 顔.png")).refused is None


def test_a_failing_disk_is_not_the_photographs_fault(saved, monkeypatch):
    path = saved(Image.fromarray(PIXELS), "a.png")

    def fail(*args, **options):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(read.Image, "open", fail)
    with pytest.raises(OSError, match="Input/output"):
        read_photo(path)


def test_a_forbidden_file_is(saved, monkeypatch):
    path = saved(Image.fromarray(PIXELS), "a.png")

    def fail(*args, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(read.Image, "open", fail)
    assert read_photo(path).refused == Status.UNREADABLE


def test_any_damage_is_a_status(saved):
    """Every byte of small files changed in turn: a picture or a refusal, never an error."""
    for name in ("a.png", "a.jpg", "a.tif", "a.webp"):
        path = saved(Image.fromarray(PIXELS[:20, :20]), name)
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            path.write_bytes(
                content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
            )
            photo = read_photo(path)
            assert (photo.pixels is None) == (photo.refused is not None)
