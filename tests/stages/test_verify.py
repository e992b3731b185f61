"""`lifelong verify`: every file of a results tree is told right from wrong, with what to do."""

import contextlib
import itertools
import json
import os
import random
import shutil
from pathlib import Path

import pytest
from fault_points import BASE, CONFIG, Server
from harness_tree import DIFFERENT
from toy_experiment import run_toy

from lifelong import store
from lifelong.cli import main
from lifelong.data.pack import check_pack
from lifelong.jobs import driver
from lifelong.plan.config import check
from lifelong.plan.errors import DamagedFile, UserError
from lifelong.plan.paths import split_root
from lifelong.plan.plan import Plan
from lifelong.plan.stage import Key
from lifelong.use.verify import verify

TRAIN, SECOND = f"{BASE}/cpg/s0/01-x/train", f"{BASE}/cpg/s0/02-y/train"
PACK = f"{BASE}/pack_data/digits/pack.h5"
BINARY = (
    PACK,
    f"{BASE}/scratch/s0/02-y/baseline/shard.h5",
    f"{SECOND}/candidate.h5",
    f"{BASE}/cpg/s0/02-y/prune/ratio-0.6.h5",
    f"{BASE}/cpg/s0/02-y/retrain/shard.h5",
    f"{BASE}/cpg/s0/02-y/infer/logits.h5",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    server = Server()
    server.whole_experiment(folder)
    server.close()
    return folder


@pytest.fixture
def here(finished, tmp_path, monkeypatch) -> Path:
    """A copy of the finished experiment, as the working folder."""
    shutil.copytree(finished, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def wrong(results: str = "results") -> dict[str, str]:
    """Every file that is not ok, and what it is."""
    return {str(f.path): f.status for f in verify(Path(results)) if f.status != "ok"}


def test_a_finished_tree_is_ok_and_every_file_is_named_once(here):
    found = list(verify(Path("results")))
    assert {finding.status for finding in found} == {"ok"}
    files = [path for path in here.glob("results/**/*") if path.is_file()]
    named = {path.relative_to(here) for path in files if path.name not in DIFFERENT}
    assert len(found) == len(named) and {finding.path for finding in found} == named


@pytest.mark.parametrize("part", ["results/tiny", TRAIN, f"{BASE}/tables", str(Path(PACK).parent)])
def test_a_part_of_a_tree_is_checked_alone(here, part):
    assert wrong(part) == {}
    (here / part / "extra").write_text("x")
    assert wrong(part) == {f"{part}/extra": "foreign"}


def test_a_tree_may_be_copied_elsewhere(here, tmp_path, monkeypatch):
    shutil.copytree(here / "results", tmp_path / "backup" / "2026")
    monkeypatch.chdir(tmp_path)
    assert wrong("backup/2026") == {}
    Path("backup/2026/tiny/cpg/s0/01-x/train/record.csv").unlink()
    assert wrong("backup/2026") == {"backup/2026/tiny/cpg/s0/01-x/train/record.csv": "missing"}


@pytest.mark.parametrize("name", BINARY)
def test_every_flipped_bit_is_found(here, name):
    path, rng = here / name, random.Random(name)
    whole = path.read_bytes()
    for _ in range(20):
        at, bit = rng.randrange(len(whole)), rng.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        assert wrong(str(Path(name).parent)) == {name: "damaged"}, (at, bit)


@pytest.mark.parametrize("name", [*BINARY, f"{TRAIN}/record.csv", f"{TRAIN}/manifest.json"])
def test_every_truncation_is_found(here, name):
    path = here / name
    whole = path.read_bytes()
    for keep in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        found = wrong(str(Path(name).parent))
        last_newline = path.name == "manifest.json" and keep == len(whole) - 1
        assert found.get(name) == (None if last_newline else "damaged"), keep


def test_a_flipped_bit_of_a_manifest_is_found(here):
    path = here / TRAIN / "manifest.json"
    whole, rng = path.read_bytes(), random.Random(1)
    inside = [i for i, byte in enumerate(whole) if chr(byte).isalnum()]
    for _ in range(40):
        at = rng.choice(inside)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert wrong(TRAIN)[f"{TRAIN}/manifest.json"] == "damaged", whole[at : at + 20]


def exchange(one: Path, other: Path) -> None:
    between = one.with_name("between")
    one.rename(between)
    other.rename(one)
    between.rename(other)


def test_an_exchange_of_two_files_is_found(here):
    files = sorted(f.path for f in verify(Path("results")))
    content = {path: path.read_bytes() for path in files}
    checked = 0
    for one, other in random.Random(0).sample(list(itertools.combinations(files, 2)), 900):
        if content[one] == content[other] or "report" in (one.parts[2], other.parts[2]):
            continue
        exchange(one, other)
        found = wrong(str(one.parent)) | wrong(str(other.parent))
        exchange(one, other)
        assert str(one) in found and str(other) in found, (one, other)
        checked += 1
    assert checked > 500 and wrong() == {}


def test_every_exchange_of_two_folders_is_found(here):
    folders = sorted({finding.path.parent for finding in verify(Path("results"))})
    for one, other in itertools.combinations(folders, 2):
        exchange(one, other)
        found = wrong(str(one)) | wrong(str(other))
        exchange(one, other)
        for folder in (one, other):
            assert found[str(folder / "manifest.json")] == "foreign", (one, other)


def rewrite(folder: str, name: str, text: str) -> None:
    """Another text in place of a stage's file, with a manifest that says so."""
    manifest = store.read_manifest(Path(folder))
    facts = {key: manifest[key] for key in ("spec", "outcome", "inputs", "versions")}
    digest = store.write_text(Path(folder, name), text)
    store.write_manifest(Path(folder), {**manifest["files"], name: digest}, **facts)


def test_a_changed_input_makes_what_was_made_from_it_stale(here):
    retrain = f"{BASE}/cpg/s0/01-x/retrain"
    rewrite(retrain, "record.csv", "other")
    assert wrong(retrain) == {}
    assert wrong() == {f"{BASE}/{kind}/manifest.json": "stale" for kind in ("tables", "report")}


def test_a_damaged_input_is_told_once_and_makes_nothing_stale(here):
    shard = f"{BASE}/cpg/s0/01-x/retrain/shard.h5"
    Path(shard).write_bytes(b"other")
    assert wrong() == wrong(SECOND) == {shard: "damaged"}


def test_a_missing_stage_is_missed_by_those_that_read_it(here):
    shutil.rmtree(TRAIN)
    found = wrong()
    names = ("candidate.h5", "manifest.json", "record.csv")
    assert found == {f"{TRAIN}/{name}": "missing" for name in names}


def test_a_stage_that_was_killed_is_missing_its_manifest(here):
    Path(TRAIN, "manifest.json").unlink()
    Path(TRAIN).parent.joinpath(".resume-train").mkdir()
    Path(TRAIN).parent.joinpath(".resume-train", "train.h5").write_bytes(b"half")
    assert wrong(TRAIN) == {
        f"{TRAIN}/manifest.json": "missing",
        f"{TRAIN}/candidate.h5": "foreign",
        f"{TRAIN}/record.csv": "foreign",
    }


def test_what_a_killed_writer_left_is_foreign(here):
    Path(TRAIN, ".candidate.h5.node7.12.tmp").write_bytes(b"half")
    assert wrong() == {f"{TRAIN}/.candidate.h5.node7.12.tmp": "foreign"}


def test_a_shard_whose_manifest_was_made_to_fit_is_damaged(here):
    first, second = (f"{BASE}/cpg/s0/{task}/retrain" for task in ("01-x", "02-y"))
    shutil.copy(f"{second}/shard.h5", f"{first}/shard.h5")
    manifest = store.read_manifest(Path(first))
    facts = {key: manifest[key] for key in ("spec", "outcome", "inputs", "versions")}
    digests = manifest["files"] | {"shard.h5": store.digest(Path(first, "shard.h5"))}
    store.write_manifest(Path(first), digests, **facts)
    [found] = [f for f in verify(Path(first)) if f.status != "ok"]
    assert found.status == "damaged" and found.why == "is of position 2, not 1"


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """Results of a method that shares layers."""
    return run_toy(tmp_path_factory.mktemp("layers"), ["hps"])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"position": 3}, "is of position 3, not 2"),
        ({"task": "other"}, "is of task other, not one_seven"),
        ({"lineage": ["0" * 64]}, "was learned on other tasks than its stage read"),
        ({"lineage": []}, "was learned on other tasks than its stage read"),
    ],
)
def test_a_layer_shard_whose_card_does_not_fit_is_damaged(layers, tmp_path, changes, why):
    base = tmp_path / "results" / layers.name
    shutil.copytree(layers, base)
    folder = base / "hps/s0/02-one_seven/retrain"
    arrays, attrs = store.read_arrays(folder / "shard.h5")
    attrs = {key: value for key, value in attrs.items() if key != "format"}
    attrs["card"] |= changes
    digest = store.write_arrays(folder / "shard.h5", arrays, attrs)
    manifest = store.read_manifest(folder)
    facts = {key: manifest[key] for key in ("spec", "outcome", "inputs", "versions")}
    with contextlib.chdir(tmp_path):
        folder = folder.relative_to(tmp_path)
        store.write_manifest(folder, manifest["files"] | {"shard.h5": digest}, **facts)
        [finding] = [one for one in verify(folder) if one.status != "ok"]
    assert (finding.status, finding.why) == ("damaged", why)


