"""Let in or not: the right person, who shows the expression that was asked for."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Authentication:
    """Shares of pairs, in [0, 1].

    `joint_decision`: let in exactly when it is the person and the expression. `both_ok`: both
    questions are answered rightly. `legacy_xnor` is how FaceLiveNet's program counts, in whose
    figures a pair also counts where both answers are wrong. `expression_ok`: whether the expression
    is shown is answered rightly.
    """

    joint_decision: float
    both_ok: float
    legacy_xnor: float
    expression_ok: float


def authentication(
    called_same: np.ndarray, same: np.ndarray, called_shown: np.ndarray, shown: np.ndarray
) -> Authentication:
    """What was said and what is true of pairs, all bool (P,): one person, the expression shown."""
    person_ok, expression_ok = called_same == same, called_shown == shown
    return Authentication(
        joint_decision=float(np.mean((called_same & called_shown) == (same & shown))),
        both_ok=float(np.mean(person_ok & expression_ok)),
        legacy_xnor=float(np.mean(person_ok == expression_ok)),
        expression_ok=float(np.mean(expression_ok)),
    )
