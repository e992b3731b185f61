"""What a user did wrong, said in one sentence. Anything else that is raised is our bug."""

from os import PathLike


def printable(text: str) -> str:
    """Text as one line that any terminal, log and table takes, whatever a file is called."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class UserError(Exception):
    """A mistake the user can mend; the message names the key or file and says what to do."""

    def __str__(self) -> str:
        return printable(super().__str__())


class ConfigError(UserError):
    """The configuration cannot be run as it stands."""


class DataError(UserError):
    """Raw images, a pack or a picture cannot be used."""


class OutOfTime(UserError):
    """A job's time is nearly over; what it did is saved, and another run goes on from there."""


class Misfit(Exception):
    """What a file holds is no such thing, or does not fit the tasks before it.

    Raised where the file is not known; who read it names it in a DamagedFile.
    """


class DamagedFile(UserError):
    """A file under results/ is missing, not what was written, or belongs to another run.

    `what` says so of `path`; `remove` is the file or folder to delete before it can be made again,
    None where it is gone. How it is made again stands in `advice.py`.
    """

    def __init__(self, path: PathLike[str] | str, what: str, remove: object = "") -> None:
        super().__init__(f"{path} {what}")
        self.path, self.what = str(path), what
        self.remove = None if remove is None else str(remove or path)

    @classmethod
    def missing(cls, path: PathLike[str] | str) -> "DamagedFile":
        """A file that a stage wrote and that is gone."""
        return cls(path, "is missing", remove=None)
