"""What README and pages print for a reader to type."""

import re
from pathlib import Path

TREE = Path(__file__).parents[1]
PROGRAMS = ("snakemake", "lifelong", "make", "pip", "python")


def commands(page: Path) -> list[str]:
    """Lines of code blocks that begin with a program; in backticks, three words or more."""
    text = page.read_text()
    lines = re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    lines += re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in lines for line in block.splitlines()]
    lines += [words for words in re.findall(r"`([^`\n]+)`", text) if words.count(" ") > 1]
    lines = [part.strip() for line in lines for part in line.split("&&")]
    return [
        line
        for line in dict.fromkeys(lines)
        if line.startswith(tuple(f"{one} " for one in PROGRAMS))
        and not re.search("…|[A-Z]{4,}", line)
    ]


def code(page: Path, beginning: str) -> str:
    """The block of indented code that begins so, without its indentation."""
    blocks = re.findall(r"(?:^    .*\n)+", page.read_text(), re.MULTILINE)
    texts = [re.sub("^    ", "", block, flags=re.MULTILINE) for block in blocks]
    return next(text for text in texts if text.startswith(beginning))
