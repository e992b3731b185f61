"""On which machines the stages of an experiment calculated, where it was more than one kind.

Numbers depend on threads and device in their last bits, so such an experiment is not repeated
byte for byte by one machine. That is no fault of any file.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lifelong import store
from lifelong.jobs.find import finished
from lifelong.plan.errors import DamagedFile, printable
from lifelong.plan.paths import split_root


def mixed(results: Path) -> Iterator[str]:
    """One line for each experiment below a folder that several kinds of machine worked on."""
    kinds: dict[str, Counter[str]] = {}
    for folder in finished(results):
        place = split_root(folder.absolute().as_posix())
        try:
            machine = store.read_manifest(folder).get("machine")
        except DamagedFile:
            continue  # which `verify` reports
        if place is not None and machine:
            count = machine["threads"]
            kind = f"{count} thread{'s' * (count > 1)} of {machine['device']}"
            kinds.setdefault(place[1].partition("/")[0], Counter())[kind] += 1
    for experiment, counts in kinds.items():
        if len(counts) > 1:
            told = ", ".join(f"{number} with {kind}" for kind, number in counts.most_common())
            yield printable(
                f"the stages of {experiment} ran on different machines ({told}), "
                "so no machine repeats all of it byte for byte"
            )
