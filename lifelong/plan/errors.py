"""What a user did wrong, said in one sentence. Anything else that is raised is our bug."""


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


class DamagedFile(UserError):
    """A file under results/ is not what was written, or belongs to another run."""
