"""What the machine refuses (space, rights, locks, its disk) is said so, and never called damage."""

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from lifelong import store
from lifelong.cli import main
from lifelong.data.images import decode
from lifelong.plan.errors import DamagedFile, DataError, UserError
from lifelong.use.verify import verify

REFUSALS = (
    *(errno.ENOLCK, errno.EACCES, errno.EMFILE, errno.EIO, errno.EAGAIN),
    *(errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT),
)
WRITE = """
import sys
import numpy as np
from pathlib import Path
from lifelong import store
from lifelong.plan.errors import UserError
arrays = {name: np.random.default_rng(0).random(int(name)) for name in sys.argv[2:]}
try:
    store.write_arrays(Path(sys.argv[1]), arrays, {})
except UserError as error:
    sys.exit(f"Error: {error}")
"""


@pytest.fixture
def small(tmp_path) -> Iterator[Path]:
    """A disk of 200 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mounted, capture_output=True).returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("sizes", ["100000", "25000", "10 25000", "300000", "10 300000"])
def test_no_room_for_an_array_is_one_line_whenever_hdf5_notices(small, sizes):
    """It may notice in writing, in closing a data set, which tells nobody, or in closing a file."""
    made = [sys.executable, "-c", WRITE, str(small / "a.h5"), *sizes.split()]
    done = subprocess.run(made, capture_output=True, text=True)
    said = f"Error: no space left to write {small}/a.h5: free some, then type the same command\n"
    assert (done.returncode, done.stderr) == (1, said) and not list(small.iterdir())


def refusing(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.fixture
def sealed(tmp_path) -> Path:
    """A stage's folder with one file of arrays."""
    folder = tmp_path / "results/tiny/pack_data/digits"
    path = folder / "pack.h5"
    files = {path.name: store.write_arrays(path, {"a": np.arange(9)}, {})}
    store.write_manifest(folder, files, inputs={}, spec={})
    return path


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("where", ["h5py.File", "lifelong.store.files.open", "pathlib.Path.open"])
def test_what_cannot_be_read_is_not_called_damaged(sealed, monkeypatch, number, where):
    monkeypatch.setattr(where, refusing(number), raising=False)
    monkeypatch.setattr("pathlib.Path.read_text", refusing(number))
    reads = {
        "h5py.File": lambda: store.read_arrays(sealed),
        "lifelong.store.files.open": lambda: store.digest(sealed),
        "pathlib.Path.open": lambda: store.read_json(sealed),
    }
    with pytest.raises(UserError, match=f"cannot read .*: {os.strerror(number)}") as error:
        reads[where]()
    assert not isinstance(error.value, DamagedFile) and "delete" not in str(error.value)


@pytest.mark.parametrize("kind", [OSError, RuntimeError, KeyError])
def test_the_number_in_a_message_of_hdf5_is_read(sealed, monkeypatch, kind):
    """Looking up a name raises KeyError, whatever the disk said."""
    said = "Unable to synchronously open object (file read failed: errno = 5, error message = ...)"

    def failing(*_: object) -> None:
        raise kind(said)

    monkeypatch.setattr(h5py.File, "__getitem__", failing)
    with pytest.raises(
        UserError, match=r"cannot read .*: Input/output error; type the same command"
    ) as error:
        store.read_arrays(sealed)
    assert not isinstance(error.value, DamagedFile)


@pytest.mark.parametrize("number", [*REFUSALS, errno.ENOSPC, errno.EDQUOT])
def test_what_cannot_be_written_is_one_clear_error(tmp_path, monkeypatch, number):
    monkeypatch.setattr("os.replace", refusing(number))
    with pytest.raises(UserError, match=r"write .*/a\.txt"):
        store.write_text(tmp_path / "a.txt", "x")
    assert not list(tmp_path.iterdir())


def test_a_lock_that_another_program_holds_does_not_matter(sealed):
    with sealed.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert store.read_arrays(sealed)[0]["a"].tolist() == list(range(9))


def test_locks_stay_off_where_the_shell_turns_them_on(sealed):
    """HDF5 heeds the variable more than the program: where NFS has no locks, all would fail."""
    code = "import sys; from lifelong.cli import main; sys.exit(main(sys.argv[1:]))"
    made = [sys.executable, "-c", code, "verify", "--quiet", str(sealed.parents[3])]
    with sealed.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        environment = {**os.environ, "HDF5_USE_FILE_LOCKING": "TRUE"}
        done = subprocess.run(made, env=environment, capture_output=True, text=True)
    assert "2 ok" in done.stderr and done.returncode == 0


@pytest.mark.parametrize("number", REFUSALS)
def test_verify_calls_nothing_damaged_that_it_cannot_read(sealed, monkeypatch, number):
    monkeypatch.setattr("h5py.File", refusing(number))
    with pytest.raises(UserError, match=r"cannot read .*pack\.h5"):
        assert "damaged" not in {finding.status for finding in verify(sealed.parents[3])}


def test_verify_names_a_folder_that_it_may_not_read(sealed, monkeypatch, capsys):
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("digits"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert main(["verify", str(sealed.parents[3])]) == 1
    said = capsys.readouterr().err
    assert "digits: Permission denied" in said and "Traceback" not in said


@pytest.mark.parametrize("number", REFUSALS)
def test_a_picture_that_cannot_be_read_is_not_to_be_removed(tmp_path, monkeypatch, number):
    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.setattr("PIL.Image.open", refusing(number))
    with pytest.raises(DataError, match=r"cannot read .*a\.png: ") as error:
        decode(tmp_path / "a.png")
    assert "remove" not in str(error.value)


@pytest.mark.parametrize("number", REFUSALS)
def test_an_archive_that_cannot_be_read_is_not_to_be_fetched(tmp_path, monkeypatch, number):
    from lifelong.data.sources import _cifar_archive

    monkeypatch.setattr("torchvision.datasets.CIFAR100", refusing(number))
    with pytest.raises(DataError, match="cannot read") as error:
        _cifar_archive(tmp_path, train=True, download=False)
    assert "download" not in str(error.value)


def test_a_log_that_cannot_be_written_says_nothing_more(tmp_path, capsys):
    from lifelong.jobs.runner import _log_to, log

    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    (tmp_path / "log.txt").symlink_to("/dev/full")
    handler = _log_to(tmp_path / "log.txt")
    log.warning("lost")
    log.removeHandler(handler)
    with contextlib.suppress(OSError):
        handler.close()
    assert capsys.readouterr().err == ""
