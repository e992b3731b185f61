"""A configuration is completed, or refused with one sentence that names the key."""

import copy
import itertools
import re
from pathlib import Path

import pytest
import yaml
from edits import dotted, with_key

from lifelong.plan.config import check, load, over_base
from lifelong.plan.errors import ConfigError
from lifelong.plan.reading import read, typed
from lifelong.plan.settings import merge, settings

TREE = Path(__file__).parents[2]
BASE = {
    "experiment": "toy",
    "methods": ["packnet", "cpg"],
    "datasets": {"digits": {"source": "digits", "channels": 1}},
    "tasks": [{"name": "a", "classes": [0, 1]}, {"name": "b", "classes": [2, 3]}],
    "network": {"name": "small_cnn"},
}
FOLDER = {"source": "image_folder", "root": "pictures", "image_size": 32, "channels": 3}
MANY = [{"name": f"t{i}", "classes": [0, 1]} for i in range(255)]


def edited(path: str, value: object) -> dict:
    """The base configuration with one key, named by dots, set to a value."""
    return with_key(BASE, *dotted(path), value)


WRONG = [
    ("train.lr", float("nan"), "train.lr", "nan"),
    ("expand.cap", float("inf"), "expand.cap", "inf"),
    ("train.lr", "1e-3", "train.lr", "write 0.001 "),
    ("tasks.0.classes", [1, "1"], "tasks", "'a'", "twice"),
    ("tasks.0.group", "digits", "tasks", "'a'", "no group"),
    ("experiment", "x\n", "experiment"),
    ("network.name", "vgg16_bn", "network.name", "32x32"),
    ("colour", 1, "'colour'"),
    ("train.epoch", 5, "train: ", "'epoch'"),
    ("train", None, "train", "not of type 'object'"),
    ("train.epochs", 1.5, "train.epochs"),
    ("train.epochs", 0, "train.epochs"),
    ("train.lr", "1e-3", "train.lr", "number"),
    ("train.lr", -0.1, "train.lr"),
    ("experiment", "a/b", "experiment"),
    ("experiment", "..", "experiment"),
    ("protocol", "dirty", "protocol", "'clean', 'paper'"),
    ("methods", ["cpgg"], "methods.0", "'cpgg'", "did you mean 'cpg'"),
    ("methods", [], "methods"),
    ("methods", ["cpg", "cpg"], "methods", "non-unique"),
    ("seeds", [-1], "seeds.0"),
    ("seeds", [0, 0], "seeds"),
    ("network.name", "resnet", "network.name", "'vgg16_bn', 'small_cnn'"),
    ("recipe.batch_size", 1, "recipe.batch_size"),
    ("expand.step", 0, "expand.step"),
    ("expand.cap", 0.5, "expand.cap"),
    ("goals.given", {"z": 0.5}, "goals.given", "'z'"),
    ("goals.given", {"z": 0.5, 1: 0.5}, "goals.given", "put 1 in quotes"),
    ("goals.given", {"a": 97.1}, "goals.given.a", "97.1"),
    ("goals", {"policy": "given", "given": {"a": 0.9}}, "goals.given", "'b'"),
    ("method_settings.dgr", {}, "method_settings", "'dgr'"),
    ("method_settings.cpg.goal", {}, "method_settings.cpg", "'goal'"),
    ("method_settings.cpg.prune", {"ratios": [0.5, 0.1]}, "prune.ratios (cpg)", "rising"),
    ("prune.ratios", [1.0], "prune.ratios.0"),
    ("tasks", [], "tasks"),
    ("tasks", MANY, "tasks", "255", "254"),
    ("tasks.0.ratio", 1.0, "tasks.0.ratio", "1.0"),
    ("tasks.0.ratio", 0.33, "tasks", "0.33", "'a'", "prune.ratios (cpg)"),
    ("tasks.1.name", "a", "tasks", "'a' is listed twice"),
    ("tasks.1.name", "b c", "tasks.1.name"),
    ("tasks.1.classes", [2], "tasks.1.classes"),
    ("tasks.1.classes", [2, 2], "tasks.1.classes"),
    ("tasks.1", {"name": "b"}, "tasks", "'b' of digits needs its classes"),
    ("tasks.1.dataset", "letters", "tasks", "'b'", "digits", "'letters'"),
    ("tasks.1.mean", [0.5], "tasks", "'b'", "mean and std"),
    (
        "tasks.1",
        {"name": "b", "mean": [0.5] * 3, "std": [0.5] * 3},
        "mean of task 'b'",
        "1 numbers",
    ),
    ("datasets", {}, "datasets"),
    ("datasets.digits.source", "mnist", "datasets.digits.source", "'mnist'"),
    ("datasets.digits.size", 8, "datasets.digits", "'size'"),
    ("datasets.digits.validation", 0, "datasets.digits.validation"),
    ("datasets.digits.channels", 3, "datasets.digits.channels", "set it to 1"),
    ("datasets.digits", FOLDER | {"root": None}, "datasets.digits.root"),
    ("datasets.digits", FOLDER | {"image_size": None}, "datasets.digits.image_size"),
    ("datasets.digits", {"source": "cifar100", "root": "x", "channels": 1}, "digits.channels"),
    (
        "datasets.digits",
        {"source": "cifar100", "root": "x", "image_size": 64},
        "digits.image_size: CIFAR-100 is 32 pixels wide",
    ),
    ("datasets.letters", FOLDER, "tasks", "'a'", "digits, letters"),
]


