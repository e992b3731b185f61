"""One picture file to uint8 planes, refusing whatever could not be kept faithfully."""

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from lifelong import store
from lifelong.plan.errors import DataError

_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "PPM", "TIFF")
_JPEG = b"\xff\xd8\xff"
_ORIENTATION = 0x0112  # in EXIF
_DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_ONE_AT_A_TIME = Lock()
_RAW_BITS = re.compile(r";(\d+)")  # in Pillow's raw modes, such as RGB;16B
_ONE_PICTURE = ("JPEG", "MPO", "BMP", "PPM")  # JPEGs of telephones carry previews and depth maps


class BadPicture(DataError):
    """A file that cannot be used as a picture, as one that was cut short."""

    def __init__(
        self, name: str, why: str = "cannot be read as a picture: mend or remove it"
    ) -> None:
        super().__init__(f"{name} {why}")
        self.name = name


@dataclass(frozen=True)
class Framing:
    """How a picture becomes an image: a square of `side` pixels with 1 or 3 channels.

    `resize`: "exact" whatever its shape was; "short_side" first, then the centre; "never".
    `quality`: of the JPEG that it is kept as, which costs some of its pixels; 0: it is not.
    """

    side: int
    channels: int
    resize: str = "exact"
    quality: int = 0


def picture(path: Path, framing: Framing) -> np.ndarray:
    """A picture for a trained model, uint8 (channels, side, side), as its pack would have it.

    Colour becomes grey for a model of one channel; packs refuse that. Raises DataError.
    """
    image = decode(path)
    if framing.quality and own_jpeg(path, framing) is not None:
        return planes(image, None, framing.channels, str(path))
    return seen(image, framing, str(path))


def seen(image: Image.Image, framing: Framing, name: str) -> np.ndarray:
    """A picture of mode L or RGB for a trained model, as `picture` gives it."""
    return framed(image.convert("L") if framing.channels == 1 else image, framing, name)


def framed(image: Image.Image, framing: Framing, name: str) -> np.ndarray:
    """A picture of mode L or RGB as uint8 (channels, side, side); see `planes`."""
    if framing.quality:
        return of_jpeg(as_jpeg(image, framing, name), framing.channels, name)
    return planes(fitted(image, framing, name), None, framing.channels, name)


def as_jpeg(image: Image.Image, framing: Framing, name: str) -> bytes:
    """The picture, framed, as the bytes of a JPEG. Raises DataError where one channel is not."""
    image = fitted(image, framing, name)
    if framing.channels == 1 and image.mode != "L":
        image = Image.fromarray(planes(image, None, 1, name)[0])
    written = io.BytesIO()
    image.save(written, "JPEG", quality=framing.quality)
    return written.getvalue()


def of_jpeg(written: bytes, channels: int, name: str) -> np.ndarray:
    """Bytes of a JPEG of mode L or RGB as uint8 (channels, side, side)."""
    with Image.open(io.BytesIO(written), formats=("JPEG",)) as opened:
        return planes(opened, None, channels, name)


def own_jpeg(path: Path, framing: Framing) -> bytes | None:
    """The bytes of a file that is a JPEG as `as_jpeg` writes them, or None.

    They have to be of a picture that can be decoded.
    """
    whole = path.read_bytes()
    if not whole.startswith(_JPEG):
        return None
    with Image.open(io.BytesIO(whole), formats=_FORMATS) as opened:
        fits = opened.format == "JPEG" and opened.size == (framing.side, framing.side)
        modes = ("L",) if framing.channels == 1 else ("L", "RGB")
        upright = opened.getexif().get(_ORIENTATION, 1) == 1
        return whole if fits and upright and opened.mode in modes else None


def fitted(image: Image.Image, framing: Framing, name: str) -> Image.Image:
    """A picture of the size that the framing says, resized (bicubic) or cut where need be."""
    side = framing.side
    width, height = image.size
    if framing.resize == "never":
        if image.size != (side, side):
            raise DataError(f"{name} is {width}x{height} and should be {side}x{side}: replace it")
        return image
    target = (side, side)
    if framing.resize == "short_side":
        short = min(width, height)
        target = round(width * side / short), round(height * side / short)
    if image.size != target:
        image = image.resize(target, Image.Resampling.BICUBIC)
    if target == (side, side):
        return image
    left, top = ((length - side) // 2 for length in target)
    return image.crop((left, top, left + side, top + side))


def decode(path: Path) -> Image.Image:
    """A decoded picture of mode L or RGB, upright as its EXIF says.

    Raises DataError naming the file: unreadable, truncated, too large, transparent, of several
    frames, or deeper than 8 bits per channel.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise DataError(f"there is no picture file {path}: check its name")
        with _opened(path) as opened:
            return eight_bit(opened, str(path))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{path} has too many pixels: shrink or remove it ({error})") from error
    except DataError:
        raise
    except Exception as error:  # on broken bytes Pillow's readers raise TypeError and many others
        if isinstance(error, OSError) and store.refusal(error) is not None:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        raise BadPicture(str(path)) from error


def _opened(path: Path) -> Image.Image:
    """A picture file whose header has been read. Threads take turns: they share the filters."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=_FORMATS)


def eight_bit(image: Image.Image, name: str) -> Image.Image:
    """A picture that Pillow has opened, as `decode` returns it. Raises DataError naming it."""
    _check_kept_whole(image, name)
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            raise BadPicture(name, "is transparent: lay it on a background of your choice first")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def planes(image: Image.Image, image_size: int | None, channels: int, name: str) -> np.ndarray:
    """A picture of mode L or RGB as uint8 (channels, H, W), resized (bicubic) to a given size.

    Grey fits into three channels; colour into one is a DataError naming the picture.
    """
    if image_size is not None and image.size != (image_size, image_size):
        image = image.resize((image_size, image_size), Image.Resampling.BICUBIC)
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        return np.repeat(pixels[None], channels, axis=0)
    if channels == 3:
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))
    if not (pixels == pixels[..., :1]).all():
        raise DataError(f"{name} is in colour: set channels to 3, or convert it to grey first")
    return np.ascontiguousarray(pixels[None, ..., 0])


def _check_kept_whole(opened: Image.Image, name: str) -> None:
    """Raise DataError for what loading would cut: further frames, and bits beyond the eighth."""
    frames = 1 if opened.format in _ONE_PICTURE else getattr(opened, "n_frames", 1)
    if frames > 1:
        raise BadPicture(
            name, f"holds {frames} pictures: save the one you want as a file of its own"
        )
    # A BMP of raw mode BGR;15 has fewer than 8 bits per channel.
    tiles = () if opened.format == "BMP" else getattr(opened, "tile", ())
    if opened.mode in _DEEP_MODES or any(map(_deep, tiles)):
        raise BadPicture(name, "has more than 8 bits per channel: save it with 8 bits")


def _deep(tile: Any) -> bool:
    """Whether a tile, as Pillow is about to decode it, has more bits than the mode it opens as."""
    codec, _, _, args = tile
    args = args if isinstance(args, tuple) else (args,)
    if codec.startswith("ppm") and isinstance(args[-1], int):
        return args[-1] > 255
    modes = [value for value in args if isinstance(value, str)]
    return any(int(bits) > 8 for mode in modes for bits in _RAW_BITS.findall(mode))
