"""A finished model on pictures of your own."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch

from lifelong.data.batches import Split
from lifelong.data.images import Framing, picture
from lifelong.data.tasks import changed
from lifelong.plan.errors import DataError, UserError
from lifelong.train.device import prepare
from lifelong.train.evaluate import logits
from lifelong.use.load import finished_model

Classified = list[tuple[str, float]]


def classify(
    folder: Path, task: str, pictures: Iterable[Path], top: int = 1, threads: int = 1
) -> Iterator[tuple[Path, Classified | DataError]]:
    """For each picture the `top` best classes of a task with probabilities, or what is wrong.

    Raises UserError where the model has no such task, DamagedFile where it is not whole.
    """
    model, _ = finished_model(folder)
    names = [shard.card.task for shard in model.shards]
    if task not in names:
        raise UserError(f"{folder} has no task {task!r}; it has {', '.join(names)}")
    position = names.index(task) + 1
    card = model.shards[position - 1].card
    framing = Framing(card.image_size, card.in_channels, **(card.framing or {}))
    device = prepare(threads)
    network = model.view(position, device)
    for path in pictures:
        try:
            pixels = picture(path, framing)[None]
            seen = torch.from_numpy(
                changed(pixels, card.noise, card.channel_order, card.pixel_order)
            ).to(device)
        except DataError as error:
            yield path, error
            continue
        split = Split(seen, torch.zeros(1, dtype=torch.int64, device=device))
        shares = logits(network, split, card.mean, card.std)[0].softmax(0)
        best = shares.topk(min(top, len(card.classes)))
        ranked = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        yield path, [(card.classes[index], share) for index, share in ranked]
