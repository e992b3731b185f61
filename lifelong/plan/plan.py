"""The experiment as a list of stages: what each reads, writes and must know.

Those of tables and report, which are of all tasks together: `overview.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from lifelong.plan.decisions import Grown
from lifelong.plan.families import FAMILIES
from lifelong.plan.grounds import FILE, ground_stage
from lifelong.plan.images import data_of
from lifelong.plan.lessons import lessons_of
from lifelong.plan.methods import GOAL_METHODS, METHODS, Method
from lifelong.plan.packs import align_stages, pack_stage
from lifelong.plan.paths import ROOT, Paths, slug
from lifelong.plan.revisions import STAGES
from lifelong.plan.seeds import seed_of
from lifelong.plan.settings import base_of, settings
from lifelong.plan.specs import GoalSpec, Inference, TaskSpec
from lifelong.plan.stage import Inputs, Key, Stage

NOT_GROWN = Grown()


class Plan:
    """All stages of a checked configuration.

    With a `limit` tables and report are of so many tasks; these learn as they would among all.
    `root` and `prefix`: see `Paths`.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        root: str = ROOT,
        limit: int | None = None,
        prefix: str = "",
    ) -> None:
        self.config = config
        self.paths = Paths(config["experiment"], root, prefix)
        self.names = [task["name"] for task in config["tasks"]]
        self.tasks = self.names[:limit]
        self._packs: dict[str, Stage] = {}
        self._aligned: dict[str, list[Stage]] = {}
        self._lessons: dict[str, list[range]] = {}

    @cached_property
    def _settings(self) -> dict[str, dict[str, Any]]:
        return {
            name: settings(self.config, name) for name in {**METHODS, **self.config["variants"]}
        }

    @cached_property
    def methods(self) -> list[str]:
        """The methods to compare, and those whose networks set goals or are started from."""
        given = self.config["methods"]
        needed = [*GOAL_METHODS.values(), *(self.row(name).starts_from for name in given)]
        return list(dict.fromkeys([*given, *filter(None, needed)]))

    def row(self, method: str) -> Method:
        """The row of a method, or of the one that a variant is one of."""
        return METHODS[base_of(self.config, method)]

    def settings(self, method: str) -> dict[str, Any]:
        return self._settings[method]

    @cached_property
    def folders(self) -> dict[str, int]:
        """The folder of every task and lesson of any method, and the position of its last task."""
        return {
            self._slug(lesson): lesson[-1]
            for method in self.methods
            for lesson in self.lessons(method)
        }

    def lessons(self, method: str) -> list[range]:
        """The positions of the tasks that are learned together, in order; most methods' alone."""
        if method not in self._lessons:
            given = self.settings(method)["joint"]["lessons"] if self.row(method).together else ()
            self._lessons[method] = lessons_of(self.names, given)
        return self._lessons[method]

    def lesson(self, method: str, position: int) -> range:
        """The lesson that the task of a position belongs to."""
        if not self.row(method).together:
            return range(position, position + 1)
        return next(one for one in self.lessons(method) if position in one)

    def _slug(self, lesson: range) -> str:
        return slug(lesson[-1], *(self.names[position - 1] for position in lesson))

    def position(self, folder: str) -> int:
        """The position of the last task of a folder."""
        return self.folders[folder]

    def task(self, key: Key) -> Mapping[str, Any]:
        """What the configuration says of the task of a stage."""
        task: Mapping[str, Any] = self.config["tasks"][key.position - 1]
        return task

    def folder(self, key: Key) -> str:
        name = self._slug(self.lesson(key.method, key.position))
        return self.paths.stage(key.kind, key.method, key.seed, name, key.attempt)

    def file(self, key: Key, name: str) -> str:
        return f"{self.folder(key)}/{name}"

    def beside(self, key: Key, kind: str, name: str) -> str:
        """A file of another stage of the same task."""
        return self.file(Key(kind, key.method, key.seed, key.position), name)

    def shard(self, method: str, seed: int, position: int) -> str:
        """The file that holds what a task brought to the model."""
        return self.file(Key(self.row(method).shard_stage, method, seed, position), "shard.h5")

    def shard_before(self, key: Key) -> Inputs:
        """The shard of the task before, whose lineage leads to all older ones; {} for the first."""
        first = self.lesson(key.method, key.position)[0]
        if self.row(key.method).alone or first == 1:
            return {}
        return {"shards": [self.shard(key.method, key.seed, first - 1)]}

    @property
    def has_ground(self) -> bool:
        """Whether there are pretrained weights to stand on."""
        return self.config["ground"]["pretrained"] is not None

    @cached_property
    def ground_stage(self) -> Stage:
        """The job of the pretrained weights; only where there are some."""
        return ground_stage(self.config, self.paths)

    def on_ground(self, method: str) -> bool:
        """Whether a method stands on pretrained weights, or begins with them."""
        given = self.settings(method)["ground"]["pretrained"] is not None
        return given and bool(self.row(method).pretrained)

    def ground_of(self, method: str) -> Inputs:
        """The file of the pretrained weights, of a method that reads it."""
        file = f"{self.paths.of_kind('ground')}/{FILE}"
        return {"ground": file} if self.on_ground(method) else {}

    def pack(self, position: int) -> str:
        return self.paths.pack(self.config["tasks"][position - 1]["dataset"])

    def packs(self, positions: Iterable[int]) -> list[str]:
        """The packs of several tasks, each once."""
        return list(dict.fromkeys(self.pack(position) for position in positions))

    def data(self, position: int, seed: int) -> dict[str, Any]:
        """What a stage must know of a task's images beside the pack."""
        task = self.config["tasks"][position - 1]
        return data_of(task, self.config["datasets"][task["dataset"]], seed)

    def random_seed(self, key: Key) -> int:
        """What all random numbers of a task come from, whichever method learns it."""
        return seed_of(key.seed, self.task(key)["name"])

    def of_task(self, key: Key) -> dict[str, Any]:
        """What the spec of any stage of a task says."""
        return {
            "revision": [STAGES[key.kind], self.row(key.method).revision],
            "kind": key.kind,
            "experiment": self.config["experiment"],
            "protocol": self.config["protocol"],
            "method": key.method,
            "base": base_of(self.config, key.method),
            "seed": key.seed,
            "position": key.position,
            "task": self.task(key)["name"],
        }

    def processes(self, key: Key) -> int:
        """In how many processes a stage runs: perhaps more than one where the recipe is read."""
        form = FAMILIES[self.row(key.method).family].SPECS[key.kind]
        recipe = self.settings(key.method)["recipe"]
        return int(recipe.get("processes", 1)) if "recipe" in form.__dataclass_fields__ else 1

    def stage(self, key: Key, grown: Grown = NOT_GROWN, threads: int = 1) -> Stage:
        """The stage of a key; `grown` says which candidate `prune` and its successors take."""
        inputs = self.fixed_inputs(key) | self.grown_inputs(key, grown)
        return Stage(key.kind, self.folder(key), inputs, self.spec(key, grown), threads)

    def fixed_inputs(self, key: Key) -> Inputs:
        """The files a stage reads however often its task was widened, by role."""
        inputs: Inputs = FAMILIES[self.row(key.method).family].inputs(self, key)
        return inputs

    def grown_inputs(self, key: Key, grown: Grown) -> Inputs:
        """The candidate of the last attempt, and what decided that there were so many."""
        inputs: Inputs = FAMILIES[self.row(key.method).family].grown_inputs(self, key, grown)
        return inputs

    def spec(self, key: Key, grown: Grown = NOT_GROWN) -> TaskSpec:
        """Every setting that decides the bytes of a stage."""
        if key.kind == "goals":
            return self._goal(key)
        if key.kind == "infer":
            data = [self.data(position, key.seed) for position in range(1, key.position + 1)]
            return Inference(**self.of_task(key), data=data, pairs=self.pairs(key))
        spec: TaskSpec = FAMILIES[self.row(key.method).family].spec(self, key, grown)
        return spec

    def pairs(self, key: Key) -> Mapping[str, Any] | None:
        """How pairs of faces are compared by the newest task that has any, of one or a lesson.

        Of a lesson it says which of its tasks that is.
        """
        lesson = self.lesson(key.method, key.position)
        for position in reversed(lesson):
            pairs = self.config["tasks"][position - 1].get("pairs")
            if pairs:
                where = {"position": position} if len(lesson) > 1 else {}
                if "expression" in pairs:
                    names = [task["name"] for task in self.config["tasks"]]
                    where["expression_position"] = 1 + names.index(pairs["expression"])
                return {**pairs, **where}
        return None

    def _goal(self, key: Key) -> GoalSpec:
        goals, task = self.settings(key.method)["goals"], self.task(key)["name"]
        if task in goals["given"]:
            return GoalSpec(**self.of_task(key), policy="given", goal=goals["given"][task])
        return GoalSpec(**self.of_task(key), policy=goals["policy"], margin=goals["margin"])

    def infer_inputs(self, key: Key) -> Inputs:
        """What `infer` reads: images, and shards, or the newest one, which names the others."""
        upto = range(1, key.position + 1)
        wanted = upto if self.row(key.method).alone else upto[-1:]
        shards = [self.shard(key.method, key.seed, position) for position in wanted]
        inputs: Inputs = {"packs": self.packs(upto), "shards": shards}
        if self.row(key.method).pretrained == "ground":
            inputs |= self.ground_of(key.method)
        if pairs := self.pairs(key):
            inputs["pairs"] = self.paths.pack(pairs["dataset"])
        first = self.lesson(key.method, key.position)[0]
        if first > 1:
            before = Key("infer", key.method, key.seed, first - 1)
            inputs["before"] = self.file(before, "logits.h5")
        return inputs

    def pack_stage(self, dataset: str) -> Stage:
        """The job that packs one data set."""
        if dataset not in self._packs:  # raw files are looked through once
            self._packs[dataset] = pack_stage(self.config, self.paths, dataset)
        return self._packs[dataset]

    def align_stages(self, dataset: str) -> list[Stage]:
        """The jobs that align a face set, one per shard; none for other sets."""
        if dataset not in self._aligned:
            self._aligned[dataset] = align_stages(self.config, self.paths, dataset)
        return self._aligned[dataset]

    def keys(self, kind: str) -> Iterator[Key]:
        """All stages of a kind over methods, seeds and tasks, expand left out."""
        for method in self.config["methods"]:
            if kind in self.row(method).stages:
                ends = [lesson[-1] for lesson in self.lessons(method)]
                for seed in self.config["seeds"]:
                    for position in ends:
                        if position <= len(self.tasks):
                            yield Key(kind, method, seed, position)
