"""What a finished stage reached, in a few words, from the small files that it wrote."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from lifelong.plan.errors import DamagedFile
from lifelong.plan.paths import MANIFEST
from lifelong.records.rows import read


def outcome_words(folder: Path) -> str:
    """Such as "accuracy 0.981 at width 1"; empty where there is nothing to tell, or to read.

    Whether the files are intact is not asked here: that is for the stages that read them.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        words = _WORDS.get(manifest["spec"]["kind"], _accuracy)
        return words(folder, manifest["outcome"])
    except (OSError, ValueError, KeyError, TypeError, DamagedFile):
        return ""


def _packed(folder: Path, outcome: dict[str, Any]) -> str:
    splits = ("train", "validation", "test")
    counts = {split: outcome["images"][split] for split in splits if split in outcome["images"]}
    images = ", ".join(f"{count} {split}" for split, count in counts.items())
    return "; ".join([f"{images} images", *packing_warnings(folder.name, outcome)])


def packing_warnings(dataset: str, outcome: Mapping[str, Any]) -> list[str]:
    """What is to be known of a pack: pictures that were left out, or that lie in two splits."""
    warnings = []
    if left_out := outcome.get("left_out"):
        reasons = ", ".join(f"{count} ({why})" for why, count in sorted(left_out.items()))
        warnings.append(f"pictures of {dataset} left out: {reasons}")
    if repeated := outcome.get("tested_and_trained", 0):
        warnings.append(repeated_words(repeated, dataset))
    return warnings


def repeated_words(count: int, dataset: str) -> str:
    """The warning about images that are both learned from and tested on."""
    if count == 1:
        return f"warning: 1 test image of {dataset} is also an image to learn from"
    return f"warning: {count} test images of {dataset} are also images to learn from"


def _aligned(folder: Path, outcome: dict[str, Any]) -> str:
    became = ", ".join(f"{count} {status}" for status, count in outcome["photos"].items())
    return f"photographs: {became}"


def _separate(folder: Path, outcome: dict[str, Any]) -> str:
    values = [f"{value:.3f}" for value in outcome["accuracies"]]
    return f"accuracy {', '.join(values)}"


def _goal(folder: Path, outcome: dict[str, Any]) -> str:
    goal = json.loads((folder / "goal.json").read_text(encoding="utf-8"))["goal"]
    return f"goal {goal:.3f}"


def _accuracy(folder: Path, outcome: dict[str, Any]) -> str:
    """Of `train`, `expand` and `retrain`, whatever the family."""
    if "accuracy" not in outcome:
        return ""
    width = f" at width {outcome['width']:g}" if outcome.get("width", 1) != 1 else ""
    no_gain = ", retraining gained nothing" if outcome.get("kept") is False else ""
    return f"accuracy {outcome['accuracy']:.3f}{width}{no_gain}"


def _pruned(folder: Path, outcome: dict[str, Any]) -> str:
    rungs = [rung for rung in outcome["rungs"] if rung["ratio"] > 0]
    if not rungs:
        return "not pruned"
    return f"accuracy {rungs[-1]['accuracy']:.3f} at the last ratio, {rungs[-1]['ratio']:g}"


def _selected(folder: Path, outcome: dict[str, Any]) -> str:
    chosen = json.loads((folder / "selected.json").read_text(encoding="utf-8"))
    if "pattern" in chosen:
        return f"pattern {chosen['pattern']}, {chosen['reason']}"
    words = f"ratio {chosen['ratio']:g}, accuracy {chosen['accuracy']:.3f}"
    if chosen["goal"] is not None:
        words += f", goal {chosen['goal']:.3f} {'met' if chosen['met'] else 'missed'}"
    return "; warning: ".join([words, *chosen.get("warnings", ())])


def _inferred(folder: Path, outcome: dict[str, Any]) -> str:
    tests = [row for row in read(folder / "record.csv") if row.metric == "accuracy"]
    values = [row.value for row in tests if row.split == "test" and not row.attempt]
    if len(values) == 1:
        return f"test accuracy {values[0]:.3f}"
    return f"test accuracy {fmean(values):.3f}, mean of {len(values)} tasks"


_WORDS: dict[str, Callable[[Path, dict[str, Any]], str]] = {
    "align_faces": _aligned,
    "pack_data": _packed,
    "baseline": _separate,
    "goals": _goal,
    "prune": _pruned,
    "select": _selected,
    "infer": _inferred,
}
