"""Where every random number comes from: the seed of the run, the task, and the part it plays.

The names of methods and experiments have no part in it, so that two methods that do the same thing
have the same bits, and a renamed experiment too.
"""

import hashlib


def seed_of(*names: str | float) -> int:
    """A 63-bit seed from names and numbers, such as (seed, task, "batches", "learn", attempt)."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
