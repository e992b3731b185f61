"""Every colour is told by a variable and is read in light and in dark."""

import re

import pytest
from matplotlib.colors import to_rgb

from lifelong.report.canvas import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PAPER,
    PINK,
    QUIET,
    RED,
    SKY,
    contrast,
    in_dark,
    panel,
    sequence,
    svg,
)

MARKS = [BLUE, ORANGE, GREEN, PINK, SKY, RED]


@pytest.fixture(scope="module")
def text() -> str:
    figure, axes = panel("$5 and more")
    axes.plot([0, 1], [0, 1], color=BLUE)
    axes.set_xlabel("x")
    return svg(figure)


def test_no_colour_is_fixed(text: str) -> None:
    assert not re.findall(r"(?<!, )#[0-9a-f]{6}\b(?!;? ?[}-])", text.split("</style>")[1])
    assert "var(--c-0072b2, #0072b2)" in text
    dark = text.split("</style>")[0]
    assert "prefers-color-scheme: dark" in dark and f"--c-0072b2: {in_dark(BLUE)};" in dark
    used = set(re.findall(r"var\(--c-([0-9a-f]{6})", text))
    assert used == set(re.findall(r"--c-([0-9a-f]{6}): ", dark))


def test_text_stays_text_as_it_was_written(text: str) -> None:
    assert ">$5 and more</text>" in text and "system-ui" in text


def test_words_are_read_on_both_papers() -> None:
    for words in (INK, QUIET):
        assert contrast(to_rgb(words), to_rgb(PAPER)) >= 4.5
        assert contrast(to_rgb(in_dark(words)), to_rgb(in_dark(PAPER))) >= 4.5


@pytest.mark.parametrize("colour", [*MARKS, *sequence(20)])
def test_marks_are_seen_on_dark_paper(colour: str) -> None:
    assert contrast(to_rgb(in_dark(colour)), to_rgb(in_dark(PAPER))) >= 4.5


def test_contrast_is_as_defined() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    assert contrast(to_rgb("#777777"), (1, 1, 1)) == pytest.approx(4.48, abs=0.005)  # of WCAG
