"""Which layers a task shares, as text: one letter per layer from the image on, S shared, - its own.

The numbers that the released code of LASEM (ICML 2021) calls its patterns by are understood too.
"""

from collections.abc import Sequence

from lifelong.plan.errors import ConfigError

SHARED, OWN = "S", "-"
_SPAN = 5  # a pattern has so many codes one after another; the last digit chose another setting


def named(name: str, depth: int, network: str = "", key: str = "layers.pattern") -> str:
    """The pattern of a name ("all", "none", "top2", "bottom1", "alternating"), code or pattern.

    "alternating" begins with an own layer; "alternating_shared" with a shared one. Raises
    ConfigError, naming the `key`, for what is none of these or of another number of layers.
    """
    if set(name) <= {SHARED, OWN} and name:
        if len(name) != depth:
            raise ConfigError(
                f"config key {key}: {name!r} has {len(name)} letters, "
                f"but {network or 'the network'} has {depth} layers that may be shared"
            )
        return name
    if name.isdecimal():
        return _coded(int(name), depth, network, key)
    fixed = {
        "all": SHARED * depth,
        "none": OWN * depth,
        "alternating": "".join(OWN if layer % 2 == 0 else SHARED for layer in range(depth)),
        "alternating_shared": "".join(SHARED if layer % 2 == 0 else OWN for layer in range(depth)),
    }
    if name in fixed:
        return fixed[name]
    for word in ("top", "bottom"):
        count = name.removeprefix(word)
        if name.startswith(word) and count.isdecimal() and 0 < int(count) <= depth:
            rest = OWN * (depth - int(count))
            return rest + SHARED * int(count) if word == "top" else SHARED * int(count) + rest
    raise ConfigError(
        f"config key {key}: {name!r} is no pattern of {depth} layers: write one letter per "
        f"layer from the image on, such as {SHARED + OWN * (depth - 1)!r} (S shared, - its own), "
        f"or all, none, top1 to top{depth}, bottom1 to bottom{depth}, alternating"
    )


def _coded(code: int, depth: int, network: str, key: str) -> str:
    patterns = _coded_patterns(depth, network)
    place = code // _SPAN
    if place >= len(patterns):
        known = f"0 to {len(patterns) * _SPAN - 1}" if patterns else "none"
        raise ConfigError(
            f"config key {key}: code {code} is not defined for {depth} layers "
            f"(there are {known}); write the pattern itself, one letter per layer"
        )
    return patterns[place]


def _coded_patterns(depth: int, network: str) -> list[str]:
    """Patterns in the order of their codes 0, 5, 10, ..."""

    def top(count: int) -> str:
        return OWN * (depth - count) + SHARED * count

    def bottom(count: int) -> str:
        return SHARED * count + OWN * (depth - count)

    everything = SHARED * depth
    if depth == 4:
        ends = [top(1), top(2), top(3), bottom(1), bottom(2), bottom(3)]
        return [everything, *ends, "-S-S", "S-S-"]
    if depth == 6 and network.startswith("office"):  # its first two layers are never shared
        return ["--" + rest for rest in _OFFICE]
    if depth == 6:
        ends = [*map(top, range(1, 6)), *map(bottom, range(1, 6))]
        return [everything, *ends, "-S-S-S"]
    if depth == 8:
        ends = [*map(top, (2, 4, 6)), *map(bottom, (2, 4, 6))]
        return [everything, *ends, "-S-S-S-S", "S-S-S-S-"]
    return [everything] if depth in (9, 17) else []


_OFFICE = ("SSSS", "---S", "--SS", "-SSS", "S---", "SS--", "SSS-", "-S-S", "S-S-")


def configurations(depth: int, groups: Sequence[int] | None = None) -> list[str]:
    """All patterns, constant inside groups of consecutive layers; group g's choice is bit g.

    Bit 0 is the group nearest to the image; a set bit means own layers, so that the first pattern
    shares all and the last none.
    """
    sizes = list(groups or [1] * depth)
    patterns = []
    for index in range(2 ** len(sizes)):
        letters = [OWN if index >> bit & 1 else SHARED for bit in range(len(sizes))]
        patterns.append("".join(one * size for one, size in zip(letters, sizes, strict=True)))
    return patterns


MOST_CONFIGURATIONS = 1024


def check_groups(groups: Sequence[int] | None, depth: int, maps: Sequence[int], batch: int) -> None:
    """Raise ConfigError where groups do not cover the layers, or make too many configurations.

    `maps`: numbers per image after each layer, to say what so many would need in memory.
    """
    sizes = list(groups or [1] * depth)
    if sum(sizes) != depth:
        raise ConfigError(
            f"config key layers.groups: {sizes} cover {sum(sizes)} layers, "
            f"but the network has {depth} that may be shared"
        )
    count = 2 ** len(sizes)
    if count > MOST_CONFIGURATIONS:
        needed_gib = count * batch * maps[-1] * 4 * 2 / 2**30
        raise ConfigError(
            f"config key layers.groups: {len(sizes)} groups make {count} configurations, at most "
            f"{MOST_CONFIGURATIONS} are searched; the maps of the last layer alone would take "
            f"{needed_gib:.1f} GiB a batch. Let layers choose together, for example "
            f"{_fewer(depth)}"
        )


def _fewer(depth: int, most: int = 8) -> list[int]:
    """Groups as equal as can be, few enough to search."""
    base, extra = divmod(depth, most)
    return [base + 1] * extra + [base] * (most - extra)
