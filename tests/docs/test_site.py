"""The documentation builds into a site without a warning, and the site fetches nothing."""

import re
import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).parents[2]


def test_the_site_builds_without_warnings_and_stands_alone(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    run = subprocess.run(command, cwd=TREE, capture_output=True, text=True)
    assert run.returncode == 0 and not run.stderr, run.stderr
    pages = sorted(tmp_path.glob("*.html"))
    sources = {path.with_suffix(".html").name for path in (TREE / "docs").glob("*.md")}
    assert sources <= {page.name for page in pages}
    for page in pages:
        fetched = re.findall(
            r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?:[^\"]+)", page.read_text()
        )
        assert not fetched, (page.name, fetched)
