"""What a user did wrong, said in one sentence. Anything else that is raised is our bug."""


class UserError(Exception):
    """A mistake the user can mend; the message names the key or file and says what to do."""


class ConfigError(UserError):
    """The configuration cannot be run as it stands."""


class DataError(UserError):
    """Raw images, a pack or a picture cannot be used."""


class DamagedFile(UserError):
    """A file under results/ is not what was written, or belongs to another run."""
