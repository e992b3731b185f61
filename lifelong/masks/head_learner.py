"""A task that learns its output layer alone: the body is the pretrained weights as they are."""

import torch
from torch import Tensor

from lifelong.masks.layers import load_dense, shareable
from lifelong.masks.model import Model, fresh_network, tensors
from lifelong.masks.shard import Part
from lifelong.nets import placed
from lifelong.plan.card import Card


class HeadLearner:
    """A network of frozen weights and norms, and its head, which learns.

    `network` may be replaced by one that begins with the features: see `of_features`.
    """

    version = 0  # nothing ever replaces its parameters

    def __init__(self, model: Model, card: Card, seed: int, device: str = "cpu") -> None:
        assert model.base is not None, "there are no weights to stand on"
        self.card, self.base = card, model.base
        network = fresh_network(card, seed)
        with torch.no_grad():
            for name, layer in shareable(network).items():
                layer.weight.copy_(torch.from_numpy(model.base.values[name]).view_as(layer.weight))
        load_dense(network, tensors(model.base.dense), head=False)
        for parameter in network.body.parameters():
            parameter.requires_grad_(False)
        self.whole = self.network = placed(network, device)
        self.whole.hold_norms()

    def of_features(self) -> None:
        """From now on `network` takes the features of images, (batch, features, 1, 1)."""
        self.network = self.whole.after_features()

    def freeze_scores(self) -> None:
        """There are none."""

    def others(self) -> list[Tensor]:
        """The parameters that learn."""
        return list(self.whole.head.parameters())

    def state(self) -> dict[str, Tensor]:
        """All that changes while learning, by name; the tensors themselves, not copies."""
        return {f"head.{name}": tensor for name, tensor in self.whole.head.state_dict().items()}

    @torch.no_grad()
    def load_state(self, saved: dict[str, Tensor]) -> None:
        """Put back what `state` gave."""
        for name, tensor in self.state().items():
            tensor.copy_(saved[name])

    def counts(self) -> dict[str, int]:
        """Weights owned, free, picked and in all: every weight is the ground's."""
        total = sum(layer.weight.numel() for layer in shareable(self.whole).values())
        return {"owned": 0, "free": 0, "picked": total, "total": total}

    def part(self) -> Part:
        """What the task brings: its head."""
        nothing = {name: self.base.values[name][:0] for name in self.base.shapes}
        return Part(
            card=self.card,
            shapes=self.base.shapes,
            values=nothing,
            places={name: values.astype("int32") for name, values in nothing.items()},
            picks=None,
            older=dict.fromkeys(self.base.shapes, 0),
            dense={name: tensor.cpu().numpy().copy() for name, tensor in self.state().items()},
        )
