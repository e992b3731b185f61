"""What may be typed on the command line; `cli.py` does what it says."""

import argparse
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lifelong import __version__
from lifelong.plan.reading import NOT_CONFIGURATION, is_result

Commands = Mapping[str, Callable[[argparse.Namespace], int]]  # by name, each gives an exit code
_FORMS = ("packed", "onnx", "safetensors", "torch")  # of use/export.py, which imports torch
_PREDICT = "classify pictures with a trained model"
_PREDICT_MORE = """Ask the tasks of a trained model about pictures: about all of a picture, or about
the faces that are found in it where a task was trained on faces. A folder stands for all pictures
in and below it; where these lie in folders named as classes, accuracy and confusion are told too.
Pictures that cannot be read, or have no face, are named with the reason; the exit code is 0 if one
of all could be answered, else 1."""


def parser_of(about: str | None, commands: Commands) -> argparse.ArgumentParser:
    """The parser of all commands; `command` of what it parses does the command."""
    parser = argparse.ArgumentParser(prog="lifelong", description=about)
    parser.add_argument("--version", action="version", version=f"lifelong {__version__}")
    every = parser.add_subparsers(required=True, metavar="COMMAND")

    infer = every.add_parser("infer", help="the old name of predict, for one task")
    infer.add_argument("--model", type=Path, required=True, help="such as results/digits/cpg/s0")
    infer.add_argument("--task", required=True, help="the task whose classes to tell apart")
    infer.add_argument("--top", type=_count, default=1, metavar="K", help="print the K best")
    infer.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    infer.set_defaults(command=commands["infer"])

    _add_predict(every.add_parser("predict", help=_PREDICT, description=_PREDICT_MORE), commands)

    stage = every.add_parser("stage", help="run the one stage that writes a file")
    stage.add_argument("file", metavar="FILE", help="a path under results/")
    stage.set_defaults(command=commands["stage"])

    run = every.add_parser("run", help="run a whole experiment without Snakemake")
    run.add_argument("--task-limit", type=_count, metavar="N", help="only the first N tasks")
    run.add_argument("--methods", metavar="A,B", help="only these methods")
    run.set_defaults(command=commands["run"])

    about = "print the summary of an experiment, or how far it is"
    show = every.add_parser("show", help=about)
    show.add_argument("results", type=Path, metavar="RESULTS", help="such as results/digits")
    show.set_defaults(command=commands["show"], threads=1)

    _add_export(
        every.add_parser("export", help="write a trained model for other places and programs"),
        commands,
    )

    verify = every.add_parser("verify", help="check every file of finished stages")
    verify.add_argument("results", type=Path, metavar="RESULTS", help="such as results/digits")
    verify.add_argument("--quiet", action="store_true", help="print only what is not ok")
    verify.set_defaults(command=commands["verify"], threads=1)

    init = every.add_parser("init", help="write an experiment for a folder of pictures")
    _add_init(init, commands)

    clean = every.add_parser("clean", help="show, or remove, what an experiment left behind")
    _add_clean(clean, commands)

    for command in (stage, run, verify, clean, show):
        command.add_argument(
            "--configfile",
            type=_configuration,
            nargs="+",
            action="extend",
            default=[],
            metavar="YAML",
            help="lies over config.yaml, key by key",
        )
    for command in (infer, stage, run, init):
        command.add_argument("--threads", type=_count, default=1, metavar="N")
    return parser


def _add_export(export: argparse.ArgumentParser, commands: Commands) -> None:
    add = export.add_argument
    about = "a model such as results/digits/cpg/s0; with --mat an experiment such as results/digits"
    add("results", type=Path, metavar="RUN", help=about)
    what = export.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--to",
        choices=_FORMS,
        help="packed: the whole model in one file, for `lifelong predict` and lifelong.load; a "
        "file per task: onnx, from a picture's pixels to logits; safetensors, the weights; torch, "
        "a program that torch.export.load reads",
    )
    what.add_argument(
        "--mat",
        type=Path,
        metavar="FILE",
        help="a MATLAB file laid out as that of LASEM's released program; RUN must hold methods "
        "that share layers",
    )
    add("--task", metavar="A,B", help="only these tasks; not for packed")
    add("--output", type=Path, metavar="PATH", help="the packed file, or the folder of the others")
    add("--methods", metavar="A,B", help="with --mat: only these methods")
    add("--force", action="store_true", help="replace files that exist")
    export.set_defaults(command=commands["export"], threads=1)


def _add_init(init: argparse.ArgumentParser, commands: Commands) -> None:
    init.add_argument("folder", type=Path, metavar="FOLDER", help="<task>/<class>/* or <class>/*")
    init.add_argument("--output", type=Path, metavar="YAML", help="default: the folder's name")
    init.add_argument("--force", action="store_true", help="replace the file if it exists")
    scratch = "no pretrained weights, even if they are installed and pictures in colour"
    init.add_argument("--from-scratch", action="store_true", help=scratch)
    init.set_defaults(command=commands["init"])


def _add_clean(clean: argparse.ArgumentParser, commands: Commands) -> None:
    clean.add_argument("results", type=Path, metavar="RESULTS", help="such as results/digits")
    clean.add_argument("--rungs", action="store_true", help="the rungs of finished tasks too")
    clean.add_argument("--yes", action="store_true", help="remove what is shown")
    clean.set_defaults(command=commands["clean"], threads=1)


def _add_predict(predict: argparse.ArgumentParser, commands: Commands) -> None:
    add = predict.add_argument
    add("model", type=Path, metavar="MODEL", help="such as results/digits/cpg/s0, or a packed file")
    add("pictures", type=Path, nargs="+", metavar="PICTURE", help="a file, or a folder of pictures")
    add("--tasks", metavar="A,B", help="only these tasks")
    add("--top", type=_count, metavar="K", help="tell the K best classes: 3 in text, 1 in CSV")
    form = predict.add_mutually_exclusive_group()
    for name, about in (("csv", "print CSV"), ("json", "print one JSON document, all classes")):
        form.add_argument(f"--{name}", action="store_const", dest="form", const=name, help=about)
    predict.set_defaults(form="text")
    add("--whole", action="store_true", help="find no faces: whole pictures are what tasks see")
    add(
        "--margin",
        type=_number,
        metavar="SHARE",
        help="of a face's box, for tasks of pictures that were cut out by others; 0.3 if not given",
    )
    add("--gallery", type=Path, metavar="FOLDER", help="known people: a folder of pictures each")
    add("--identity", metavar="TASK", help="the task whose embeddings tell people apart")
    add("--threshold", type=_number, metavar="D", help="people at least so far away are nobody")
    add("--draw", type=Path, metavar="FOLDER", help="write copies with boxes and answers there")
    add("--threads", type=_count, default=1, metavar="N")
    predict.set_defaults(command=commands["predict"])


def _configuration(text: str) -> Path:
    """A file of --configfile, which takes all words that follow, results too."""
    if is_result(Path(text)):
        raise argparse.ArgumentTypeError(f"{text!r} {NOT_CONFIGURATION}")
    return Path(text)


def _number(text: str) -> float:
    """A number from 0 to 4, which is as far as two faces can be apart."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 4")
    return value


def _count(text: str) -> int:
    """A whole number from 1 to 9999."""
    if not re.fullmatch("[0-9]{1,4}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 9999")
    return int(text)
