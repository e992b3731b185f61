"""The same person or not, and who is let in: pairs of faces, looked at by tasks' networks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lifelong import store
from lifelong.data.device_split import Split
from lifelong.data.pack import read_pairs
from lifelong.data.tasks import changed
from lifelong.faces.authentication import authentication
from lifelong.faces.pairs import CONVENTIONS, Pairs, verify, with_mirror
from lifelong.nets import TaskNetwork
from lifelong.plan.card import Card
from lifelong.train.evaluate import embeddings, logits

_MEASURED = (
    *("accuracy", "std_population", "standard_error", "auc", "equal_error_rate"),
    *("tar", "far", "far_target"),
)


@dataclass(frozen=True)
class Judge:
    """A task's network and its card."""

    network: TaskNetwork
    card: Card


def verification(
    network: TaskNetwork,
    card: Card,
    pack: Path,
    how: Mapping[str, Any],
    device: str,
    expressions: Judge | None = None,
) -> dict[str, float]:
    """The numbers of `faces.pairs.Verification`, by metric name; see there.

    With what tells `expressions`, also those of `faces.authentication.Authentication`.
    """
    store.verified(pack)
    images, pairs = read_pairs(pack)
    shown = _shown(images, card, device)
    faces = Split(shown, torch.zeros(len(images), device=device))
    convention = how.get("distance", "cpg")
    vectors = embeddings(network, faces, card.mean, card.std).cpu().numpy()
    if CONVENTIONS[convention].mirrored:
        faces = Split(shown.flip(-1), faces.labels)
        vectors = with_mirror(
            vectors, embeddings(network, faces, card.mean, card.std).cpu().numpy()
        )
    first, second, same, fold = pairs.T[:4]
    listed = Pairs(first, second, same.astype(bool), fold)
    metrics = verify(vectors, listed, convention, how.get("grid", "exact"))
    measured = {f"verification_{name}": getattr(metrics, name) for name in _MEASURED}
    if expressions is None:
        return measured
    required, is_shown = pairs.T[4:]
    pictures = Split(_shown(images, expressions.card, device), faces.labels)
    told = logits(expressions.network, pictures, expressions.card.mean, expressions.card.std)
    called_shown = told.argmax(1).cpu().numpy()[first] == required
    found = authentication(metrics.called_same, listed.same, called_shown, is_shown.astype(bool))
    return measured | {f"authentication_{name}": value for name, value in asdict(found).items()}


def _shown(images: np.ndarray, card: Card, device: str) -> torch.Tensor:
    """Images as a task shows them to its network."""
    changes = card.noise, card.channel_order, card.pixel_order
    return torch.from_numpy(changed(images, *changes)).to(device)
