"""Small face data sets in the layouts of the large ones."""

from pathlib import Path

from lifelong.faces.sources import SOURCES


def grow(root: Path, *names: str) -> Path:
    """Empty files: nothing here opens a picture."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def read(name: str, root: Path, **options):
    return SOURCES[name](root, **options)


def labels(found) -> dict[str, int]:
    return {sample.path: sample.label for sample in found.samples}
