"""The methods of the table by family, for tests that run all of them."""

from lifelong.plan.methods import METHODS

_NETWORKS = [row for row in METHODS.values() if row.family in ("separate", "masks")]
NETWORK_METHODS = [row.name for row in _NETWORKS if not row.needs_pretrained]
PRETRAINED_METHODS = [row.name for row in _NETWORKS if row.needs_pretrained]
GROUND_METHODS = [row.name for row in _NETWORKS if row.pretrained]  # these may have such weights
LAYER_METHODS = [row.name for row in METHODS.values() if row.family == "layers"]
JOINT_METHODS = [row.name for row in METHODS.values() if row.together]