def test_the_newest_of_several_shards_names_the_older_ones(layers, tmp_path):
    """Whatever their order among a stage's inputs."""
    shutil.copytree(layers, tmp_path / "results" / layers.name)
    run = Path("results", layers.name, "hps/s0")
    with contextlib.chdir(tmp_path):
        folder = run / "03-four_five/retrain"
        manifest = store.read_manifest(folder)
        facts = {key: manifest[key] for key in ("spec", "outcome", "inputs", "versions")}
        first = run / "01-zero_six/retrain/shard.h5"
        facts["inputs"] = {str(first): store.digest(first)} | facts["inputs"]
        store.write_manifest(folder, manifest["files"], **facts)
        assert {finding.status for finding in verify(folder)} == {"ok"}


def test_a_packs_own_checksums_are_compared(here):
    arrays, attrs = store.read_arrays(Path(PACK))
    arrays["images"][5, 0, 3, 3] ^= 1
    attrs.pop("format")
    store.write_arrays(Path(PACK), arrays, attrs)
    with pytest.raises(DamagedFile, match=r"pack\.h5 has images that fail their checksum"):
        check_pack(Path(PACK))


def test_every_command_mends_what_it_is_told_for(here, finished, capsys):
    Path(TRAIN, "candidate.h5").write_bytes(b"other")
    Path(SECOND, "extra file").write_bytes(b"other")
    assert main(["verify", "--quiet", "results"]) == 1
    lines = capsys.readouterr().out.splitlines()
    rebuild = f"rm {TRAIN}/candidate.h5 && snakemake --cores 2"
    assert lines == [
        f"damaged  {TRAIN}/candidate.h5  is not what was written  {rebuild}",
        f"foreign  {SECOND}/extra file  is named in no manifest  rm '{SECOND}/extra file'",
    ]
    shutil.copytree(finished / TRAIN, TRAIN, dirs_exist_ok=True)
    Path(SECOND, "extra file").unlink()
    assert main(["verify", "--quiet", "results"]) == 0
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("results: ") and said.err.endswith(" ok\n")


