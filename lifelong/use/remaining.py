"""How long an unfinished experiment will take yet: an estimate from the stages that have ended."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from lifelong.plan.paths import MANIFEST, place_of
from lifelong.plan.plan import Plan
from lifelong.plan.revisions import STAGES
from lifelong.plan.stage import Key
from lifelong.records.durations import stage_seconds, time_words

_QUICK = ("goals", "select", "tables", "report")  # what these take is not worth an estimate


def remaining(plan: Plan, at_once: int = 1) -> list[str]:
    """How many stages are done and, as long as some are not, the time that the others may take.

    A stage takes as long as the mean of those of its kind that have ended, of its own method if
    there is one. `at_once` stages share the time. Wider attempts, which nobody can foresee, are
    not counted.
    """
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    done, left = 0, list[tuple[str, str]]()
    for folder, method, kind in _planned(plan):
        if not (folder / MANIFEST).exists():
            left.append((method, kind))
            continue
        done += 1
        took = stage_seconds(folder)
        for name in (method, "") if took is not None else ():  # "": of any method
            seconds[name, kind].append(took or 0.0)
    lines = [f"{done} of {done + len(left)} stages done"]
    return [*lines, _estimate(left, seconds, at_once)] if left else lines


def _estimate(
    left: list[tuple[str, str]], seconds: dict[tuple[str, str], list[float]], at_once: int
) -> str:
    means = {stage: fmean(known) for stage, known in seconds.items()}
    expected = [means.get(stage, means.get(("", stage[1]))) for stage in left]
    known = [one for one in expected if one is not None]
    unknown = {kind for (_, kind), one in zip(left, expected, strict=True) if one is None}
    unknown -= set(_QUICK)
    new = ", ".join(kind for kind in STAGES if kind in unknown)
    if not known and unknown:
        return f"no estimate of the time left yet: no stage like the next ones has ended ({new})"
    least = f"at least {time_words(sum(known) / at_once)} left"
    about = f"about {time_words(sum(known) / at_once)} left"
    how = f"{at_once} stages at a time" if at_once > 1 else "one stage at a time"
    more = f"; without {new}, of which none has ended" if unknown else ""
    return f"{least if unknown else about}, {how}: an estimate from stages that have ended{more}"


def _planned(plan: Plan) -> Iterator[tuple[Path, str, str]]:
    """Folder, method and kind of every stage that the plan foresees; aligned faces left out."""
    waiting = [key for kind in STAGES for key in plan.keys(kind)]
    seen = set(waiting)
    folders: set[Path] = set()  # of what all methods share
    while waiting:
        key = waiting.pop()
        yield Path(plan.folder(key)), key.method, key.kind
        for files in plan.fixed_inputs(key).values():
            for path in [files] if isinstance(files, str) else files:
                place = place_of(path)
                if place is None:
                    folders.add(Path(path).parent)
                    continue
                position = place.position
                needed = Key(place.kind, place.method, place.seed, position, place.attempt)
                if needed not in seen:
                    seen.add(needed)
                    waiting.append(needed)
    ground = Path(plan.paths.of_kind("ground"))
    yield from ((one, "", "ground" if one == ground else "pack_data") for one in folders)
    yield from ((Path(plan.paths.of_kind(kind)), "", kind) for kind in ("tables", "report"))
