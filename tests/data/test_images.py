import numpy as np
import pytest
from PIL import Image

from lifelong.data.images import decode, picture, planes
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
    assert picture(path, 4, 1).tolist() == [[[76] * 4] * 4]
    assert picture(path, 4, 3).shape == (3, 4, 4)


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
