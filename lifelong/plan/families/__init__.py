"""What the stages of each family of methods read and must know, and what its configuration may not
say. One module per family, each with `inputs`, `grown_inputs`, `spec`, `check`, `SPECS` and
`SECTIONS`, the sections of the configuration that only its methods read.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lifelong.plan.families import joint, layers, masks, separate
from lifelong.plan.methods import METHODS
from lifelong.plan.specs import (
    Alignment,
    GoalSpec,
    Grounding,
    Inference,
    Overview,
    Packing,
    Reporting,
    Spec,
)

FAMILIES: dict[str, ModuleType] = {
    "separate": separate,
    "masks": masks,
    "layers": layers,
    "joint": joint,
}
_SPECS: dict[str, type] = {
    "goals": GoalSpec,
    "infer": Inference,
    "pack_data": Packing,
    "align_faces": Alignment,
    "ground": Grounding,
    "tables": Overview,
    "report": Reporting,
}


def spec_from(facts: Mapping[str, Any]) -> Spec:
    """The spec that was written as JSON. Raises KeyError or TypeError for what is no spec."""
    kind = facts["kind"]
    form = _SPECS.get(kind) or FAMILIES[METHODS[facts["base"]].family].SPECS[kind]
    spec: Spec = form(**facts)
    return spec
