"""The command line: use a finished model, run one stage, or run a whole experiment."""

import argparse
import io
import math
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lifelong import __version__
from lifelong.jobs.handover import FILE_LOCKS
from lifelong.plan.advice import VARIABLE, advised
from lifelong.plan.config import load
from lifelong.plan.errors import UserError, printable
from lifelong.plan.plan import Plan
from lifelong.plan.published import beside_its_file, check_published
from lifelong.plan.reading import NOT_CONFIGURATION, is_result, read
from lifelong.plan.remarks import remarks
from lifelong.plan.settings import merge

BASE_CONFIG = Path("config.yaml")
_FORMS = ("packed", "onnx", "safetensors", "torch")  # of use/export.py, which imports torch
_PREDICT = "classify pictures with a trained model"
_PREDICT_MORE = """Ask the tasks of a trained model about pictures: about all of a picture, or about
the faces that are found in it where a task was trained on faces. A folder stands for all pictures
in and below it; where these lie in folders named as classes, accuracy and confusion are told too.
Pictures that cannot be read, or have no face, are named with the reason; the exit code is 0 if one
of all could be answered, else 1."""


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 1 after a user's mistake, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # of another encoding than a class's name, perhaps
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(argv)
    _remember(options, sys.argv[1:] if argv is None else argv)
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    os.environ[FILE_LOCKS] = "FALSE"
    try:
        code = int(options.command(options))
        sys.stdout.flush()  # so that a closed pipe is noticed here
        return code
    except UserError as error:
        print(f"Error: {advised(error, os.environ.get(VARIABLE))}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `lifelong show … | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a folder that is a file, a right that is missing
        where = f"cannot use {error.filename}: " if error.filename else ""
        print(printable(f"Error: {where}{error.strerror or error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        more = "; the same command goes on where it was" if options.command in _GOING_ON else ""
        print(f"stopped{more}", file=sys.stderr)
        return 130
    finally:
        os.environ.pop(VARIABLE, None)


def _remember(options: argparse.Namespace, argv: Sequence[str]) -> None:
    """The command that makes files again, for the jobs of a run to record and errors to name.

    What only reads results asks them for theirs.
    """
    if options.command is _run:
        os.environ[VARIABLE] = shlex.join(["lifelong", *argv])
    elif options.command is _stage:
        files = ["--configfile", *map(str, options.configfile)] if options.configfile else []
        os.environ[VARIABLE] = shlex.join(["lifelong", "run", *files])


def _infer(options: argparse.Namespace) -> int:
    from lifelong.use.predict import READ, Predictor, Request

    request = Request(
        options.model, options.pictures, (options.task,), whole=True, threads=options.threads
    )
    code = 0
    for photo in Predictor(request).photographs():
        path = printable(str(photo.path))
        if photo.status != READ:
            print(f"Error: {path}: {printable(photo.why)}", file=sys.stderr)
            code = 1
        for name, probability in (
            photo.faces[0].answers[0].classes[: options.top] if photo.faces else ()
        ):
            print(path, printable(name), f"{probability:.4f}", sep="\t", flush=True)
    if not code:  # else stderr says what to mend
        instead = f"lifelong predict {options.model} PICTURES --tasks {options.task}"
        print(f"Note: `lifelong infer` will go, use `{printable(instead)}`", file=sys.stderr)
    return code


def _predict(options: argparse.Namespace) -> int:
    from lifelong.use.predict import Predictor, Request
    from lifelong.use.printing import print_all

    if options.whole and options.margin is not None:
        raise UserError("--margin is for faces that are cut out: leave it or --whole out")
    model = Predictor(
        Request(
            model=options.model,
            pictures=options.pictures,
            tasks=() if options.tasks is None else tuple(options.tasks.split(",")),
            whole=options.whole,
            margin=options.margin,
            gallery=options.gallery,
            identity=options.identity,
            threshold=options.threshold,
            copies=options.draw,
            threads=options.threads,
        )
    )
    if not print_all(model, options.form, options.top):
        nothing = "no face in any" if model.finds_faces else "nothing could be read"
        print(f"Error: {nothing} of {len(model)} pictures", file=sys.stderr)
        return 1
    return 0


def _stage(options: argparse.Namespace) -> int:
    from lifelong.jobs.driver import run_stage
    from lifelong.jobs.find import find_stage

    path = os.path.relpath(options.file or ".")
    run_stage(find_stage(Plan(_config(options.configfile)), path), options.threads)
    if not Path(path).is_file():
        raise UserError(f"{path} is not among the files of its stage: see {Path(path).parent}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from lifelong.jobs.driver import run_experiment

    over = {} if options.methods is None else {"methods": options.methods.split(",")}
    plan = Plan(_config(options.configfile, over))
    run_experiment(plan, options.task_limit, options.threads)
    return 0


_GOING_ON = (_stage, _run)  # these keep what is finished, and save what is not


def _show(options: argparse.Namespace) -> int:
    from lifelong.use.show import show

    plan = _plan_of(options.results, options.configfile) if options.configfile else None
    print(show(options.results, plan or _default_plan(options.results)))
    return 0


def _default_plan(results: Path) -> Plan | None:
    """The plan of config.yaml where it is that of the results, and can be run."""
    if not BASE_CONFIG.is_file():
        return None
    try:
        config = load([BASE_CONFIG])
    except UserError:
        return None
    folder = Path(os.path.relpath(results))
    named = folder.name == config["experiment"]
    return Plan(config, folder.parent.as_posix()) if named else None


def _export(options: argparse.Namespace) -> int:
    if options.mat is not None:
        return _matlab(options)
    from lifelong.use.export import export

    if options.methods is not None:
        raise UserError("--methods is for --mat: name the folder of one method and seed")
    tasks = () if options.task is None else options.task.split(",")
    for path in export(options.results, options.to, tasks, options.output, options.force):
        print(printable(f"{path}  {path.stat().st_size / 2**20:.3f} MB"))
    return 0


def _matlab(options: argparse.Namespace) -> int:
    from lifelong.use.matlab import write_matlab

    if options.task is not None or options.output is not None:
        raise UserError("--task and --output are for --to: leave them out")
    methods = () if options.methods is None else options.methods.split(",")
    print(write_matlab(options.results, options.mat, methods, options.force))
    return 0


def _init(options: argparse.Namespace) -> int:
    from lifelong.use.init import write

    path = options.output or Path(f"{options.folder.resolve().name}.yaml")
    seen, took = write(options.folder, path, options.force, options.threads)
    for task in seen.tasks:
        print(printable(f"task {task.name}: {task.images} images to train on"))
    print(f"{seen.network} on {seen.side}x{seen.side} pixels, {seen.epochs} epochs per task")
    print(f"about {took:.1f} hours of CPU time; now run", flush=True)
    print(f"  snakemake --cores 2 --configfile {shlex.quote(str(path))}")
    return 0


def _clean(options: argparse.Namespace) -> int:
    from lifelong.use.clean import removable

    total_mb = 0.0
    for one in removable(_plan_of(options.results, options.configfile), options.rungs):
        size_mb = one.size_mb
        print(printable(f"{one.path}  {size_mb:.1f} MB  {one.why}"))
        total_mb += size_mb
        if options.yes:
            one.remove()
    if not total_mb:
        print("nothing to remove", file=sys.stderr)
    elif options.yes:
        print(f"removed {total_mb:.1f} MB", file=sys.stderr)
    else:
        print(f"{total_mb:.1f} MB: nothing removed yet, add --yes", file=sys.stderr)
    return 0


def _plan_of(results: Path, files: list[Path]) -> Plan:
    """The plan whose results lie in a folder. Raises UserError where they are another's."""
    config = _config(files)
    folder = Path(os.path.relpath(results))
    if folder.name != config["experiment"]:
        raise UserError(
            f"{results} is not the folder of experiment {config['experiment']}: give the "
            "--configfile that it was run with"
        )
    return Plan(config, folder.parent.as_posix())


def _verify(options: argparse.Namespace) -> int:
    from lifelong.use.machines import mixed
    from lifelong.use.verify import verify

    counts: dict[str, int] = {}
    plan = _plan_of(options.results, options.configfile) if options.configfile else None
    for finding in verify(options.results, plan, options.configfile):
        counts[finding.status] = counts.get(finding.status, 0) + 1
        if finding.status != "ok" or not options.quiet:
            print(printable(str(finding).replace("\t", "  ")), flush=True)
    for note in mixed(options.results):
        print(f"Note: {note}", file=sys.stderr)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"{options.results}: {told}", file=sys.stderr)
    return int(set(counts) != {"ok"})


def _config(files: list[Path], over: dict[str, Any] | None = None) -> dict[str, Any]:
    """config.yaml of the working folder, the files given over it, options over both."""
    base = [BASE_CONFIG] if BASE_CONFIG.is_file() or not files else []
    full = beside_its_file(load([*base, *files], over), [*base, *files])
    given: dict[str, Any] = {}
    for one in (*map(read, files), over or {}):
        given = merge(given, one)
    for remark in remarks(full, given):
        print(f"Note: {remark}", file=sys.stderr)
    check_published(full)
    return full


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lifelong", description=__doc__)
    parser.add_argument("--version", action="version", version=f"lifelong {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    infer = commands.add_parser("infer", help="the old name of predict, for one task")
    infer.add_argument("--model", type=Path, required=True, help="such as results/digits/cpg/s0")
    infer.add_argument("--task", required=True, help="the task whose classes to tell apart")
    infer.add_argument("--top", type=_count, default=1, metavar="K", help="print the K best")
    infer.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    infer.set_defaults(command=_infer)

    _add_predict(commands.add_parser("predict", help=_PREDICT, description=_PREDICT_MORE))

    stage = commands.add_parser("stage", help="run the one stage that writes a file")
    stage.add_argument("file", metavar="FILE", help="a path under results/")
    stage.set_defaults(command=_stage)

    run = commands.add_parser("run", help="run a whole experiment without Snakemake")
    run.add_argument("--task-limit", type=_count, metavar="N", help="only the first N tasks")
    run.add_argument("--methods", metavar="A,B", help="only these methods")
    run.set_defaults(command=_run)

    about = "print the summary of an experiment, or how far it is"
    show = commands.add_parser("show", help=about)
    show.add_argument("results", type=Path, metavar="RESULTS", help="such as results/digits")
    show.set_defaults(command=_show, threads=1)

    _add_export(
        commands.add_parser("export", help="write a trained model for other places and programs")
    )

    verify = commands.add_parser("verify", help="check every file of finished stages")
    verify.add_argument("results", type=Path, metavar="RESULTS", help="such as results/digits")
    verify.add_argument("--quiet", action="store_true", help="print only what is not ok")
    verify.set_defaults(command=_verify, threads=1)

    init = commands.add_parser("init", help="write an experiment for a folder of pictures")
    _add_init(init)

    clean = commands.add_parser("clean", help="show, or remove, what an experiment left behind")
    _add_clean(clean)

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


def _add_export(export: argparse.ArgumentParser) -> None:
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
    export.set_defaults(command=_export, threads=1)


def _add_init(init: argparse.ArgumentParser) -> None:
    init.add_argument("folder", type=Path, metavar="FOLDER", help="<task>/<class>/* or <class>/*")
    init.add_argument("--output", type=Path, metavar="YAML", help="default: the folder's name")
    init.add_argument("--force", action="store_true", help="replace the file if it exists")
    init.set_defaults(command=_init)


def _add_clean(clean: argparse.ArgumentParser) -> None:
    clean.add_argument("results", type=Path, metavar="RESULTS", help="such as results/digits")
    clean.add_argument("--rungs", action="store_true", help="the rungs of finished tasks too")
    clean.add_argument("--yes", action="store_true", help="remove what is shown")
    clean.set_defaults(command=_clean, threads=1)


def _add_predict(predict: argparse.ArgumentParser) -> None:
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
    predict.set_defaults(command=_predict)


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
