"""Methods under further names, and that methods are named alike wherever they are listed."""

import pytest
from known_methods import LAYER_METHODS
from toy_experiment import toy_config, toy_layers_config, toy_plan

from lifelong.plan.config import check
from lifelong.plan.errors import ConfigError
from lifelong.plan.families.layers import options_of
from lifelong.plan.methods import METHODS
from lifelong.plan.schema import schema
from lifelong.plan.settings import row_of, settings
from lifelong.plan.stage import Key

SCHEMA = schema()
TOP2 = {"hps_top1": {"method": "hps", "layers": {"pattern": "top1"}}}


def layers_config(methods: list[str], **changes: object) -> dict:
    return check(toy_layers_config(methods, **changes))


def test_a_variant_has_the_settings_of_its_method_and_its_own():
    config = layers_config(
        ["hps", "hps_top1"],
        variants=TOP2,
        method_settings={"hps": {"layers": {"lr": 0.25, "pattern": "none"}}},
    )
    assert settings(config, "hps")["layers"]["pattern"] == "none"
    own = settings(config, "hps_top1")["layers"]
    assert (own["pattern"], own["lr"]) == ("top1", 0.25)
    assert own["epochs"] == config["layers"]["epochs"] == 8
    assert row_of(config, "hps_top1") is METHODS["hps"]


def test_a_variant_runs_the_stages_of_its_method_in_a_folder_of_its_own():
    plan = toy_plan(["hps", "hps_top1"], variants=TOP2, **layers_sections())
    specs = {}
    for name in ("hps", "hps_top1"):
        stage = plan.stage(Key("train", name, 0, 1))
        assert f"/{name}/s0/" in stage.folder
        specs[name] = stage.spec
    assert specs["hps"].pattern == "SS" and specs["hps_top1"].pattern == "-S"
    assert specs["hps"].base == specs["hps_top1"].base == "hps"
    assert specs["hps"].random_seed == specs["hps_top1"].random_seed
    assert specs["hps"].data == specs["hps_top1"].data


def layers_sections() -> dict:
    """As toy_plan takes them: it knows names of methods, not of variants."""
    config = toy_layers_config(["hps"])
    return {key: config[key] for key in ("network", "layers", "tasks", "goals", "method_settings")}


def test_a_variant_of_a_mask_method_keeps_what_is_fixed_for_it():
    config = check(
        toy_config(["cpg", "slow"], variants={"slow": {"method": "cpg", "train": {"lr": 0.001}}})
    )
    assert settings(config, "slow")["train"]["lr"] == 0.001
    assert settings(config, "slow")["train"]["epochs"] == settings(config, "cpg")["train"]["epochs"]
    other = check(toy_config(["one"], variants={"one": {"method": "packnet"}}, method_settings={}))
    assert settings(other, "one")["prune"]["schedule"] == "one_shot"  # PackNet's own default


def test_an_unused_variant_does_no_harm():
    config = layers_config(["stl"], variants={"later": {"method": "snn"}})
    assert config["methods"] == ["stl"]


WRONG = [
    ({"mine": {"method": "hpss"}}, ["hps"], "variants.mine.method", "'hpss'", "'hps'"),
    ({"mine": {"method": "mine"}}, ["hps"], "variants.mine.method", "'mine'"),
    ({"a": {"method": "hps"}, "b": {"method": "a"}}, ["b"], "variants.b.method", "'a'"),
    ({"hps": {"method": "stl"}}, ["hps"], "variants", "'hps'", "already"),
    ({"Hps": {"method": "stl"}}, ["Hps"], "variants", "'Hps'", "folder"),
    ({"a": {"method": "hps"}, "A": {"method": "hps"}}, ["a"], "variants", "'A'", "folder"),
    ({"tables": {"method": "hps"}}, ["tables"], "variants", "'tables'", "folder"),
    ({"report": {"method": "hps"}}, ["report"], "variants", "'report'", "folder"),
    ({"pack_data": {"method": "hps"}}, ["hps"], "variants", "'pack_data'", "folder"),
    ({"a b": {"method": "hps"}}, ["a b"], "variants", "'a b'"),
    ({"../up": {"method": "hps"}}, ["hps"], "variants", "'../up'"),
    ({"mine": {}}, ["mine"], "variants.mine", "'method'"),
    ({"mine": {"method": "hps", "layer": {}}}, ["mine"], "variants.mine", "'layer'", "layers"),
    ({"mine": {"method": "hps", "layers": {"lrr": 1}}}, ["mine"], "layers", "'lrr'", "'lr'"),
    ({"mine": {"method": "hps", "layers": {"lr": 0}}}, ["mine"], "variants.mine.layers.lr"),
    ({"mine": {"method": "hps", "layers": {"pattern": "top9"}}}, ["mine"], "pattern", "'top9'"),
    ({"mine": {"method": "hps"}}, ["mime"], "methods.0", "'mime'", "'mine'"),
    ({"mine": {"method": "hps", "network": {"name": "small_cnn"}}}, ["mine"], "mine", "small_cnn"),
]


@pytest.mark.parametrize(("variants", "methods", "key", "words"), [(*w[:3], w[3:]) for w in WRONG])
def test_a_variant_that_cannot_be_is_refused(variants, methods, key, words):
    with pytest.raises(ConfigError) as error:
        layers_config(methods, variants=variants)
    said = str(error.value)
    assert said.startswith("config key ") and key in said
    assert all(word in said for word in words), said


@pytest.mark.parametrize("name", LAYER_METHODS)
def test_the_options_of_a_method_have_defaults(name):
    layers = layers_config([name])["layers"]
    row = METHODS[name]
    assert set(options_of(row, layers)) == {"dropout", *row.options}


def test_every_setting_of_layers_is_described():
    def described(part: dict, path: str) -> list[str]:
        missing = [] if "description" in part or "$ref" in part else [path]
        for name, inner in part.get("properties", {}).items():
            missing += described(inner, f"{path}.{name}")
        return missing

    assert not described(SCHEMA["properties"]["layers"], "layers")


def test_den_and_snn_need_images_of_one_size():
    """Fully connected layers in common cannot take maps of two sizes."""
    sets = {
        name: {"source": "image_folder", "root": name, "image_size": side, "channels": 3}
        for name, side in (("small", 16), ("large", 32))
    }
    tasks = [{"name": name, "dataset": name, "classes": ["a", "b"]} for name in sets]
    for method in ("snn", "den"):
        with pytest.raises(ConfigError, match="16 and 32 pixels") as error:
            layers_config([method], datasets=sets, tasks=tasks)
        assert method in str(error.value) and "image_size" in str(error.value)
    layers_config(["hps", "stl", "progressive"], datasets=sets, tasks=tasks)


def test_den_refuses_networks_with_skips():
    network = {"name": "cifar_resnet17", "channels": 0.0625}
    with pytest.raises(ConfigError, match=r"network\.name: den .* skips of cifar_resnet17"):
        layers_config(["den"], network=network)
    layers_config(["progressive"], network=network)


def test_a_network_that_does_not_grow_caps_the_width_of_its_own_method_alone():
    small = {"method": "scratch", "network": {"name": "torchvision/mobilenet_v2", "channels": 1.0}}
    config = toy_config(["cpg", "small"], variants={"small": small})
    config |= {"datasets": {"cifar": {"source": "cifar100", "root": "raw"}}, "goals": {}}
    config |= {"tasks": [{"name": "fish"}], "network": {"name": "vgg16_bn"}}
    checked = check(config)
    caps = {name: settings(checked, name)["expand"]["cap"] for name in ("small", "cpg")}
    assert caps == {"small": 1.0, "cpg": 1.5}
