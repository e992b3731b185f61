"""Nothing that is read can run: no pickle, no eval, no shell; names stay in their folders."""

import ast
import sys
from pathlib import Path

import pytest
from bad_input.case import CONFIG, edited

from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError, UserError, printable
from lifelong.plan.plan import Plan
from lifelong.plan.reading import read
from lifelong.plan.stage import Key

TREE = Path(__file__).parents[2]
FILES = sorted([*TREE.glob("lifelong/**/*.py"), *TREE.glob("workflow_scripts/*.py")])
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
MODULES |= {"tarfile", "zipfile", "pty"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load_all"}
CALLS |= {"torch.load", "torch.save", "numpy.load", "np.load", "pd.read_pickle", "pd.eval"}
CALLS |= {"yaml.unsafe_load", "yaml.full_load", "shutil.unpack_archive", "torch.hub.load"}


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a call's function; other forms give an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""


def _weights_only(call: ast.Call) -> bool:
    """Whether torch reads tensors and nothing else: its own reader of pickles calls nothing."""
    said = {word.arg: word.value for word in call.keywords}.get("weights_only")
    return isinstance(said, ast.Constant) and said.value is True


def _only_caught(source: str) -> set[str]:
    """Modules of which a source names nothing but an exception."""
    nodes = ast.walk(ast.parse(source))
    used = {dotted(node) for node in nodes if isinstance(node, ast.Attribute)}
    names = {name for name in used if name.startswith("pickle.")}
    return {"pickle"} if names == {"pickle.UnpicklingError"} else set()


def dangers(source: str) -> list[str]:
    """What in a source could run what it reads."""
    found = []
    harmless = _only_caught(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names if a.name.split(".")[0] in MODULES]
            found += [name for name in names if name not in harmless]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] * (str(node.module).split(".")[0] in MODULES)
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            safe = name == "torch.load" and _weights_only(node)
            found += [name] * (name in CALLS and not safe)
            loader = [dotted(arg) for arg in [*node.args[1:], *(k.value for k in node.keywords)]]
            found += [name] * (name == "yaml.load" and "_Loader" not in loader)
            for keyword in node.keywords:
                on = not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
                if keyword.arg in ("shell", "allow_pickle") and on:
                    found.append(f"{name}({keyword.arg}=...)")
    return found


def test_no_file_can_run_what_it_reads():
    found = {str(file.relative_to(TREE)): dangers(file.read_text()) for file in FILES}
    assert len(found) > 100
    assert not {file: calls for file, calls in found.items() if calls}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load(x)",
        "np.load(x, allow_pickle=True)",
        "h.read(x, allow_pickle=flag)",
        "eval(x)",
        "yaml.load(x)",
        "yaml.load(x, yaml.Loader)",
        "run(x, shell=True)",
        "import tarfile",
        "os.system(x)",
    ],
)
def test_the_search_finds_each_danger(source):
    assert dangers(source)


def test_the_loader_of_configurations_is_a_safe_one():
    import yaml

    from lifelong.plan import reading

    assert issubclass(reading._Loader, yaml.SafeLoader)
    unsafe = [tag for tag in reading._Loader.yaml_constructors if tag and "python" in tag]
    assert not unsafe


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch pwned']",
        "a: !!python/object:os.system {}",
        "a: !!python/name:os.system",
        "!!python/object/new:os.system [touch pwned]",
    ],
)
def test_a_tag_runs_nothing(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(text)
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        read(Path("config.yaml"))
    assert not Path("pwned").exists()


def test_only_torchvision_reads_an_archive_and_checks_its_digest_first():
    from torchvision.datasets import CIFAR100

    users = [file.name for file in FILES if "CIFAR100" in file.read_text()]
    assert users == ["sources.py"]
    assert len(CIFAR100.tgz_md5) == 32
    assert all(len(digest) == 32 for _, digest in [*CIFAR100.train_list, *CIFAR100.test_list])


@pytest.mark.parametrize("name", ["..", "../x", "/x", "a/b", "a\\b", "~", ".", ".x", "a\n", "a b"])
@pytest.mark.parametrize("key", ["experiment", "tasks.0.name", "datasets"])
def test_no_name_leaves_its_folder(tmp_path, monkeypatch, key, name):
    value = {name: {"source": "digits", "channels": 1}} if key == "datasets" else name
    edited(key, value)(tmp_path)
    with pytest.raises(ConfigError):
        check(read(tmp_path / "config.yaml"))


def test_the_longest_names_that_are_taken_fit_a_folder():
    name = "x" * 100
    config = CONFIG | {
        "experiment": name,
        "datasets": {name: {"source": "digits", "channels": 1}},
        "tasks": [{"name": name, "classes": [0, 1]}],
        "goals": {},
    }
    plan = Plan(check(config))
    parts = [*plan.pack_stage(name).folder.split("/")]
    parts += plan.folder(Key("expand", "cpg", 0, 1, 1)).split("/")
    assert max(map(len, parts)) < 255 and ".." not in parts


def test_a_message_is_one_printable_line_whatever_a_file_is_called():
    odd = "a\nb\x1b[31m\udcff\t\x00é"
    assert printable(odd) == r"a\nb\x1b[31m\udcff\t\x00é"
    assert str(UserError(odd)).isprintable()
    assert printable(printable(odd)) == printable(odd)
    str(UserError(odd)).encode(sys.getfilesystemencoding(), "strict")