def test_a_folder_without_results_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="holds no results"):
            list(verify(folder))


def test_a_linked_tree_and_an_absolute_path_are_checked_too(here, tmp_path):
    assert wrong(str(here / "results")) == {}
    os.symlink(here / "results", tmp_path / "link")
    assert wrong(str(tmp_path / "link")) == {}


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("results/a/cpg/s0/01-x/train", ("results", "a/cpg/s0/01-x/train")),
        ("/w/results/a/cpg/s0/01-x/expand/a2", ("/w/results", "a/cpg/s0/01-x/expand/a2")),
        ("results/a/pack_data/tables", ("results", "a/pack_data/tables")),
        ("a/tables", ("", "a/tables")),
        ("results/a/cpg", None),
    ],
)
def test_a_stages_folder_is_told_from_its_root(folder, expected):
    assert split_root(folder) == expected


def test_stages_of_different_machines_are_a_note_and_no_failure(here, capsys):
    stage = Path("results/tiny/cpg/s0/02-y/infer")
    logits = (stage / "logits.h5").read_bytes()
    assert main(["verify", "--quiet", "results"]) == 0
    assert "Note" not in capsys.readouterr().err
    assert main(["stage", f"{stage}/manifest.json", "--threads", "2"]) == 0
    made = store.read_manifest(stage)["machine"]
    assert made["threads"] == 2 and len(made["device"]) > 2
    assert store.read_manifest(stage.parent / "train")["machine"] == {**made, "threads": 1}
    assert (stage / "logits.h5").read_bytes() == logits
    capsys.readouterr()
    assert main(["verify", "--quiet", "results"]) == 0
    said = capsys.readouterr().err
    assert "Note: the stages of tiny ran on different machines (" in said
    assert "1 with 2 threads of" in said


def test_other_threads_are_no_reason_to_run_again(here):
    plan = Plan(check(CONFIG))
    key = Key("infer", "cpg", 0, 2)
    assert driver.is_done(plan.stage(key, threads=2), lambda path: True)


def test_manifests_that_know_no_machine_are_read(here, capsys):
    folder = Path("results/tiny/cpg/s0/02-y/infer")
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["machine"]
    manifest["seal"] = store.seal_of(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert main(["verify", "--quiet", "results"]) == 0
    assert "Note" not in capsys.readouterr().err
