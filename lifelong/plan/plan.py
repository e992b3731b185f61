"""The experiment as a list of stages: what each reads, writes and must know.

A stage's spec holds every setting that decides its bytes and nothing else, so that a changed key
reruns only what depends on it.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from lifelong.plan.config import settings
from lifelong.plan.decisions import Grown, fair_ratio
from lifelong.plan.draws import images_of, pack_settings
from lifelong.plan.faces import alignment_settings
from lifelong.plan.layers import options_of, pattern_of, training_of
from lifelong.plan.methods import SHAPES, Shape
from lifelong.plan.paths import Paths, slug
from lifelong.plan.patterns import named
from lifelong.plan.seeds import seed_of
from lifelong.plan.stacks import STACKS
from lifelong.plan.stage import Inputs, Key, Stage

# Raise a stage's number when a change of its code changes its results: the stage reruns.
REVISIONS = {
    "align_faces": 1,
    "pack_data": 1,
    "baseline": 1,
    "goals": 1,
    "train": 1,
    "expand": 1,
    "prune": 1,
    "select": 1,
    "retrain": 1,
    "infer": 2,
}

TABLES = ("summary", "accuracy", "goals", "size", "learning", "verification", "published")


class Plan:
    """All stages of a checked configuration."""

    def __init__(self, config: Mapping[str, Any], root: str = "results") -> None:
        self.config = config
        self.paths = Paths(config["experiment"], root)
        self.tasks = [task["name"] for task in config["tasks"]]
        self.slugs = [slug(i, name) for i, name in enumerate(self.tasks, 1)]

    @cached_property
    def _settings(self) -> dict[str, dict[str, Any]]:
        methods = {**SHAPES, **self.config["variants"]}
        return {method: settings(self.config, method) for method in methods}

    def base(self, method: str) -> str:
        """The method that a variant is one of; any other is itself."""
        return str(self.config["variants"].get(method, {"method": method})["method"])

    def shape(self, method: str) -> Shape:
        return SHAPES[self.base(method)]

    def settings(self, method: str) -> dict[str, Any]:
        return self._settings[method]

    def position(self, task: str) -> int:
        """The position of a task given by its slug."""
        return self.slugs.index(task) + 1

    def folder(self, key: Key) -> str:
        name = self.slugs[key.position - 1]
        return self.paths.stage(key.kind, key.method, key.seed, name, key.attempt)

    def file(self, key: Key, name: str) -> str:
        return f"{self.folder(key)}/{name}"

    def shard(self, method: str, seed: int, position: int) -> str:
        """The file that holds what a task brought to the model."""
        return self.file(Key(self.shape(method).last, method, seed, position), "shard.h5")

    def _attempt(self, key: Key, attempt: int, name: str = "manifest.json") -> str:
        """A file of an attempt of a task; attempt 0 is the train stage."""
        kind = "expand" if attempt else "train"
        return self.file(Key(kind, key.method, key.seed, key.position, attempt), name)

    def pack(self, position: int) -> str:
        return self.paths.pack(self.config["tasks"][position - 1]["dataset"])

    def stage(self, key: Key, grown: Grown = Grown(), threads: int = 1) -> Stage:  # noqa: B008
        """The stage of a key; `grown` says which candidate prune and its successors take."""
        inputs = self.inputs(key, grown.attempt)
        return Stage(key.kind, self.folder(key), inputs, self.grown_spec(key, grown), threads)

    def inputs(self, key: Key, attempt: int = 0) -> Inputs:
        """The files a stage reads, by role."""
        return self.fixed_inputs(key) | self.grown_inputs(key, attempt)

    def grown_spec(self, key: Key, grown: Grown) -> dict[str, Any]:
        """What a stage must know when it is known how the attempts before it ended.

        A task that missed its goal at the cap is pruned no further than leaves others their share.
        """
        spec, task = self.spec(key), self.config["tasks"][key.position - 1]
        if key.kind == "prune" and grown.missed and "ratio" not in task:
            expected = self.settings(key.method)["expand"]["tasks_expected"]
            spec["stop_at"] = fair_ratio(key.position, expected)
        return spec

    def fixed_inputs(self, key: Key) -> Inputs:
        """The files a stage reads however often its task was widened."""
        return getattr(self, f"_{key.kind}_inputs")(key)

    def grown_inputs(self, key: Key, attempt: int) -> Inputs:
        """The candidate of an attempt, and what decided that it took so many."""
        if key.kind not in ("prune", "retrain"):
            return {}
        inputs: Inputs = {"candidate": self._attempt(key, attempt, "candidate.h5")}
        if attempt:
            inputs["widened"] = [self._attempt(key, i) for i in range(1, attempt + 1)]
        return inputs

    def _baseline_inputs(self, key: Key) -> Inputs:
        inputs: Inputs = {"pack": self.pack(key.position)}
        sources = sorted(set(self._sources(key)) - {0})
        if sources:
            inputs["sources"] = [self.shard("scratch", key.seed, i) for i in sources]
        return inputs

    def _goals_inputs(self, key: Key) -> Inputs:
        goals = self.settings(key.method)["goals"]
        if self.tasks[key.position - 1] in goals["given"]:
            return {}
        method = "scratch" if goals["policy"] == "scratch" else "finetune"
        return {
            "baseline": self.file(Key("baseline", method, key.seed, key.position), "record.csv")
        }

    def _train_inputs(self, key: Key) -> Inputs:
        inputs: Inputs = {"pack": self.pack(key.position), "shards": self._shards_before(key)}
        if self.shape(key.method).layered and inputs["shards"]:  # whose tasks it looks at too
            inputs["packs"] = [self.pack(i) for i in range(1, key.position)]
        return inputs

    def _expand_inputs(self, key: Key) -> Inputs:
        return self._train_inputs(key) | {"before": self._attempt(key, key.attempt - 1)}

    def _prune_inputs(self, key: Key) -> Inputs:
        inputs = self._train_inputs(key)
        if self.shape(key.method).expands:
            inputs["learned"] = self._attempt(key, 0)
        return inputs

    def _select_inputs(self, key: Key) -> Inputs:
        if self.shape(key.method).layered:
            return {"learned": self._attempt(key, 0)}
        inputs: Inputs = {"record": self.file(self._with(key, "prune"), "record.csv")}
        if self.shape(key.method).has_goal:
            inputs["goal"] = self.file(self._with(key, "goals"), "goal.json")
        return inputs

    def _retrain_inputs(self, key: Key) -> Inputs:
        selected: Inputs = {"selected": self.file(self._with(key, "select"), "selected.json")}
        if self.shape(key.method).layered:
            return self._train_inputs(key) | selected
        pruned: Inputs = {"prune": self.file(self._with(key, "prune"), "manifest.json")}
        return self._prune_inputs(key) | pruned | selected

    def _infer_inputs(self, key: Key) -> Inputs:
        upto = range(1, key.position + 1)
        inputs: Inputs = {
            "packs": [self.pack(i) for i in upto],
            "shards": [self.shard(key.method, key.seed, i) for i in upto],
        }
        if "baseline" in self.shape(key.method).stages:  # it names repetitions, to measure too
            last = [Key("baseline", key.method, key.seed, i) for i in upto]
            inputs["baselines"] = [self.file(one, "manifest.json") for one in last]
        task = self.config["tasks"][key.position - 1]
        if "pairs" in task:
            inputs["pairs"] = self.paths.pack(task["pairs"]["dataset"])
        if key.position > 1:
            before = Key("infer", key.method, key.seed, key.position - 1)
            inputs["before"] = self.file(before, "logits.h5")
        return inputs

    def _shards_before(self, key: Key) -> list[str]:
        if self.shape(key.method).alone:
            return []
        return [self.shard(key.method, key.seed, i) for i in range(1, key.position)]

    def _with(self, key: Key, kind: str) -> Key:
        return Key(kind, key.method, key.seed, key.position)

    def _sources(self, key: Key) -> list[int]:
        """For each finetuned repetition the task it starts from; 0 is from scratch."""
        repetitions = self.settings(key.method)["baseline"]["repetitions"]
        if self.base(key.method) != "finetune":
            return [0]
        task = self.tasks[key.position - 1]
        return [
            seed_of(key.seed, task, "source", i) % (key.position - 1) + 1 if key.position > 1 else 0
            for i in range(repetitions)
        ]

    def _random_seed(self, key: Key) -> int:
        return seed_of(key.seed, self.tasks[key.position - 1])

    def spec(self, key: Key) -> dict[str, Any]:
        """Every setting that decides the bytes of a stage."""
        own = self.settings(key.method)
        layered = self.shape(key.method).layered
        spec: dict[str, Any] = {
            "revision": REVISIONS[key.kind],
            "kind": key.kind,
            "experiment": self.config["experiment"],
            "protocol": self.config["protocol"],
            "method": key.method,
            "seed": key.seed,
            "position": key.position,
            "task": self.tasks[key.position - 1],
        }
        if key.kind == "goals":
            return spec | {"goals": self._goal_of(key, own)}
        if layered or self.base(key.method) != key.method:
            spec["base"] = self.base(key.method)
        if key.kind == "select":
            return spec | (self._layer_choice(key) if layered else self._select_spec(key, own))
        if key.kind == "infer":
            task = self.config["tasks"][key.position - 1]
            pairs = {"pairs": task["pairs"]} if "pairs" in task else {}
            data = [self._data(i, key.seed) for i in range(1, key.position + 1)]
            return spec | {"data": data} | pairs
        return spec | (self._layer_spec(key) if layered else self._training_spec(key, own))

    def _goal_of(self, key: Key, own: Mapping[str, Any]) -> dict[str, Any]:
        goals, task = own["goals"], self.tasks[key.position - 1]
        if task in goals["given"]:
            return {"policy": "given", "goal": goals["given"][task]}
        return {"policy": goals["policy"], "margin": goals["margin"]}

    def _select_spec(self, key: Key, own: Mapping[str, Any]) -> dict[str, Any]:
        task = self.config["tasks"][key.position - 1]
        shape, expected = self.shape(key.method), own["expand"]["tasks_expected"]
        return {
            "by_hand": task.get("ratio") if shape.has_goal else None,
            "cap": own["expand"]["cap"] if shape.expands else 1.0,
            "fair": fair_ratio(key.position, expected) if shape.has_goal else 0.0,
        }

    def _training_spec(self, key: Key, own: Mapping[str, Any]) -> dict[str, Any]:
        section = "train" if key.kind == "expand" else key.kind
        spec = {
            "random_seed": self._random_seed(key),
            "data": self._data(key.position, key.seed),
            "network": own["network"],
            "recipe": own["recipe"],
            section: own[section],
        }
        if "loss" in (task := self.config["tasks"][key.position - 1]):
            spec["loss"] = task["loss"]
        if key.kind == "baseline":
            spec["sources"] = self._sources(key)
        if key.kind == "expand":
            spec |= {"attempt": key.attempt, "expand": own["expand"]}
        return spec

    def _layer_spec(self, key: Key) -> dict[str, Any]:
        own, base = self.settings(key.method), self.base(key.method)
        layers, shape = own["layers"], self.shape(key.method)
        known = range(1, 1 if shape.alone else key.position)
        spec = {
            "random_seed": self._random_seed(key),
            "data": self._data(key.position, key.seed),
            "older": [self._data(i, key.seed) for i in known],
            "network": own["network"],
            "pattern": pattern_of(base, layers, own["network"]["name"]),
            "options": options_of(base, layers),
        }
        if key.kind == "train":
            spec["training"] = training_of(layers)
        return spec

    def _layer_choice(self, key: Key) -> dict[str, Any]:
        task, own = self.config["tasks"][key.position - 1], self.settings(key.method)
        network = own["network"]["name"]
        by_hand = task.get("sharing") if self._chooses(key.method) else None
        return {"by_hand": by_hand and named(by_hand, STACKS[network].depth, network)}

    def _chooses(self, method: str) -> bool:
        """Whether a method of the layer family finds its pattern itself."""
        return "groups" in options_of(self.base(method), self.settings(method)["layers"])

    def _data(self, position: int, seed: int) -> dict[str, Any]:
        """What a stage must know of a task's images beside the pack."""
        task = self.config["tasks"][position - 1]
        wanted = ("classes", "group", "crop")
        data = {name: task[name] for name in wanted if name in task}
        if "classes" not in data and "group" not in data:
            data["group"] = task["name"]
        dataset = self.config["datasets"][task["dataset"]]
        if framed := self._framed(dataset):
            data["alignment"] = framed
        seen = images_of(seed, task, dataset)
        return {"task": task["name"], **data, **seen}

    def _framed(self, dataset: Mapping[str, Any]) -> str:
        """How the faces of a set were cut out; "" where its images are of other things."""
        if "align" in dataset:
            return str(dataset["align"]["preset"])
        return "prealigned" if dataset.get("prealigned") else ""

    def pack_stage(self, dataset: str) -> Stage:
        """The job that packs one data set."""
        path = self.paths.pack(dataset)
        spec = {"revision": REVISIONS["pack_data"], "kind": "pack_data"}
        spec |= {"experiment": self.config["experiment"], "dataset": dataset}
        spec |= {"settings": pack_settings(self.config["datasets"][dataset])}
        parts = [stage.path("faces.h5") for stage in self.align_stages(dataset)]
        inputs: Inputs = {"parts": list(parts)} if parts else {}
        return Stage("pack_data", path.rsplit("/", 1)[0], inputs, spec)

    def align_stages(self, dataset: str) -> list[Stage]:
        """The jobs that align a face set, one a shard; none for other sets."""
        settings = pack_settings(self.config["datasets"][dataset])
        if "align" not in settings:
            return []
        shards = settings["align"]["shards"]
        spec = {"revision": REVISIONS["align_faces"], "kind": "align_faces"}
        spec |= {"experiment": self.config["experiment"], "dataset": dataset}
        spec |= {"shards": shards, "settings": alignment_settings(settings)}
        return [
            Stage("align_faces", self.paths.faces(dataset, shard), {}, {**spec, "shard": shard})
            for shard in range(1, shards + 1)
        ]

    def keys(self, kind: str) -> Iterator[Key]:
        """All stages of a kind over methods, seeds and tasks, expand left out."""
        for method in self.config["methods"]:
            if kind not in self.shape(method).stages:
                continue
            for seed in self.config["seeds"]:
                for position in range(1, len(self.tasks) + 1):
                    yield Key(kind, method, seed, position)

    def table_inputs(self) -> Inputs:
        """The records that tables are made of, and the published numbers to print beside ours."""
        kinds = ("baseline", "prune", "select", "retrain", "infer")
        keys = [key for kind in kinds for key in self.keys(kind)]
        keys += [key for key in self.keys("train") if self.shape(key.method).layered]
        records = [self.file(key, "record.csv") for key in keys]
        inputs: Inputs = {"records": records}
        if self.config["published"]:
            inputs["published"] = self.config["published"]
        return inputs

    def report_inputs(self) -> Inputs:
        """What the report shows."""
        return self.table_inputs() | {
            "selected": [self.file(key, "selected.json") for key in self.keys("select")],
            "tables": [self.paths.tables(name) for name in TABLES],
        }

    def experiment_spec(self) -> dict[str, Any]:
        """What tables and report must know."""
        names = ("experiment", "protocol", "methods", "seeds")
        spec = {name: self.config[name] for name in names}
        spec |= {"tasks": self.tasks, "cpg_row": self.config["published_cpg_row"]}
        spec["sharing"] = [m for m in self.config["methods"] if self.shape(m).shares]
        return spec
