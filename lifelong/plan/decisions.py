"""What the workflow decides between jobs: goal met, grow again, which ratio. Pure functions.

All accuracies are on the deciding split, in [0, 1].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TIE = 1e-6  # a share of correct images must not miss an equal goal by rounding


def reaches(accuracy: float, goal: float) -> bool:
    """Whether an accuracy meets a goal; equal is enough."""
    return accuracy >= goal - _TIE


def grows_again(
    outcome: Mapping[str, Any], goal: float, cap: float, min_train_accuracy: float
) -> bool:
    """Whether a task that was learned at `outcome["width"]` is to be learned again, wider.

    At the cap the task is accepted as it is, whatever it reached (CPG, Algorithm 1).
    """
    learned = outcome["train_accuracy"] >= min_train_accuracy
    met = reaches(outcome["accuracy"], goal) and learned
    return not met and outcome["width"] < cap - _TIE


@dataclass(frozen=True)
class Grown:
    """How the attempts to learn a task ended: with which one, and whether it missed at the cap."""

    attempt: int = 0
    missed: bool = False


def grown(
    outcome_of: Callable[[int], Mapping[str, Any]], goal: float, cap: float, floor: float
) -> Grown:
    """The attempt a task ends with; `outcome_of` tells what an attempt reached, 0 unwidened.

    It is asked for further attempts only where all before them missed.
    """
    attempt = 0
    while grows_again(outcome := outcome_of(attempt), goal, cap, floor):
        attempt += 1
    at_cap = outcome["width"] >= cap - _TIE
    return Grown(attempt, missed=at_cap and not reaches(outcome["accuracy"], goal))


def next_width(width: float, step: float, cap: float, attempt: int) -> float:
    """The width of the numbered attempt of a task whose predecessor ended at `width`."""
    return round(min(max(cap, width), width + step * attempt), 6)


def fair_ratio(position: int, expected: int) -> float:
    """The ratio a task that misses its goal at the cap must be pruned to, to leave room.

    `position` counts from 1 of `expected` tasks; later ones may take all that is left. The released
    code keeps round(1 / tasks left, 1) of the capacity.
    """
    left = max(expected - position + 1, 1)
    return round(1.0 - round(1.0 / left, 1), 1)


@dataclass(frozen=True)
class Rung:
    """One row of the pruning record."""

    ratio: float
    accuracy: float


@dataclass(frozen=True)
class Selection:
    """The chosen rung and why."""

    ratio: float
    accuracy: float
    met: bool | None
    reason: str


def select(
    rungs: Sequence[Rung],
    goal: float | None,
    at_cap: bool,
    fair: float,
    by_hand: float | None = None,
    grows: bool = True,
) -> Selection:
    """Choose the pruning ratio of a task as CPG does (NeurIPS 2019).

    `rungs` holds ratio 0.0 and every finished rung. A ratio set by hand wins; without a goal the
    largest rung is taken; else the largest that reaches the goal. A task that missed its goal
    unpruned at the width cap gives up as much as is fair: the largest recorded rung up to the
    first one that is at least `fair`. A method that never `grows` is always at its cap.
    """
    ordered = sorted(rungs, key=lambda rung: rung.ratio)
    unpruned = ordered[0]
    if by_hand is not None:
        return _by_hand(ordered, goal, by_hand)
    if goal is None:
        chosen = ordered[-1]
        return Selection(chosen.ratio, chosen.accuracy, None, "the ratio of the method")
    if reaches(unpruned.accuracy, goal):
        chosen = [rung for rung in ordered if reaches(rung.accuracy, goal)][-1]
        reason = f"the largest ratio with accuracy at least the goal {goal:.4f}"
        return Selection(chosen.ratio, chosen.accuracy, True, reason)
    missed = f"the goal {goal:.4f} was missed ({unpruned.accuracy:.4f} unpruned)"
    if not at_cap:
        return Selection(unpruned.ratio, unpruned.accuracy, False, f"{missed}; not pruned")
    limit = min((rung.ratio for rung in ordered if rung.ratio >= fair), default=1.0)
    chosen = [rung for rung in ordered if rung.ratio <= limit][-1]
    met = reaches(chosen.accuracy, goal)
    reason = f"{missed} at the width cap" if grows else missed
    if chosen.ratio > 0:
        reason += f"; pruned towards {fair:.1f} to leave room for later tasks"
        reason += ", and reaches it now" if met else ""
    return Selection(chosen.ratio, chosen.accuracy, met, reason)


def _by_hand(rungs: Sequence[Rung], goal: float | None, ratio: float) -> Selection:
    chosen = next((rung for rung in rungs if rung.ratio == ratio), None)
    if chosen is None:
        chosen = [rung for rung in rungs if rung.ratio <= ratio][-1]
        reason = f"ratio {ratio} set by hand, but the ladder ended at {chosen.ratio}"
    else:
        reason = "set by hand in the configuration"
    met = None if goal is None else reaches(chosen.accuracy, goal)
    return Selection(chosen.ratio, chosen.accuracy, met, reason)
