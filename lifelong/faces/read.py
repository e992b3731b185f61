"""One photograph as RGB pixels, upright; or why it is refused, so that no other suffers."""

import errno
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lifelong.faces.rows import Status

MIN_SIDE_PX = 20  # smaller pictures hold no face that MTCNN could find
MAX_PIXELS = 89_478_485  # where Pillow begins to suspect a bomb
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "PPM", "TIFF")  # none of them runs another program
_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_OF_THE_FILE = (
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM),
    *(errno.ELOOP, errno.ENAMETOOLONG),
)


@dataclass(frozen=True)
class Photo:
    """Pixels uint8 (H, W, 3); or, where it is refused, None, a status and the reason."""

    pixels: np.ndarray | None
    refused: Status | None = None
    why: str = ""


def read_photo(path: Path, min_side_px: int = MIN_SIDE_PX, max_pixels: int = MAX_PIXELS) -> Photo:
    """The photograph, or a refusal; a damaged file never raises.

    Grey and 16 bits become 8-bit RGB, transparency is dropped, CMYK converted, EXIF rotation
    applied. A disk that fails raises OSError: that says nothing about the photograph.
    """
    if not str(path).isprintable():
        return Photo(None, Status.BAD_NAME, "its name is no printable text: rename it")
    try:
        if not path.exists():
            return Photo(None, Status.MISSING, "there is no such file")
        if not path.is_file():  # a pipe would be waited for
            return Photo(None, Status.UNREADABLE, "not a file")
        return _decoded(path, min_side_px, max_pixels)
    except (Image.DecompressionBombError, _Refusal) as error:
        status = error.status if isinstance(error, _Refusal) else Status.TOO_LARGE
        return Photo(None, status, " ".join(str(error).split()))
    except MemoryError:
        raise
    except OSError as error:
        if error.errno is not None and error.errno not in _OF_THE_FILE:
            raise
        return Photo(None, Status.UNREADABLE, _reason(error))
    except Exception as error:  # on broken bytes Pillow's readers raise TypeError and many others
        return Photo(None, Status.UNREADABLE, _reason(error))


class _Refusal(Exception):
    def __init__(self, status: Status, why: str) -> None:
        super().__init__(why)
        self.status = status


def _decoded(path: Path, min_side_px: int, max_pixels: int) -> Photo:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd files; the limit is checked here
        with Image.open(path, formats=_FORMATS) as opened:
            width, height = opened.size
            if width * height > max_pixels:
                why = f"{width}x{height} is more than {max_pixels} pixels"
                raise _Refusal(Status.TOO_LARGE, why)
            if min(width, height) < min_side_px:
                why = f"{width}x{height} has a side under {min_side_px} pixels"
                raise _Refusal(Status.TOO_SMALL, why)
            opened.load()
            return Photo(np.asarray(_rgb(ImageOps.exif_transpose(opened))))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BITS:
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise _Refusal(Status.UNREADABLE, "more than 16 bits per pixel: save it with 8")
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise _Refusal(Status.UNREADABLE, "its pixels are fractions: save it with 8 bits")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, Image.UnidentifiedImageError):
        why = f"no picture of a known kind ({' '.join(_FORMATS)})"
    return " ".join(why.split())
