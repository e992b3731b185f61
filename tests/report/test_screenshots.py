"""The page in a browser, wide, on a phone and dark: nothing sticks out, all can be read."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from learning_rows import all_rows, invented
from matplotlib.colors import to_rgb
from PIL import Image
from report_page import toy_page
from report_rows import TASKS, record

from lifelong.records import tables
from lifelong.report.answers import tasks_of
from lifelong.report.canvas import PAPER, in_dark
from lifelong.report.page import Line, PageTable, TableColumn, page
from lifelong.report.sections import sections

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
PHONE = 390  # pixels
LEAST_PX = 7.5  # of letters in figures on a phone

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium or Chrome here: apt install chromium"
)
# Measured inside a frame as wide as the screen: a window has a least width.
MEASURE = """
<iframe id="frame" style="border:0;width:WIDTHpx;height:900px" srcdoc="CONTENT"></iframe>
<pre id="said"></pre>
<script>
document.getElementById("frame").onload = () => {
  const inside = document.getElementById("frame").contentDocument;
  const letters = [...inside.querySelectorAll("figure svg")].flatMap((svg) => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return [...svg.querySelectorAll("text")].map((text) => [
      scale * parseFloat(inside.defaultView.getComputedStyle(text).fontSize), text.textContent]);
  });
  document.getElementById("said").textContent = JSON.stringify({
    wide: inside.documentElement.scrollWidth, letters: letters});
};
</script>
"""


@pytest.fixture(scope="module")
def content() -> str:
    """A page with every kind of section, long names and many columns."""
    frame = record(3)
    found = [*sections(frame, TASKS[:3], ["packnet", "cpg"], 0, {"cpg": (0.6, 0.7)}, ["cpg"])]
    run = invented("lasem")
    live = tables.frame(all_rows([run]))
    found += [*sections(live, run.tasks, ["lasem"], 0, {}, [])][1:]
    classes = [f"large_omnivores_{place}" for place in range(8)]
    rows = {"on_task": "x", "label": classes, "answer": classes[::-1], "images": 5}
    mistakes = pd.DataFrame(columns=["on_task", "label", "answer", "probability", "png"])
    columns = [
        TableColumn("method", ""),
        *(TableColumn(f"long_name_{place}", "", True) for place in range(20)),
    ]
    results = PageTable(
        columns, [Line("lasem_hps_grouped_settled", ["79.5 ± 0.3"] * 20, ("dense",))]
    )
    answers = [("cpg", tasks_of(pd.DataFrame(rows), mistakes))]
    return page(toy_page(results=results, sections=found, answers=answers, notes=["why " * 40]))


def chrome(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    always = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    always += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr"]
    always += ["--disable-background-networking", "--no-first-run"]
    command = [str(BROWSER), *always, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


@pytest.fixture(scope="module")
def measured(content: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict]:
    folder = tmp_path_factory.mktemp("chrome")

    def at(width: int) -> dict:
        path = folder / f"{width}.html"
        text = MEASURE.replace("WIDTH", str(width))
        path.write_text(text.replace("CONTENT", html.escape(content, quote=True)))
        ended = chrome(
            folder, "--dump-dom", f"--window-size={max(width, 600)},1000", f"file://{path}"
        )
        assert "CONSOLE" not in ended.stderr, ended.stderr
        said = re.search(r'<pre id="said">(.+?)</pre>', ended.stdout, re.DOTALL)
        assert said, ended.stdout[-500:]
        return dict(json.loads(html.unescape(said[1])))

    return at


@pytest.mark.parametrize("width", [PHONE, 1280])
def test_nothing_sticks_out_and_every_letter_is_read(measured, width: int) -> None:
    found = measured(width)
    assert found["wide"] <= width
    assert len(found["letters"]) > 100
    smallest, text = min(found["letters"])
    assert smallest >= LEAST_PX, text


@pytest.mark.parametrize(("scheme", "paper"), [("1", PAPER), ("0", in_dark(PAPER))])
def test_page_and_figures_are_light_or_dark_as_the_reader_likes(
    content: str, tmp_path: Path, scheme: str, paper: str
) -> None:
    path, shot = tmp_path / "index.html", tmp_path / "shot.png"
    path.write_text(content)
    look = f"--blink-settings=preferredColorScheme={scheme}"
    chrome(tmp_path, look, "--window-size=1280,3000", f"--screenshot={shot}", f"file://{path}")
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    wanted = np.round(255 * np.array(to_rgb(paper)))
    alike = (np.abs(pixels - wanted) <= 2).all(axis=2)
    assert alike.mean() > 0.8  # the figures' paper, too
    opposite = np.abs(pixels - (255 - wanted)).max(axis=2) < 40
    assert 0.001 < opposite.mean() < 0.1  # the letters
