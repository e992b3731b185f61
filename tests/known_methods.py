"""The methods of the table by family, for tests that run all of them."""

from lifelong.plan.methods import METHODS

NETWORK_METHODS = [row.name for row in METHODS.values() if row.family in ("separate", "masks")]
LAYER_METHODS = [row.name for row in METHODS.values() if row.family == "layers"]
JOINT_METHODS = [row.name for row in METHODS.values() if row.together]
