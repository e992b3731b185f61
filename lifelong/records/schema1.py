"""Read records of schema 1, where the names of metrics contained the layer and the pattern."""

import re

_FORMS = (
    re.compile(r"(?P<metric>shares)_layer_(?P<layer>\d+)", re.ASCII),
    re.compile(r"(?P<metric>posterior|posterior_epoch|candidate):(?P<pattern>[S-]+)"),
    re.compile(r"(?P<metric>alpha):(?P<layer>\d+):(?P<pattern>[S-])", re.ASCII),
    re.compile(r"(?P<metric>kept|gate_rate|units|selected):(?P<layer>\d+)", re.ASCII),
)


def upgraded(metric: str) -> dict[str, str | int]:
    """The columns metric, layer and pattern of schema 2 for a metric's name in schema 1."""
    for form in _FORMS:
        if match := form.fullmatch(metric):
            parts: dict[str, str | int] = dict(match.groupdict())
            return parts | ({"layer": int(parts["layer"])} if "layer" in parts else {})
    return {"metric": metric}
