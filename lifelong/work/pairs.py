"""The same person or not: pairs of faces, compared by a task's network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lifelong import store
from lifelong.data.batches import Split
from lifelong.data.pack import read_pairs
from lifelong.data.tasks import changed
from lifelong.faces.pairs import CONVENTIONS, Pairs, verify, with_mirror
from lifelong.masks import Network
from lifelong.plan.card import Card
from lifelong.train.evaluate import embeddings

_MEASURED = (
    *("accuracy", "std_population", "standard_error", "auc", "equal_error_rate"),
    *("tar", "far", "far_target"),
)


def verification(
    network: Network, card: Card, pack: Path, how: Mapping[str, Any], device: str
) -> dict[str, float]:
    """The numbers of `faces.pairs.Verification`, by metric name; see there."""
    store.verified(pack)
    images, pairs = read_pairs(pack)
    images = changed(images, card.noise, card.channel_order, card.pixel_order)
    shown = torch.from_numpy(images).to(device)
    faces = Split(shown, torch.zeros(len(images), device=device))
    convention = how.get("distance", "cpg")
    vectors = embeddings(network, faces, card.mean, card.std).cpu().numpy()
    if CONVENTIONS[convention].mirrored:
        faces = Split(shown.flip(-1), faces.labels)
        vectors = with_mirror(
            vectors, embeddings(network, faces, card.mean, card.std).cpu().numpy()
        )
    first, second, same, fold = pairs.T
    listed = Pairs(first, second, same.astype(bool), fold)
    metrics = verify(vectors, listed, convention, how.get("grid", "exact"))
    return {f"verification_{name}": getattr(metrics, name) for name in _MEASURED}