@pytest.mark.parametrize(("path", "value", "words"), [(w[0], w[1], w[2:]) for w in WRONG])
def test_a_mistake_is_one_sentence_that_names_the_key(path, value, words):
    with pytest.raises(ConfigError) as error:
        check(edited(path, value))
    message = str(error.value)
    assert "\n" not in message
    for word in ("config", *words):
        assert word in message


@pytest.mark.parametrize("key", ["experiment", "datasets", "tasks"])
def test_a_missing_key_is_named(key):
    with pytest.raises(ConfigError, match=f"'{key}' is a required property"):
        check({name: value for name, value in BASE.items() if name != key})


def test_tasks_of_one_network_have_the_same_channels():
    config = edited("datasets.letters", FOLDER)
    config["tasks"][0]["dataset"] = "digits"
    config["tasks"][1] |= {"dataset": "letters"}
    with pytest.raises(ConfigError, match=r"config key datasets: .*same channels"):
        check(config)


def test_defaults_are_filled_down_to_the_last_key():
    full = check(edited("train.epochs", 7))
    assert full["protocol"] == "clean" and full["seeds"] == [0] and full["published"] is None
    assert full["train"]["epochs"] == 7 and full["train"]["lr"] == 0.01
    assert full["retrain"]["patience"] == 5 and full["goals"]["policy"] == "scratch"
    assert full["datasets"]["digits"]["validation"] == 0.2
    assert full["tasks"][1] == {"name": "b", "classes": ["2", "3"], "dataset": "digits"}


def test_checking_a_checked_configuration_changes_nothing():
    full = check(BASE)
    assert check(full) == full


def test_defaults_are_not_shared_between_configurations():
    first = check(BASE)
    first["prune"]["ratios"].append("mine")
    assert "mine" not in check(BASE)["prune"]["ratios"]


def test_254_tasks_are_accepted():
    config = edited("tasks", MANY[:254]) | {"overlapping_classes": True}
    assert len(check(config)["tasks"]) == 254


def test_merge_goes_down_mappings_and_replaces_the_rest():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    over = {"a": {"y": [3]}, "b": {"z": 2}, "c": 3}
    assert merge(base, over) == {"a": {"x": 1, "y": [3]}, "b": {"z": 2}, "c": 3}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 1}


def test_a_method_sees_its_own_settings_over_the_common_ones_and_its_papers():
    config = check(edited("method_settings", {"packnet": {"train": {"epochs": 3}}}))
    packnet, cpg = settings(config, "packnet"), settings(config, "cpg")
    assert packnet["train"]["epochs"] == 3 and cpg["train"]["epochs"] == 100
    assert packnet["prune"]["schedule"] == "one_shot" and packnet["prune"]["ratios"] == [0.6]
    assert cpg["prune"]["schedule"] == "gradual" and len(cpg["prune"]["ratios"]) == 10
    assert settings(config, "pae")["retrain"]["epochs"] == 0


