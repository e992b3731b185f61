"""Tables of networks, sources and losses: what rows name exists, and nothing repeats the rows."""

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from lifelong.plan.code import load
from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.losses import LOSSES, head_for
from lifelong.plan.methods import METHODS
from lifelong.plan.networks import NETWORKS, Network, misfit, stack_of
from lifelong.plan.schema import _Validator, schema
from lifelong.plan.sources import SOURCES, Source

FILES = sorted((Path(__file__).parents[2] / "schemas").rglob("*.yaml"))
CONFIG: dict[str, Any] = {
    "experiment": "toy",
    "methods": ["packnet"],
    "datasets": {"maps": {"source": "image_folder", "root": "raw", "image_size": 32}},
    "tasks": [{"name": "a", "classes": ["x", "y"]}],
    "network": {"name": "small_cnn"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_a_builder_for_images_or_layers_to_share(name):
    row = NETWORKS[name]
    assert row.name == name
    assert bool(row.builder) != (row.stack is not None)
    assert set(row.families) <= {method.family for method in METHODS.values()}
    if row.builder:
        taken = set(inspect.signature(load(row.builder)).parameters)
        assert taken >= {"in_channels", "channels", "width", *row.options}
        assert ("image_size" in taken) == row.knows_side
    if row.segments:
        assert callable(load(row.segments))


@pytest.mark.parametrize(
    ("name", "fits", "does_not"),
    [
        ("vgg16_bn", (32, 63), (31, 64)),
        ("small_cnn", (4, 1024), (3,)),
        ("spherenet20", (8, 224), (7, 225)),
        ("inception_resnet_v1", (75, 1024), (74,)),
    ],
)
def test_images_of_the_limits_fit_and_those_beyond_do_not(name, fits, does_not):
    assert [misfit(name, side) for side in fits] == [None] * len(fits)
    for side in does_not:
        assert str(side) in str(misfit(name, side)) and name in str(misfit(name, side))


def test_only_networks_that_share_layers_have_a_stack():
    assert stack_of("tiny_cnn2").depth == 2
    with pytest.raises(KeyError, match="vgg16_bn"):
        stack_of("vgg16_bn")


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_has_a_reader_of_its_kind(name):
    row = SOURCES[name]
    assert row.name == name and row.title
    parameters = list(inspect.signature(load(row.reader)).parameters)
    if row.faces:
        assert parameters[0] == "root"
    else:
        assert parameters == ["settings", "log"] and not row.may
    assert row.must <= row.may


def test_an_outside_source_without_a_title_goes_by_its_name():
    assert Source("maps", "x:y").title == "maps"
    assert Source("maps", "x:y", title="Maps of 1900").title == "Maps of 1900"


@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_names_code_and_a_head_that_exists(kind):
    row = LOSSES[kind]
    assert list(inspect.signature(load(row.code)).parameters) == ["settings", "classes", "device"]
    assert row.kind == kind and {row.needed, row.per_class} <= {"", *row.settings}


def test_only_the_angular_margin_has_an_angular_head():
    assert {kind: head_for({"kind": kind}) for kind in LOSSES} == {
        "cross_entropy": "linear",
        "weighted": "linear",
        "a_softmax": "angular",
        "expectation": "linear",
    }
    assert head_for({}) == "linear"


@pytest.mark.parametrize(
    ("path", "table"),
    [
        (("network", "name"), NETWORKS),
        (("datasets", "maps", "source"), SOURCES),
        (("tasks", 0, "loss"), LOSSES),
    ],
)
def test_a_row_that_there_is_not_is_refused_with_all_there_are(path, table):
    config = yaml.safe_load(yaml.safe_dump(CONFIG))
    *parents, last = path
    part = config
    for key in parents:
        part = part[key]
    part[last] = {"kind": "absent"} if last == "loss" else "absent"
    with pytest.raises(ConfigError) as error:
        check(config)
    message = str(error.value)
    assert message.startswith(f"config key {'.'.join(map(str, path))}") and "'absent'" in message
    assert all(f"'{name}'" in message for name in table)


def test_the_schema_takes_its_names_from_the_tables(monkeypatch):
    more = dataclasses.replace(METHODS["cpg"], name="toy_method")
    monkeypatch.setitem(METHODS, "toy_method", more)
    monkeypatch.setitem(NETWORKS, "toy_network", Network("toy_network", builder="x:y"))
    monkeypatch.setitem(SOURCES, "toy_source", Source("toy_source", "x:y"))
    keys = schema.__wrapped__()["properties"]
    assert "toy_method" in keys["method_settings"]["properties"]
    assert "toy_network" in keys["network"]["properties"]["name"]["enum"]
    source = keys["datasets"]["additionalProperties"]["properties"]["source"]
    assert "toy_source" in source["enum"]


def parts(part: Any) -> list[dict[str, Any]]:
    """Every mapping in a part of the schema, itself included."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    found = [one for value in inner for one in parts(value)]
    return [part, *found] if isinstance(part, dict) else found


def test_no_file_of_the_schema_lists_rows_of_a_table():
    rows = {*NETWORKS, *SOURCES, *LOSSES} - {"facelivenet"}  # a way to compare faces, too
    listed = {
        path.name: found
        for path in FILES
        for part in parts(yaml.safe_load(path.read_text()))
        if (found := rows & {str(one) for one in part.get("enum", ())})
    }
    assert FILES and not listed


def test_every_default_is_allowed_by_its_own_part_of_the_schema():
    checked = 0
    for part in parts(schema()):
        if "default" in part and ("type" in part or "enum" in part):
            _Validator(part).validate(part["default"])
            checked += 1
    assert checked > 90


def test_a_file_of_the_schema_is_a_section_or_the_options_of_methods():
    keys = schema()["properties"]
    for path in FILES:
        part = yaml.safe_load(path.read_text())
        if path.parent.name == "methods":
            assert keys["layers"]["properties"][path.stem] == part
            assert any(path.stem in row.options for row in METHODS.values()), path
        elif path.parent.name == "sections":
            assert keys[path.stem]["description"] == part["description"]
