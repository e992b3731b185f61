import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lifelong.data.images import Framing, decode, picture, planes
from lifelong.plan.errors import DataError

RED = np.array([[[255, 0, 0], [10, 20, 30]]], dtype=np.uint8)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def test_planes_are_the_pixels(tmp_path):
    image = decode(saved(tmp_path / "a.png", RED))
    assert planes(image, None, 3, "a").tolist() == [[[255, 10]], [[0, 20]], [[0, 30]]]


def test_grey_fills_three_channels_and_colour_does_not_fit_one(tmp_path):
    grey = decode(saved(tmp_path / "g.png", np.array([[1, 2]], dtype=np.uint8)))
    assert planes(grey, None, 3, "g").tolist() == [[[1, 2]]] * 3
    with pytest.raises(DataError, match=r"c\.png is in colour"):
        planes(decode(saved(tmp_path / "c.png", RED)), None, 1, "c.png")


def test_grey_saved_as_colour_fits_one_channel(tmp_path):
    path = saved(tmp_path / "g.png", np.full((2, 2, 3), 7, dtype=np.uint8))
    assert planes(decode(path), None, 1, "g").tolist() == [[[7, 7], [7, 7]]]


def test_picture_turns_colour_to_grey_and_resizes(tmp_path):
    path = saved(tmp_path / "c.png", np.full((5, 9, 3), (255, 0, 0), dtype=np.uint8))
    # ITU-R 601: 0.299 of full red is 76
    assert picture(path, Framing(4, 1)).tolist() == [[[76] * 4] * 4]
    assert picture(path, Framing(4, 3)).shape == (3, 4, 4)


def test_alpha_is_dropped_only_where_opaque(tmp_path):
    opaque = np.concatenate([RED, np.full((1, 2, 1), 255, np.uint8)], axis=2)
    assert np.array_equal(np.asarray(decode(saved(tmp_path / "o.png", opaque))), RED)
    opaque[0, 1, 3] = 254
    with pytest.raises(DataError, match=r"t\.png is transparent"):
        decode(saved(tmp_path / "t.png", opaque))


def test_transparent_palette_is_refused(tmp_path):
    Image.new("P", (2, 2), 0).save(tmp_path / "p.png", transparency=0)
    with pytest.raises(DataError, match="transparent"):
        decode(tmp_path / "p.png")


def test_sixteen_bits_are_refused(tmp_path):
    path = saved(tmp_path / "deep.png", np.array([[70, 40000]], dtype=np.uint16))
    with pytest.raises(DataError, match="8 bits"):
        decode(path)


def chunk(name: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def deep_png(kind: int, channels: int) -> bytes:
    """2x2 pixels of 16 bits per channel, all of them dark: their high bytes are below 4."""
    line = b"\0" + b"\x03\xe8" * 2 * channels
    head = struct.pack(">IIBBBBB", 2, 2, 16, kind, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(line * 2)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deep_tiff(channels: int) -> bytes:
    """2x2 pixels of 16 bits per channel, one strip."""
    short, long = 3, 4
    pixels, bits = b"\xe8\x03" * 4 * channels, struct.pack("<H", 16) * channels
    after = 8 + 2 + 9 * 12 + 4
    tags = [(256, short, 1, 2), (257, short, 1, 2), (258, short, channels, after)]
    tags += [(259, short, 1, 1), (262, short, 1, 2), (273, long, 1, after + len(bits))]
    tags += [(277, short, 1, channels), (278, short, 1, 2), (279, long, 1, len(pixels))]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + struct.pack("<I", 0) + bits + pixels


DEEP = {
    "grey.png": deep_png(0, 1),
    "colour.png": deep_png(2, 3),
    "opaque.png": deep_png(6, 4),
    "colour.ppm": b"P6\n2 2\n65535\n" + b"\x03\xe8" * 12,
    "text.ppm": b"P3\n2 2\n1023\n" + b"17 18 19 " * 4,
    "grey.pgm": b"P5\n2 2\n1023\n" + b"\x03\xe8" * 4,
    "colour.tif": deep_tiff(3),
}


@pytest.mark.parametrize("name", DEEP)
def test_more_than_8_bits_are_refused_whatever_pillow_would_make_of_them(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(DEEP[name])
    with pytest.raises(DataError, match="more than 8 bits per channel"):
        decode(path)


def test_fewer_bits_are_read(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6\n1 1\n3\n" + b"\x03\x00\x03")
    assert np.asarray(decode(tmp_path / "a.ppm")).tolist() == [[[255, 0, 255]]]
    head = struct.pack("<2sIHHI", b"BM", 58, 0, 0, 54)
    size = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 16, 0, 4, 0, 0, 0, 0)
    (tmp_path / "a.bmp").write_bytes(head + size + b"\xff\x7f\0\0")  # five bits per channel
    assert np.asarray(decode(tmp_path / "a.bmp")).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("kind", ["webp", "tiff", "png"])
def test_several_pictures_in_one_file_are_refused(tmp_path, kind):
    frames = [Image.new("RGB", (4, 4), (shade, 0, 0)) for shade in (10, 200)]
    frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=rf"a\.{kind} holds 2 pictures: save the one you want"):
        decode(tmp_path / f"a.{kind}")


def test_a_telephones_photograph_with_a_preview_is_its_first_picture(tmp_path):
    frames = [Image.new("RGB", (size, size), (200, 0, 0)) for size in (8, 4)]
    frames[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:])
    assert decode(tmp_path / "a.jpg").size == (8, 8)


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    path = saved(tmp_path / "e.png", np.array([[1, 2]], dtype=np.uint8), exif=exif)
    assert np.asarray(decode(path)).tolist() == [[1], [2]]


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow on cut TIFF tags
@pytest.mark.parametrize("kind", ["png", "jpg", "bmp", "webp", "ppm", "tiff"])
def test_cut_file_is_refused_by_name(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    path = saved(tmp_path / f"cut.{kind}", noise)
    whole, pixels = path.read_bytes(), np.asarray(decode(path))
    refused = 0
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            # only closing bytes may be missing: every pixel is there
            assert np.array_equal(np.asarray(decode(path)), pixels)
        except DataError as error:
            assert f"cut.{kind} cannot be read" in str(error)
            refused += 1
    assert refused > len(whole) * 0.6


def test_missing_file_and_text_are_refused(tmp_path):
    (tmp_path / "t.png").write_text("no picture")
    for name in ("t.png", "absent.png"):
        with pytest.raises(DataError, match=name):
            decode(tmp_path / name)


@pytest.mark.parametrize("limit", [60, 30])
def test_decompression_bomb_is_refused(tmp_path, monkeypatch, limit):
    path = saved(tmp_path / "bomb.png", np.zeros((10, 10), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)  # 100 pixels warn above 60, fail above 30
    with pytest.raises(DataError, match=r"bomb\.png has too many pixels"):
        decode(path)
