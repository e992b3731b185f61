"""How every figure looks: one type scale, colours that all eyes tell apart, in light and dark.

An SVG names each colour as a CSS variable with the light colour as its fallback, and brings a style
that sets the variables to lighter ones where the reader prefers dark.
"""

import io
import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe & Ito's colours, told apart with every common colour blindness.
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#e69f00", "#009e73", "#cc79a7"
SKY, RED = "#56b4e9", "#d55e00"
INK, QUIET, RULE, FREE, PAPER = "#1c1d21", "#5f636c", "#d9dbe0", "#e9eaee", "#fefefe"
_DARK = {INK: "#e8e9ed", QUIET: "#a3a7b1", RULE: "#3a3d45", FREE: "#30333a", PAPER: "#16171b"}
P = ParamSpec("P")
_LEAST_SPAN = 4.0  # points that an axis of accuracies covers
_READABLE = 4.5  # contrast of a colour against the dark paper, at least (WCAG AA of text)

PANEL = (3.3, 2.35)  # inches of a small multiple; the page shows it at about this size
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
_MONO = "ui-monospace, 'DejaVu Sans Mono', monospace"
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "figure.facecolor": PAPER,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.labelcolor": INK,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "lifelong",
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a name of a task is a dollar
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """A function that draws, run in our style: matplotlib reads it as parts are made."""

    @wraps(draw)
    def inside(*arguments: P.args, **named: P.kwargs) -> Figure:
        with matplotlib.rc_context(_STYLE):
            return draw(*arguments, **named)

    return inside


def panel(title: str, size: tuple[float, float] = PANEL) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, ruled across, and its title at the left."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_title(shortened(title, size[0]))
    axes.grid(axis="y")
    return figure, axes


def percent_axis(axes: Axes, percents: Sequence[float]) -> None:
    """Limits of an axis of accuracies: never above 100, never so near that noise looks steep."""
    low, high = min(percents), max(percents)
    span = max(_LEAST_SPAN, 1.15 * (high - low))
    top = min(100.0, (low + high + span) / 2)
    low = max(0.0, min(low, top - span))
    axes.set_ylim(low - 0.04 * span, top + 0.04 * span)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=2))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def shortened(title: str, inches: float) -> str:
    """A title cut to what fits beside its figure."""
    most = int(inches * 12)
    return title if len(title) <= most else f"{title[: most - 1]}…"


def sequence(count: int) -> list[str]:
    """So many colours in an order that eyes follow, the last ones lighter (viridis)."""
    return [to_hex(one) for one in matplotlib.colormaps["viridis"](np.linspace(0.08, 0.85, count))]


def svg(figure: Figure) -> str:
    """The figure as SVG text; the same figure gives the same text, which holds no date."""
    text = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        if engine := figure.get_layout_engine():
            engine.execute(figure)
            figure.set_layout_engine("none")  # saving would draw once more only to lay it out
        figure.savefig(
            text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return _themed(text.getvalue())


def _themed(text: str) -> str:
    text = re.sub(r"'DejaVu Sans',[^;\"]*sans-serif", _FONTS, text)
    text = re.sub(r"'DejaVu Sans Mono',[^;\"]*monospace", _MONO, text)
    used = sorted(set(re.findall(r"(?<=: )#[0-9a-f]{6}\b", text)))
    text = re.sub(r"(?<=: )#([0-9a-f]{6})\b", r"var(--c-\1, #\1)", text)
    twins = " ".join(f"--c-{colour[1:]}: {in_dark(colour)};" for colour in used)
    style = f"<style>@media (prefers-color-scheme: dark) {{ svg {{ {twins} }} }}</style>"
    head, body = text.split("<defs>", 1)
    return f"{head}{style}\n <defs>{body}"


def in_dark(colour: str) -> str:
    """The colour for a dark page: the same hue, as much lighter as it takes to be read."""
    if colour in _DARK:
        return _DARK[colour]
    red, green, blue = to_rgb(colour)
    for white in np.linspace(0.0, 1.0, 41):
        mixed = tuple(part + (1 - part) * white for part in (red, green, blue))
        if contrast(mixed, to_rgb(_DARK[PAPER])) >= _READABLE:
            return to_hex(mixed)
    return "#ffffff"


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The contrast of two colours (red, green, blue in [0, 1]) by WCAG 2, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@styled
def empty(title: str, why: str = "nothing recorded yet") -> Figure:
    """A figure that says why it shows nothing."""
    figure = Figure(figsize=PANEL)
    figure.text(0.04, 0.9, shortened(title, PANEL[0]), weight="bold", fontsize=10)
    figure.text(0.5, 0.45, why, ha="center", color=QUIET)
    return figure
