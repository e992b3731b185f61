"""The table of methods: one row per method, with everything the workflow must know about it.

What a method does with weights is in the file that `code` names. Installed packages add rows of
their own through the entry point group `lifelong.methods`; nothing else names a method.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lifelong.plan.code import Table

MOST_TASKS = 254  # of one model: an owner is one byte, 0 is nobody and 255 is kept back


@dataclass(frozen=True)
class Method:
    """One method: its place in the DAG, its settings, and what its family must know about it.

    `code` is "module:object", or a module that only describes the method. `published` names rows of
    a published table and what is done with several networks of one task, "mean" or "max"; of
    several rows the one that the configuration chooses counts. `revision` goes up when a change of
    the code changes what the method gives: all its stages run again.
    """

    name: str
    family: str
    code: str
    stages: tuple[str, ...]  # of one task, in order, without goals and expand
    revision: int = 2
    defaults: Mapping[str, Any] = field(
        default_factory=dict
    )  # where the common recipe does not fit
    published: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False  # one network per task: tasks share nothing
    together: bool = False  # learns the tasks of a lesson at once
    isolates: bool = True  # learning a task never changes an older one
    has_goal: bool = False  # decisions compare with an accuracy goal
    expands: bool = False  # widens the network where the goal was missed
    shares_batches: bool = True  # several processes can train a task, each on a share of its images
    # Separate networks.
    trains: str = "all"  # or "head": the body is the ground as it is
    starts_from: str = ""  # the method whose networks of other tasks each network begins with
    # Masks over single weights.
    picks: str = ""  # how it chooses weights (masks/pick.py): "" takes all older ones, "threshold"
    # chooses among these, "top_k" among older and free ones together
    ground: str = ""  # weights of no task, of which all tasks pick (masks/ground.py)
    pretrained: str = ""  # given weights: "ground", it stands on them; "start", it trains a copy
    needs_pretrained: bool = False
    norms: str = "own"  # or "frozen": norms and biases stay as the first task left them
    widens: bool = False  # every task adds expand.step to the width, but the first without a ground
    # Shared layers, and tasks learned together.
    options: tuple[str, ...] = ()  # what it reads of `layers`, beside dropout, or of `joint`
    pattern: str = "given"  # "given" in the configuration, a fixed one by name, or "" to be found
    one_head: bool = False  # one output layer for all tasks: equally many classes
    one_size: bool = False  # fully connected layers for all tasks: images of one size
    skips: bool = True  # networks with skips will do
    least_batch: int = 1  # images that a step needs
    first_alone: bool = False  # the first task shares with nobody until the second one arrives

    @property
    def masks_only(self) -> bool:
        """Whether tasks, but perhaps the first, have no weights of their own by design."""
        return bool(self.ground) or self.norms == "frozen"

    @property
    def releases(self) -> bool:
        """Whether tasks prune what they trained, and leave it to later ones."""
        return "prune" in self.stages and not self.masks_only and self.picks != "top_k"

    @property
    def finishes(self) -> bool:
        """Whether its code makes less of a task's weights before they are written."""
        return ":" in self.code

    @property
    def shard_stage(self) -> str:
        """The stage that writes the task's shard: the last one before `infer`."""
        return self.stages[self.stages.index("infer") - 1]

    @property
    def kinds(self) -> tuple[str, ...]:
        """All stages that a task may have, those of goals and growth included."""
        more = (("goals", self.has_goal), ("expand", self.expands))
        return (*self.stages, *(kind for kind, there in more if there))


separate = partial(Method, family="separate", stages=("baseline", "infer"), alone=True)
masks = partial(Method, family="masks", stages=("train", "prune", "select", "retrain", "infer"))
joint = partial(
    Method,
    family="joint",
    stages=("train", "retrain", "infer"),
    together=True,
    shares_batches=False,
    revision=3,
)
layers = partial(
    Method,
    family="layers",
    stages=("train", "select", "retrain", "infer"),
    isolates=False,
    shares_batches=False,
)

_PACKNET: dict[str, Any] = {
    "train": {"min_train_accuracy": 0.0},
    "prune": {"schedule": "one_shot", "ratios": [0.6], "epochs": 0, "min_train_accuracy": 0.0},
    "retrain": {"milestones": [25], "keep": "last"},
}
_UNPRUNED: dict[str, Any] = {
    "train": {"min_train_accuracy": 0.0},
    "prune": {"ratios": []},
    "retrain": {"epochs": 0},
}
# Features that nothing augments overfit: a decay so strong was best on validation images.
_PROBE: dict[str, Any] = {
    "recipe": {"crop_padding": 0, "flip": False, "weight_decay": 0.2},
    "baseline": {"epochs": 30, "lr": 0.005, "milestones": [20, 26], "repetitions": 1},
}
_DROP = {"rounds": 20, "share": 0.2, "allowed": 0.002}
_UNIT = ("logit_norm", "scale", "trunk_leak", "lr", "sigma", "loss_scale")  # of dynamic weights
_CPG_ROWS = dict.fromkeys(("CPG avg", "CPG max", "CPG top"), "mean")


def _ours(name: str) -> str:
    return f"lifelong.methods.{name}"