def test_files_lie_over_each_other_in_order(tmp_path):
    first, second = tmp_path / "config.yaml", tmp_path / "over.yaml"
    first.write_text(yaml.safe_dump(BASE))
    second.write_text("experiment: other\ntrain: {epochs: 2}\n")
    full = load([first, second])
    assert (full["experiment"], full["train"]["epochs"]) == ("other", 2)
    assert load([first])["experiment"] == "toy"


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [1", "not valid YAML"), ("- a\n", "must be a mapping"), ("", "must be a mapping")],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as error:
        read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_or_binary_file_is_named(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00a")
    for name in ("absent.yaml", "binary.yaml"):
        with pytest.raises(ConfigError, match=name):
            read(tmp_path / name)


def test_every_shipped_experiment_is_valid_over_the_default():
    overlays = sorted((TREE / "experiments").glob("*.yaml"))
    for files in itertools.chain([[]], [[overlay] for overlay in overlays]):
        assert load([TREE / "config.yaml", *files])["tasks"]


def test_an_experiment_of_ones_own_takes_nothing_from_the_one_that_lies_there(tmp_path):
    """Floors that fit digits would leave photographs unpruned, and nobody would be told."""
    base = {**copy.deepcopy(BASE), "train": {"min_train_accuracy": 0.9, "epochs": 3}}
    mine = {key: BASE[key] for key in ("datasets", "tasks", "network")} | {"experiment": "mine"}
    for name, content in (("config.yaml", base), ("mine.yaml", mine)):
        (tmp_path / name).write_text(yaml.safe_dump(content))
    full = load([tmp_path / "config.yaml", tmp_path / "mine.yaml"], {"seeds": [3]})
    assert full == check({**mine, "seeds": [3]})
    assert full["train"]["min_train_accuracy"] == full["prune"]["min_train_accuracy"] == 0.0


def test_other_files_lie_over_the_one_that_lies_there():
    over = {"train": {"epochs": 7}, "seeds": [5]}
    assert over_base(BASE, over) == merge(BASE, over)


@pytest.mark.parametrize("key", ["datasets", "tasks"])
def test_an_experiment_of_ones_own_has_a_name(key):
    with pytest.raises(ConfigError, match="name it, such as experiment: mine"):
        over_base(BASE, {key: BASE[key]})


def test_options_of_the_command_line_are_read_as_yaml_at_any_depth():
    """Snakemake reads only the outermost value."""
    given = {"seeds": ["0", "1"], "train": {"lr": "0.1", "epochs": "3"}, "methods": ["cpg", "no"]}
    given |= {"experiment": "7", "recipe": {"flip": "true"}, "n": 5}
    assert typed(given) == {
        "seeds": [0, 1],
        "train": {"lr": 0.1, "epochs": 3},
        "methods": ["cpg", "no"],
        "experiment": "7",
        "recipe": {"flip": True},
        "n": 5,
    }


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("train.epochs", "20", "; write 20 without quotes"),
        ("train.epochs", "20.0", "; write 20 without quotes"),
        ("train.epochs", 20.0, "; write 20"),
        ("train.epochs", "2.5", ""),
        ("train.lr", "0.0125", "; write 0.0125 so that YAML reads a number"),
        ("train.lr", "1e-5", "; write 1.0e-05 so that YAML reads a number"),
        ("train.lr", "1.25e-6", "; write 1.25e-06 so that YAML reads a number"),
        ("train.lr", "1", "; write 1 without quotes"),
        ("train.mask_epochs", "20", "; write 20 without quotes"),
        ("recipe.flip", "True", "; write true without quotes"),
    ],
)
def test_a_hint_works_as_it_is_written(key, value, hint):
    with pytest.raises(ConfigError) as error:
        check(edited(key, value))
    assert re.sub(".*is not of type [^;]*", "", str(error.value)) == hint
    if hint:
        written = hint.removeprefix("; write ").split()[0]
        check(edited(key, yaml.safe_load(written)))


@pytest.mark.parametrize(("key", "value"), [("experiment", 5), ("tasks.0.name", 5)])
def test_a_hint_for_an_option_does_not_ask_for_quotes_that_it_would_drop(key, value):
    config = edited(key, value)
    with pytest.raises(ConfigError, match=r"; put it in quotes to make a text of it$"):
        check(config)
    with pytest.raises(ConfigError, match="--config drops quotes: write it into a file"):
        check(config, options=[key.partition(".")[0]])


def test_a_number_that_yaml_reads_as_another_stays_text_in_an_option():
    assert typed({"tasks": [{"classes": ["010", "9"]}]}) == {"tasks": [{"classes": ["010", 9]}]}


def test_a_whole_number_of_channels_may_be_written_as_a_float():
    channels = check(edited("datasets.digits.channels", 1.0))["datasets"]["digits"]["channels"]
    assert isinstance(channels, int) and channels == 1


def test_scores_that_no_task_would_carry_over_are_refused():
    own = {"supsup": {"picking": {"scores": "carried"}}}
    config = {**BASE, "methods": ["supsup"]}
    check({**config, "picking": {"scores": "carried"}})  # which supsup answers for itself
    with pytest.raises(
        ConfigError, match=r"picking.scores: supsup learns the scores of every task"
    ):
        check({**config, "method_settings": own})
