"""One wrong input: how it is made, which command meets it, and what the command says."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from edits import dotted, with_key
from PIL import Image

ANYTHING = "…"
CONFIG: dict[str, Any] = {
    "experiment": "tiny",
    "methods": ["packnet", "cpg"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "a", "classes": [0, 1]}, {"name": "b", "classes": [2, 3]}],
    "network": {"name": "small_cnn", "channels": 0.25},
    "goals": {"policy": "given", "given": {"a": 0.5, "b": 0.5}},
    "recipe": {"crop_padding": 1, "flip": False},
    "train": {"epochs": 1, "lr": 0.01, "min_train_accuracy": 0.0},
    "prune": {"ratios": [0.6], "epochs": 1, "min_train_accuracy": 0.0},
    "retrain": {"epochs": 1},
}
IMAGES: dict[str, Any] = CONFIG | {
    "datasets": {
        "shapes": {"source": "image_folder", "root": "raw", "image_size": 8, "channels": 1}
    },
    "tasks": [{"name": "a", "classes": ["dark", "light"]}],
    "goals": {"policy": "given", "given": {"a": 0.5}},
}
Make = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """`says` is the whole message, where … stands for anything; `make` gets the working folder."""

    wrong: str
    says: str
    do: str
    make: Make
    command: tuple[str, ...] = ("run",)
    code: int = 1
    start: Literal["config", "pictures", "finished"] = "config"

    def fits(self, message: str) -> bool:
        parts = (re.escape(part) for part in self.says.split(ANYTHING))
        return re.fullmatch(".*".join(parts), message) is not None


def write_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))


def edited(key: str, value: Any, base: dict[str, Any] = CONFIG) -> Make:
    """Set one key, named by dots; a task of another name keeps its goal."""

    def make(folder: Path) -> None:
        config = with_key(base, *dotted(key), value)
        write_config(folder, config)

    return make


def draw(folder: Path, per_class: int = 4) -> None:
    """Grey pictures of two classes, dark and light, for training and test."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name, low in (("dark", 0), ("light", 128)):
            place = folder / "raw" / split / name
            place.mkdir(parents=True)
            for i in range(per_class):
                pixels = rng.integers(low, low + 128, (8, 8), np.uint8)
                Image.fromarray(pixels).save(place / f"{i}.png")
