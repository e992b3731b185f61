"""The one way a file comes into being: temporary file, fsync, rename."""

import contextlib
import errno
import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blake3 import blake3

from lifelong.plan.errors import DamagedFile, UserError

_BLOCK = 1 << 20
_OF_THE_FILE = (  # what lies at a path, or its name, not the machine
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR),
    *(errno.ELOOP, errno.ENAMETOOLONG),
)
_LASTING = (errno.EACCES, errno.EPERM)  # until a person changes them
_NUMBER_OF_HDF5 = re.compile(r"\berrno = (\d+)")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on any error it is gone.

    The temporary name carries the machine and the process id, so two writers never share one.
    What a killed writer of the same file left is removed first.
    Raises UserError where the disk is full or the machine refuses otherwise.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        drop_leftovers(path.parent, path.name)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except (OSError, RuntimeError) as error:  # RuntimeError is one of HDF5's ways to say it
        number = refusal(error)
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(
                f"no space left to write {path}: free some, then type the same command"
            ) from error
        if number is not None:
            raise UserError(f"cannot write {path}: {os.strerror(number)}") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def drop_leftovers(folder: Path, name: str = "") -> None:
    """Remove temporary files that killed processes of this machine left, of one file or of all."""
    machine = f".{os.uname().nodename}."
    for path in Path(folder).glob(".*.tmp"):
        written, separator, number = path.name[1:-4].rpartition(machine)
        mine = separator and number.isdecimal() and (not name or written == name)
        if mine and not _alive(int(number)):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> str:
    """Write `text` as UTF-8; returns the digest of the file."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode())
    return blake3(text.encode()).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds a mapping. Raises DamagedFile where it is missing or does not."""
    try:
        content = json.loads(Path(path).read_text())
    except FileNotFoundError as error:
        raise DamagedFile.missing(path) from error
    except OSError as error:
        raise_if_refused(error, path)
        raise
    except ValueError as error:  # UnicodeDecodeError too
        raise DamagedFile(path, f"is damaged ({error})") from error
    if not isinstance(content, dict):
        raise DamagedFile(path, "is damaged (no mapping)")
    return content


def digest(path: Path) -> str:
    """The BLAKE3 of a file, in hex: five times as fast as what hashlib has.

    Raises UserError where the machine refuses: then the file is not known to be damaged.
    """
    state = blake3()
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                state.update(block)
    except OSError as error:
        raise_if_refused(error, path)
        raise
    return state.hexdigest()


def raise_if_refused(error: Exception, path: Path) -> None:
    """Raise UserError where the machine refused to read: the file must not be deleted for that."""
    number = refusal(error)
    if number is not None:
        again = "" if number in _LASTING else "; type the same command"
        raise UserError(f"cannot read {path}: {os.strerror(number)}{again}") from error


def refusal(error: Exception) -> int | None:
    """What the machine refused (space, rights, locks, its disk), or None: then it is the file.

    HDF5 tells the number in its message only, where it fails late or in looking up a name.
    """
    said = _NUMBER_OF_HDF5.search(str(error))
    number = getattr(error, "errno", None) or (int(said[1]) if said else 0)
    return None if not number or number in _OF_THE_FILE else number


def digest_once(path: Path) -> str:
    """`digest`, computed once a process for a file that stays as it is."""
    status = Path(path).stat()
    return _digest_of(str(path), status.st_ino, status.st_mtime_ns, status.st_size)


@functools.cache
def _digest_of(path: str, *_status: int) -> str:
    return digest(Path(path))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return process != os.getpid()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
