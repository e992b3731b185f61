"""What the stages that train whole networks have in common: the model so far, and a learner."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifelong import store
from lifelong.masks import Learner, RankedLearner, Ranking, TaskLearner
from lifelong.masks.ground import PRETRAINED
from lifelong.masks.shard import Part, Shard
from lifelong.masks.size import separate_network, shard_size
from lifelong.plan.card import Card
from lifelong.plan.errors import DamagedFile
from lifelong.plan.losses import head_for
from lifelong.plan.methods import METHODS
from lifelong.plan.seeds import seed_of
from lifelong.plan.stage import Stage
from lifelong.records.rows import Row
from lifelong.train.evaluate import accuracy, logits
from lifelong.work import shards
from lifelong.work.cards import sights
from lifelong.work.losses import task_loss
from lifelong.work.shards import lineage, read_model
from lifelong.work.work import Work


class NetworkWork(Work):
    """A stage that trains separate networks, or a task in the weights that are free."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.loss = task_loss(self.spec.task, self.spec.loss, self.data, self.device)
        self.method = METHODS[self.spec.base]
        self.shards = lineage(stage.input_list("shards"))
        writes = self.spec.kind == self.method.shard_stage  # the task's part of the model
        given = [Path(path) for path in stage.input_list("ground")]
        self.ground = given[0] if given else None
        stands = self.ground if self.method.pretrained == "ground" else None
        self.model = read_model(self.shards, self.spec, views=False, picks=writes, ground=stands)

    def card(self, width: float) -> Card:
        spec = self.spec
        return Card(
            experiment=spec.experiment,
            method=spec.method,
            base=spec.base,
            seed=spec.seed,
            position=spec.position,
            task=spec.task,
            width=width,
            lineage=tuple(store.verified(path) for path in self._before()),
            alone=self.method.alone,
            head=head_for(spec.loss),
            ground=self._ground(),
            **sights(spec.network, spec.data, self.data),
        )

    def _before(self) -> list[Path]:
        """All that the task is learned on, oldest first: pretrained weights, then older tasks."""
        return [*([] if self.ground is None else [self.ground]), *self.shards]

    def _ground(self) -> dict[str, Any] | None:
        """The same for all tasks of a run."""
        kind = self.method.ground
        if self.model.base is not None and self.ground is not None:
            released = self.spec.settings.get("released", 0.0)
            digest = store.verified(self.ground)
            return {"kind": PRETRAINED, "digest": digest, "released": released}
        return {"kind": kind, "seed": seed_of(self.spec.seed, "ground")} if kind else None

    def learner(self, width: float, attempt: int = 0) -> TaskLearner:
        """A learner of this task; every attempt or repetition has a random start of its own."""
        start = self.model, self.card(width), self.seed("start", attempt), self.device
        if self.method.picks == "top_k":
            settings = self.spec.settings
            ranking = Ranking(
                settings["density"],
                fresh_scores=settings["scores"] == "fresh",
                stale=settings["stale_masks"],
                in_network=settings.get("ranked_in") == "network",
            )
            return RankedLearner(*start, ranking, self._carried())
        fresh = self.spec.settings.get("free_weights", "zero") == "fresh"
        return Learner(*start, self.method.norms == "frozen", fresh)

    def _carried(self) -> Shard | None:
        """What the task before left behind. Raises DamagedFile where it belongs to another run."""
        if not self.stage.input_list("carried"):
            return None
        path = Path(self.stage.input("carried"))
        before = shards.verified(path)
        if list(before.card.lineage) != list(self.card(1.0).lineage[:-1]):
            raise DamagedFile(path, "belongs to another run than the shards before it")
        return before

    def deciding(self, learner: TaskLearner) -> float:
        """The accuracy of a learner on the deciding split."""
        data = self.data
        outputs = logits(learner.network, data.deciding, data.mean, data.std)
        return accuracy(outputs, data.deciding.labels)

    def size_rows(self, shard: Shard | Part, counts: Mapping[str, int], path: Path) -> list[Row]:
        """What the task's shard holds and weighs, and what a separate network would."""
        separate = separate_network(shard)
        sizes: dict[str, float] = {f"weights_{name}": value for name, value in counts.items()}
        sizes["weights_other"] = sum(array.size for array in shard.dense.values())
        sizes["weights_reference"] = separate["weights"]
        sizes |= {f"bytes_{name}": value for name, value in shard_size(shard).items()}
        sizes |= {"bytes_file": path.stat().st_size, "bytes_reference": separate["bytes"]}
        if self.model.base is not None and self.ground is not None:
            sizes["bytes_ground"] = self.ground.stat().st_size
        return [self.row(name, value, width=shard.card.width) for name, value in sizes.items()]
