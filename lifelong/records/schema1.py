"""Records of schema 1, whose metrics had layer and pattern in their names."""

import re

_FORMS = (
    re.compile(r"(?P<metric>shares)_layer_(?P<layer>\d+)", re.ASCII),
    re.compile(r"(?P<metric>posterior|posterior_epoch|candidate):(?P<pattern>[S-]+)"),
    re.compile(r"(?P<metric>alpha):(?P<layer>\d+):(?P<pattern>[S-])", re.ASCII),
    re.compile(r"(?P<metric>kept|gate_rate|units|selected):(?P<layer>\d+)", re.ASCII),
)


def upgraded(metric: str) -> dict[str, str | int]:
    """The columns of today that a metric's name of then stood for: metric, layer, pattern."""
    for form in _FORMS:
        if match := form.fullmatch(metric):
            parts: dict[str, str | int] = dict(match.groupdict())
            return parts | ({"layer": int(parts["layer"])} if "layer" in parts else {})
    return {"metric": metric}
