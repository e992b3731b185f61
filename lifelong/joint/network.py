"""The network of a lesson: one trunk that sees all images at once, and a head for each task."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lifelong.joint.part import TRUNK, head_prefix
from lifelong.nets import TaskNetwork, build, memory_format
from lifelong.plan.card import Card

_COUNTERS = "num_batches_tracked"  # of norms: nothing reads them


class LessonNetwork(nn.Module):
    """In: (batch, channels, side, side) of any tasks. Out: what the trunk makes of them.

    `tasks` are the networks of the lesson's tasks, as each will be used: they share the trunk.
    """

    def __init__(self, cards: Sequence[Card], seeds: Sequence[int], device: str) -> None:
        super().__init__()
        self._held: list[nn.Module] = []
        networks = [network_of(card, seed) for card, seed in zip(cards, seeds, strict=True)]
        self.body = networks[0].body
        self.heads = nn.ModuleList(network.head for network in networks)
        self.form = memory_format(networks[0], device)
        self.to(device=device, memory_format=self.form)  # type: ignore[call-overload]
        self.tasks = [_sharing(self.body, network, self.form) for network in networks]

    def hold_norms(self, places: Sequence[int]) -> None:
        """From now on norms of the trunk and of these tasks' heads keep their statistics.

        They use them in training too; their shifts and scales learn on.
        """
        parts = [self.body, *(self.heads[place] for place in places)]
        self._held = [m for part in parts for m in part.modules() if hasattr(m, "running_mean")]
        for network in self.tasks:  # whose evaluation ends with `train` on the shared trunk
            network.hold(self._held)
        self.train(self.training)

    def train(self, mode: bool = True) -> "LessonNetwork":
        """As for any module, but for norms that are held."""
        super().train(mode)
        for norm in self._held:
            norm.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.tasks[0].features(x)

    def weights(self) -> list[Tensor]:
        """The trunk's weights: weight decay acts on these and on no other parameter."""
        layers = (m for m in self.body.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))
        return [layer.weight for layer in layers]

    def others(self) -> list[Tensor]:
        """Norms, biases and heads."""
        decayed = set(map(id, self.weights()))
        return [one for one in self.parameters() if id(one) not in decayed]

    def tensors(self) -> dict[str, Tensor]:
        """All that makes up the networks, by the names that a lesson's file has."""
        named = {f"{TRUNK}{name}": one for name, one in self.body.state_dict().items()}
        for place, head in enumerate(self.heads):
            own = head_prefix(place)
            named |= {f"{own}{name}": one for name, one in head.state_dict().items()}
        return {name: one for name, one in named.items() if not name.endswith(_COUNTERS)}


def network_of(card: Card, seed: int) -> TaskNetwork:
    """The network of one task as `seed` starts it."""
    return build(card.architecture(), seed)


def _sharing(body: nn.Module, network: TaskNetwork, form: torch.memory_format) -> TaskNetwork:
    """The network on another body, which it shares."""
    network.body, network.form = body, form
    return network
