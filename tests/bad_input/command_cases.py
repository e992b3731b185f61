"""Wrong command lines; an exit code of 2 is argparse's, for options it cannot read."""

# ruff: noqa: E501 - one case a line, as in a table

from pathlib import Path

from bad_input.case import Case, Make
from bad_input.result_cases import CPG, PACKNET, TINY

SPELLING = "check its spelling, and give the experiment's --configfile"
COUNT = "is not a whole number from 1 to 9999"
INFER = ("infer", "--model", PACKNET, "--task", "a")


def _nothing(folder: Path) -> None:
    pass


def _file(name: str) -> Make:
    return lambda folder: (folder / name).write_text("no picture") and None


def _unwritten(path: str) -> str:
    return f"no stage of experiment tiny writes {path}: {SPELLING}"


# what is wrong | message | what to do | command | exit code
_TABLE: list[tuple[str, str, str, tuple[str, ...], int]] = [
    ("no command", "the following arguments are required: COMMAND", "see lifelong --help", (), 2),
    ("an unknown command", "argument COMMAND: invalid choice: 'train' (choose from …)", "see lifelong --help", ("train",), 2),
    ("an unknown option", "unrecognized arguments: --fast", "see lifelong run --help", ("run", "--fast"), 2),
    ("--threads 0", f"argument --threads: '0' {COUNT}", "give a number", ("run", "--threads", "0"), 2),
    ("--threads beyond any machine", f"argument --threads: '99999999999999999999' {COUNT}", "give a number", ("run", "--threads", "9" * 20), 2),
    ("--top -1", f"argument --top: '-1' {COUNT}", "give a number", (*INFER, "--top", "-1", "p.png"), 2),
    ("--task-limit two", f"argument --task-limit: 'two' {COUNT}", "give a number", ("run", "--task-limit", "two"), 2),
    ("--methods with an unknown one", "config key methods.1: 'den' is not one of […]", "use one of those listed", ("run", "--methods", "cpg,den"), 1),
    ("--methods without one", "config key methods.0: '' is not one of […]", "name at least one", ("run", "--methods", ""), 1),
    ("--configfile that is missing", "cannot read none.yaml: No such file or directory", "correct the path", ("run", "--configfile", "none.yaml"), 1),
    ("infer: unknown task", f"{PACKNET} has no task 'z'; it has a, b", "name one of those listed", ("infer", "--model", PACKNET, "--task", "z", "picture.png"), 1),
    ("infer: no model there", "nowhere holds no finished model: name a folder like results/x/cpg/s0", "name a folder like results/x/cpg/s0", ("infer", "--model", "nowhere", "--task", "a", "picture.png"), 1),
    ("infer: the model is an experiment's folder", f"{TINY} holds no finished model: name a folder like results/x/cpg/s0", "name a folder like results/x/cpg/s0", ("infer", "--model", TINY, "--task", "a", "picture.png"), 1),
    ("infer: the picture is missing", "there is no picture file none.png: check its name", "correct the path", (*INFER, "none.png"), 1),
    ("infer: the picture is a folder", "there is no picture file results: check its name", "name files", (*INFER, "results"), 1),
    ("infer: the picture is a text", "config.yaml cannot be read as a picture: mend or remove it", "name pictures", (*INFER, "config.yaml"), 1),
    ("infer: no picture", "the following arguments are required: PICTURE", "name pictures", INFER, 2),
    ("stage: a path outside results", _unwritten("…etc/passwd"), "name a file under results/", ("stage", "/etc/passwd"), 1),
    ("stage: a path that leads upwards", _unwritten("../x/manifest.json"), "name a file under results/", ("stage", "results/../../x/manifest.json"), 1),
    ("stage: no path", _unwritten("."), "name a file under results/", ("stage", ""), 1),
    ("stage: a folder", _unwritten(f"{PACKNET}/01-a/train"), "name a file in it", ("stage", f"{PACKNET}/01-a/train"), 1),
    ("stage: an unknown stage", _unwritten(f"{PACKNET}/01-a/destroy/x"), "correct the path", ("stage", f"{PACKNET}/01-a/destroy/x"), 1),
    ("stage: a file the stage does not write", f"{PACKNET}/01-a/train/shard.h5 is not among the files of its stage: check its spelling", "correct the path", ("stage", f"{PACKNET}/01-a/train/shard.h5"), 1),
    ("stage: a method that is not in the plan", _unwritten(f"{TINY}/pae/s0/01-a/train/manifest.json"), "add it to methods", ("stage", f"{TINY}/pae/s0/01-a/train/manifest.json"), 1),
    ("stage: a seed that is not in the plan", _unwritten(f"{TINY}/packnet/s7/01-a/train/manifest.json"), "add it to seeds", ("stage", f"{TINY}/packnet/s7/01-a/train/manifest.json"), 1),
    ("stage: a seed of 5000 digits", _unwritten(f"{TINY}/packnet/s999…/01-a/train/manifest.json"), "correct the path", ("stage", f"{TINY}/packnet/s{'9' * 5000}/01-a/train/manifest.json"), 1),
    ("stage: attempt 0 of expand", _unwritten(f"{CPG}/01-a/expand/a0/manifest.json"), "count from a1", ("stage", f"{CPG}/01-a/expand/a0/manifest.json"), 1),
    ("stage: an attempt before which others are missing", f"{CPG}/01-a/expand/a4/manifest.json is missing, and {CPG}/01-a/expand/a5 is made from it: make it first", "make them first", ("stage", f"{CPG}/01-a/expand/a5/manifest.json"), 1),
    ("stage: a data set that is not in the plan", _unwritten(f"{TINY}/pack_data/x/pack.h5"), "correct the path", ("stage", f"{TINY}/pack_data/x/pack.h5"), 1),
    ("stage: a path with a line break", _unwritten(r"results/a\nb"), "correct the path", ("stage", "results/a\nb"), 1),
    ("stage: a path that is not UTF-8", _unwritten(r"results/\udcff"), "correct the path", ("stage", "results/\udcff"), 1),
    ("show: no tables there", "results/none has no tables/summary.csv: name a folder like results/digits", "name a folder like results/digits", ("show", "results/none"), 1),
]  # fmt: skip
CASES = [
    *(
        Case(wrong, says, do, _nothing, command, code, start="finished")
        for wrong, says, do, command, code in _TABLE
    ),
    *(
        Case(
            f"infer: a text called {shown}",
            f"{shown} cannot be read as a picture: mend or remove it",
            "name pictures",
            _file(name),
            (*INFER, "--", name),
            start="finished",
        )
        for name, shown in (
            ("-x.png", "-x.png"),
            ("$(touch pwned).png", "$(touch pwned).png"),
            ("a\n\x1b[31m.png", r"a\n\x1b[31m.png"),
            ("\udcff'\".png", r"\udcff'" + '".png'),
        )
    ),
]
