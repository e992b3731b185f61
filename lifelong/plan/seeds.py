"""Every random choice starts from one seed a stage."""

import hashlib


def seed_of(*names: str | int) -> int:
    """A 63-bit seed from names and numbers, such as (experiment, method, seed, task, stage)."""
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
