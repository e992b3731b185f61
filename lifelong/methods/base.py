"""What a method of the mask family is, beside its stages (plan/methods.py) and its settings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """Settings of the one engine.

    `alone`: every task gets a network of its own. `picks`: old weights are used through a learned
    binary mask; otherwise all of them are used as they are.
    """

    name: str
    alone: bool = False
    picks: bool = False