_ROWS = (
    separate(
        "scratch",
        code=_ours("scratch"),
        published={"Scratch": "mean"},
        defaults={"ground": {"pretrained": None}},
    ),
    separate(
        "finetune",
        code=_ours("finetune"),
        starts_from="scratch",
        pretrained="start",
        published={"fine-Avg": "mean", "fine-Max": "max"},
    ),
    separate(
        "probe",
        code=_ours("probe"),
        pretrained="ground",
        needs_pretrained=True,
        trains="head",
        shares_batches=False,
        revision=3,
        defaults=_PROBE,
    ),
    masks(
        "packnet",
        code=_ours("packnet"),
        pretrained="ground",
        defaults=_PACKNET,
        published={"PackNet": "mean"},
    ),
    masks(
        "pae",
        code=_ours("pae"),
        pretrained="ground",
        defaults={"retrain": {"epochs": 0}},
        has_goal=True,
        expands=True,
        published={"PAE": "mean"},
    ),
    masks(
        "cpg",
        code=_ours("cpg"),
        picks="threshold",
        pretrained="ground",
        has_goal=True,
        expands=True,
        published=_CPG_ROWS,
    ),
    masks(
        "piggyback",
        code=_ours("piggyback"),
        picks="threshold",
        pretrained="ground",
        norms="frozen",
        defaults={**_UNPRUNED, "ground": {"released": 0.0}},
    ),
    masks(
        "progressive_cpg",
        code=_ours("progressive_cpg"),
        pretrained="ground",
        widens=True,
        defaults={**_UNPRUNED, "expand": {"step": 1.0}, "ground": {"released": 0.0}},
    ),
    masks("wsn", code=_ours("wsn"), picks="top_k", defaults=_UNPRUNED),
    masks(
        "wsn_auto",
        code=_ours("wsn_auto"),
        picks="top_k",
        has_goal=True,
        defaults={"train": _UNPRUNED["train"], "retrain": {"epochs": 0}},
    ),
    masks(
        "tinysubnets",
        code=_ours("tinysubnets:finish"),
        picks="top_k",
        defaults={**_UNPRUNED, "retrain": {"epochs": 0, "centres": 16, "drop": _DROP}},
    ),
    masks(
        "supsup",
        code=_ours("supsup"),
        picks="top_k",
        ground="signed_constants",
        published={"SupSup": "mean"},
        defaults={**_UNPRUNED, "picking": {"scores": "fresh"}},
    ),
    layers("stl", code=_ours("stl:STL"), pattern="none", alone=True, isolates=True),
    layers("snn", code=_ours("snn:SNN"), pattern="all", one_head=True, one_size=True),
    layers("hps", code=_ours("hps:HPS")),
    layers("tf", code=_ours("tf:TF"), options=("tf",)),
    layers("dfcnn", code=_ours("dfcnn:DFCNN"), options=("dfcnn",)),
    *(
        layers(
            f"lasem_{form}",
            code=_ours(f"lasem:LASEM_{form.upper()}"),
            pattern="",
            options=("groups", "lasem", *more),
        )
        for form, more in (("hps", ()), ("tf", ("tf",)), ("dfcnn", ("dfcnn",)))
    ),
    *(
        layers(
            f"brute_{form}",
            code=_ours(f"brute:BRUTE_{form.upper()}"),
            pattern="",
            first_alone=True,
            options=("groups", *more),
        )
        for form, more in (("hps", ()), ("tf", ("tf",)), ("dfcnn", ("dfcnn",)))
    ),
    layers(
        "progressive",
        code=_ours("progressive:PROGRESSIVE"),
        pattern="none",
        isolates=True,
        options=("columns",),
    ),
    layers(
        "den",
        code=_ours("den:DEN"),
        pattern="all",
        one_size=True,
        skips=False,
        options=("den",),
        revision=3,
    ),
    *(
        layers(
            f"darts_{form}",
            code=_ours(f"darts:DARTS_{form.upper()}"),
            pattern="",
            options=("groups", "darts", *more),
        )
        for form, more in (("hps", ()), ("dfcnn", ("dfcnn",)))
    ),
    layers(
        "apd",
        code=_ours("apd:APD"),
        pattern="all",
        options=("apd",),
        defaults={"layers": {"lr": 1e-3}},
    ),
    layers("apd_repo", code=_ours("apd:APD_REPO"), pattern="all", options=("apd",)),
    layers(
        "gated",
        code=_ours("gated:GATED"),
        pattern="all",
        isolates=True,
        least_batch=2,
        options=("gated",),
    ),
    layers("gated_repo", code=_ours("gated:GATED_REPO"), pattern="all"),
    joint("joint", code=_ours("joint:Fixed"), options=("weights",)),
    joint("dynamic", code=_ours("dynamic:Dynamic"), options=_UNIT),
    joint("naive_dynamic", code=_ours("naive_dynamic:NaiveDynamic"), options=_UNIT[:3]),
    joint("uncertainty", code=_ours("uncertainty:Uncertainty")),
    joint("gradnorm", code=_ours("gradnorm:GradNorm"), options=("lr", "asymmetry")),
    joint("dwa", code=_ours("dwa:DWA"), options=("temperature",)),
    joint("pcgrad", code=_ours("pcgrad:PCGrad")),
)

METHODS: Table[Method] = Table("lifelong.methods", _ROWS)

# Which method's networks set the goals, by the policy of the configuration.
GOAL_METHODS = {"scratch": "scratch", "fine_avg": "finetune", "fine_max": "finetune"}
