"""The table of verification as people read it."""

import math

import pandas as pd
import pytest
from report_page import toy_page

from lifelong.records.verification import COLUMNS, mean_over_seeds
from lifelong.report.page import as_table, page
from lifelong.report.verification import ABOUT, in_percent

VALUES = (0.9931, 0.0038, 0.0012, 0.9987, 0.0071, 0.9812, 0.0009, 0.001)


def table(seeds: int) -> pd.DataFrame:
    alone = [("scratch", seed, "who", 1, *VALUES, math.nan, math.nan) for seed in range(seeds)]
    ours = [("cpg", seed, "who", 1, *VALUES, 0.9952, -0.0021) for seed in range(seeds)]
    return pd.DataFrame([*alone, *ours], columns=list(COLUMNS))


def test_percent_with_two_decimals_and_a_dash_where_nothing_stands_beside():
    shown = in_percent(mean_over_seeds(table(1)))
    text = page(toy_page(more=[("faces", ABOUT, as_table("", shown))]))
    cells = [99.31, 0.38, 0.12, "-", "-", 99.87, 0.71, 98.12, 0.09]
    line = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    assert line in text
    assert '<td class="number">-0.21</td>' in text
    assert '<th scope="col" class="number">TAR % at FAR 0.1 %</th>' in text


@pytest.mark.parametrize(("seeds", "said"), [(1, False), (2, True)])
def test_a_spread_over_seeds_needs_several(seeds, said):
    shown = in_percent(mean_over_seeds(table(seeds)))
    assert ("± over seeds" in shown) == said
    assert shown["networks"].tolist() == [seeds, seeds]


def test_words_stand_above_their_table_alone():
    faces = as_table("", pd.DataFrame({"a": [1]}))
    text = page(toy_page(more=[("faces", "so & so", faces)], tables=[faces]))
    assert text.count("so &amp; so") == 1
    assert '<h2>faces</h2>\n<p class="about">so &amp; so</p>' in text
