"""Wrong command lines; an exit code of 2 is argparse's, for options it cannot read."""

# ruff: noqa: E501 - one case a line, as in a table

from pathlib import Path

from bad_input.case import Case, Make
from bad_input.result_cases import CPG, PACKNET, TINY

SPELLING = "check its spelling, and give the experiment's --configfile"
COUNT = "is not a whole number from 1 to 9999"
INFER = ("infer", "--model", PACKNET, "--task", "a")
EXPORT = ("export", PACKNET, "--to")
PREDICT = ("predict", PACKNET, "picture.png", "--whole")


def _nothing(folder: Path) -> None:
    pass


def _file(name: str) -> Make:
    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("no picture")

    return make


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
    ("--methods with an unknown one", "config key methods.1: there is no method 'no'; there are …", "use one of those listed", ("run", "--methods", "cpg,no"), 1),
    ("--methods without one", "config key methods.0: there is no method ''; there are …", "name at least one", ("run", "--methods", ""), 1),
    ("--configfile that is missing", "cannot read none.yaml: No such file or directory", "correct the path", ("run", "--configfile", "none.yaml"), 1),
    ("init: no folder there", "there is no folder nowhere: name one that holds folders of pictures", "correct the path", ("init", "nowhere"), 1),
    ("init: the folder one is in", "results would lie among the pictures of .: type this in another folder, and name …", "do that", ("init", "."), 1),
    ("init: the file exists", "config.yaml exists: choose another name with --output, or add --force; a task that has arrived is two lines more, at the end of datasets and of tasks (docs/data.md)", "do one of both", ("init", "results", "--output", "config.yaml"), 1),
    ("clean: results of another experiment", "results/other is not the folder of experiment tiny: give the --configfile that it was run with", "give its file", ("clean", "results/other"), 1),
    ("infer: unknown task", f"{PACKNET} has no task 'z'; it has a, b", "name one of those listed", ("infer", "--model", PACKNET, "--task", "z", "picture.png"), 1),
    ("infer: no model there", "nowhere holds no finished model: name a folder like results/x/cpg/s0", "name a folder like results/x/cpg/s0", ("infer", "--model", "nowhere", "--task", "a", "picture.png"), 1),
    ("infer: the model is an experiment's folder", f"{TINY} holds no finished model: name one that does: {CPG}, {PACKNET}", "name one of those listed", ("infer", "--model", TINY, "--task", "a", "picture.png"), 1),
    ("infer: the picture is missing", "none.png: there is no such file", "correct the path", (*INFER, "none.png"), 1),
    ("infer: the picture is a folder", "results: a folder without pictures", "name another", (*INFER, "results"), 1),
    ("infer: the picture is a text", "config.yaml: cannot be read as a picture: mend or remove it", "name pictures", (*INFER, "config.yaml"), 1),
    ("infer: no picture", "the following arguments are required: PICTURE", "name pictures", INFER, 2),
    ("predict: no picture", "the following arguments are required: PICTURE", "name pictures", ("predict", PACKNET), 2),
    ("predict: no model there", "nowhere holds no finished model: name a folder like results/x/cpg/s0", "name a folder like results/x/cpg/s0", ("predict", "nowhere", "picture.png"), 1),
    ("predict: a margin about tasks without faces", "--margin is for faces that are cut out: leave it or --whole out", "leave it out", ("predict", PACKNET, "picture.png", "--margin", "0.2"), 1),
    ("predict: the model is the folder of all results", f"results holds no finished model: name one that does: {CPG}, {PACKNET}", "name one of those listed", ("predict", "results", "picture.png"), 1),
    ("predict: unknown task", f"{PACKNET} has no task 'z'; it has a, b", "name those listed", (*PREDICT, "--tasks", "a,z"), 1),
    ("predict: unknown task of identities", f"{PACKNET} has no task 'z'; it has a, b", "name one of those listed", (*PREDICT, "--gallery", "results", "--identity", "z"), 1),
    ("predict: --threshold without a gallery", "--threshold needs a gallery: add --gallery FOLDER", "add it", (*PREDICT, "--threshold", "1"), 1),
    ("predict: --identity without a gallery", "--identity needs a gallery: add --gallery FOLDER", "add it", (*PREDICT, "--identity", "a"), 1),
    ("predict: --threshold that is no number", "argument --threshold: 'nan' is not a number from 0 to 4", "give a number", (*PREDICT, "--threshold", "nan"), 2),
    ("predict: --margin below zero", "argument --margin: '-1' is not a number from 0 to 4", "give a number", ("predict", PACKNET, "picture.png", "--margin=-1"), 2),
    ("predict: a margin about whole pictures", "--margin is for faces that are cut out: leave it or --whole out", "leave one out", (*PREDICT, "--margin", "0"), 1),
    ("predict: a gallery that is missing", "there is no gallery none: name a folder that holds one per person", "correct the path", (*PREDICT, "--gallery", "none", "--identity", "a"), 1),
    ("predict: a gallery that is a file", "there is no gallery picture.png: name a folder that holds one per person", "name a folder", (*PREDICT, "--gallery", "picture.png", "--identity", "a"), 1),
    ("predict: a gallery of folders of folders", "results/tiny should hold pictures, not folder …: move it", "name the folder of the people", (*PREDICT, "--gallery", "results", "--identity", "a"), 1),
    ("predict: nobody knows which task tells people apart", "which task tells people apart? name it by --identity: a, b", "add --identity", (*PREDICT, "--gallery", "results"), 1),
    ("predict: --draw names a file", "cannot use picture.png: File exists", "name a folder", (*PREDICT, "--draw", "picture.png"), 1),
    ("stage: a path outside results", _unwritten("…etc/passwd"), "name a file under results/", ("stage", "/etc/passwd"), 1),
    ("export: unknown task", f"{PACKNET} has no task 'z'; it has a, b", "name those listed", (*EXPORT, "onnx", "--task", "a,z"), 1),
    ("export: one task of a packed file", "a packed file holds all tasks, which share weights: leave --task out", "leave it out", (*EXPORT, "packed", "--task", "a"), 1),
    ("export: a file that exists", "picture.png exists: name another place by --output, or give --force to replace it", "do one of both", (*EXPORT, "packed", "--output", "picture.png"), 1),
    ("export: a form that there is not", "argument --to: invalid choice: 'zip' (choose from …)", "choose one of those listed", (*EXPORT, "zip"), 2),
    ("export: no form", "one of the arguments --to --mat is required", "give one", ("export", PACKNET), 2),
    ("export: --task about a MATLAB file", "--task and --output are for --to: leave them out", "leave it out", ("export", TINY, "--mat", "x.mat", "--task", "a"), 1),
    ("export: --methods about a model", "--methods is for --mat: name the folder of one method and seed", "leave it out", (*EXPORT, "onnx", "--methods", "cpg"), 1),
    ("export: no model there", f"{TINY} holds no finished model: name one that does: {CPG}, {PACKNET}", "name one of those listed", ("export", TINY, "--to", "packed"), 1),
    ("predict: a picture in place of a packed model", "picture.png is no packed model, or was cut short: export or copy it again", "name a model", ("predict", "picture.png", "picture.png"), 1),
    ("stage: a path that leads upwards", _unwritten("../x/manifest.json"), "name a file under results/", ("stage", "results/../../x/manifest.json"), 1),
    ("stage: no path", _unwritten("."), "name a file under results/", ("stage", ""), 1),
    ("stage: a folder", _unwritten(f"{PACKNET}/01-a/train"), "name a file in it", ("stage", f"{PACKNET}/01-a/train"), 1),
    ("stage: an unknown stage", _unwritten(f"{PACKNET}/01-a/destroy/x"), "correct the path", ("stage", f"{PACKNET}/01-a/destroy/x"), 1),
    ("stage: a file the stage does not write", f"{PACKNET}/01-a/train/shard.h5 is not among the files of its stage: check its spelling", "correct the path", ("stage", f"{PACKNET}/01-a/train/shard.h5"), 1),
    ("stage: a method that is not in the plan", _unwritten(f"{TINY}/pae/s0/01-a/train/manifest.json"), "add it to methods", ("stage", f"{TINY}/pae/s0/01-a/train/manifest.json"), 1),
    ("stage: a seed that is not in the plan", _unwritten(f"{TINY}/packnet/s7/01-a/train/manifest.json"), "add it to seeds", ("stage", f"{TINY}/packnet/s7/01-a/train/manifest.json"), 1),
    ("stage: a seed of 5000 digits", _unwritten(f"{TINY}/packnet/s999…/01-a/train/manifest.json"), "correct the path", ("stage", f"{TINY}/packnet/s{'9' * 5000}/01-a/train/manifest.json"), 1),
    ("stage: attempt 0 of expand", _unwritten(f"{CPG}/01-a/expand/a0/manifest.json"), "count from a1", ("stage", f"{CPG}/01-a/expand/a0/manifest.json"), 1),
    ("stage: an attempt before which others are missing", f"{CPG}/01-a/expand/a4/manifest.json is missing, and {CPG}/01-a/expand/a5 is made from it; make it again: lifelong run", "make them first", ("stage", f"{CPG}/01-a/expand/a5/manifest.json"), 1),
    ("stage: a data set that is not in the plan", _unwritten(f"{TINY}/pack_data/x/pack.h5"), "correct the path", ("stage", f"{TINY}/pack_data/x/pack.h5"), 1),
    ("stage: a path with a line break", _unwritten(r"results/a\nb"), "correct the path", ("stage", "results/a\nb"), 1),
    ("stage: a path that is not UTF-8", _unwritten(r"results/\udcff"), "correct the path", ("stage", "results/\udcff"), 1),
    ("show: no tables there", "results/none has no tables/summary.csv: name a folder like results/digits", "name a folder like results/digits", ("show", "results/none"), 1),
]  # fmt: skip
_GALLERY = (*PREDICT, "--gallery", "people", "--identity", "a")
# what is wrong | message | what to do | a file to be made
_GALLERIES: list[tuple[str, str, str, str]] = [
    ("a gallery without folders", "the gallery people holds no folders: make one per person, named so", "put pictures into folders", "people/ann.png"),
    ("a gallery with something else in it", "people/ann/ann.txt is no picture (.jpg .jpeg .jfif .png .bmp .webp .pgm .ppm .tif .tiff): move it elsewhere", "move it", "people/ann/ann.txt"),
    ("a gallery without a usable picture", "the gallery people has no picture with a usable face (people/ann/ann.png: unreadable): add some", "add pictures", "people/ann/ann.png"),
]  # fmt: skip
CASES = [
    *(
        Case(wrong, says, do, _nothing, command, code, start="finished")
        for wrong, says, do, command, code in _TABLE
    ),
    *(
        Case(f"predict: {wrong}", says, do, _file(name), _GALLERY, start="finished")
        for wrong, says, do, name in _GALLERIES
    ),
    *(
        Case(
            f"infer: a text called {shown}",
            f"{shown}: cannot be read as a picture: mend or remove it",
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
