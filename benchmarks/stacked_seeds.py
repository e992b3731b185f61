"""Are several seeds of one task trained faster together (torch.func) than one after another?

One training gradient of five networks of the layer family, each with its own batch of ten images:
`apart` one after another as the workflow does it, `stacked` as one `vmap` over their parameters.
They take turns in one process on one thread; the least CPU time of each counts.

  ratio      stacked / apart: below 1, stacking pays

The workflow runs seeds apart: stacking costs more for the network of CIFAR-100 on a CPU.
"""

import time
from collections.abc import Callable, Sequence

import torch
from table import Row, arguments, figure, machine, publish
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional

from lifelong.nets.conv_stack import Filter, pooled, start_plain
from lifelong.plan.stacks import STACKS, Stack

SEEDS, BATCH, CLASSES = 5, 10, 10


def fresh(stack: Stack, side: int, generator: torch.Generator) -> list[Filter]:
    sizes = zip(stack.kernels, stack.inputs(3), stack.channels, strict=True)
    filters = [start_plain((o, i, k, k), generator) for k, i, o in sizes]
    dense = [start_plain((o, i), generator) for i, o in stack.dense(side, CLASSES)]
    return [*filters, *dense]


def loss_of(stack: Stack) -> Callable[[Sequence[Filter], Tensor, Tensor], Tensor]:
    """The loss as a pure function; `vmap` takes no step in place."""

    def loss(parameters: Sequence[Filter], x: Tensor, y: Tensor) -> Tensor:
        depth = stack.depth
        for (weight, bias), pool in zip(parameters[:depth], stack.pools, strict=True):
            found = functional.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
            x = pooled(found, pool).relu()
        x = torch.flatten(x, 1)
        for weight, bias in parameters[depth:-1]:
            x = functional.linear(x, weight, bias).relu()
        return functional.cross_entropy(functional.linear(x, *parameters[-1]), y)

    return loss


def measure(name: str, side: int, repeats: int) -> Row:
    stack, generator = STACKS[name], torch.Generator().manual_seed(0)
    networks = [fresh(stack, side, generator) for _ in range(SEEDS)]
    x = torch.randn(SEEDS, BATCH, 3, side, side, generator=generator)
    y = torch.randint(CLASSES, (SEEDS, BATCH), generator=generator)
    loss = loss_of(stack)
    joined = [
        tuple(torch.stack([network[layer][part] for network in networks]) for part in (0, 1))
        for layer in range(len(networks[0]))
    ]
    together = vmap(grad(loss))

    def apart() -> None:
        for seed, network in enumerate(networks):
            leaves = [tuple(t.requires_grad_() for t in one) for one in network]
            flat = [tensor for one in leaves for tensor in one]
            torch.autograd.grad(loss(leaves, x[seed], y[seed]), flat)

    ways = {"apart": apart, "stacked": lambda: together(joined, x, y)}
    least = dict.fromkeys(ways, float("inf"))
    for way in ways.values():
        way()
    for _ in range(repeats):
        for label, way in ways.items():
            started = time.process_time()
            way()
            least[label] = min(least[label], time.process_time() - started)
    return {
        "network": name,
        "seeds": SEEDS,
        "apart_cpu_ms": figure(1e3 * least["apart"], 2),
        "stacked_cpu_ms": figure(1e3 * least["stacked"], 2),
        "ratio": figure(least["stacked"] / least["apart"], 3),
        "repeats": repeats,
    }


def main() -> None:
    options = arguments(__doc__).parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    facts = machine()
    repeats = 2 if options.quick else 40
    sizes = {"tiny_cnn2": 8} if options.quick else {"tiny_cnn2": 8, "cifar_cnn4": 32}
    rows = [measure(name, side, repeats) for name, side in sizes.items()]
    publish("stacked_seeds", rows, {"threads": 1, **facts}, options.out)


if __name__ == "__main__":
    main()
