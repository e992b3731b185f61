"""A model is the list of its tasks' shards: views do not change, files tell the whole truth."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from toy import card_of, images_of, stepped

from lifelong import store
from lifelong.masks import Learner, Model, Shard, shard_size
from lifelong.plan.errors import DamagedFile, Misfit, UserError
from lifelong.plan.methods import MOST_TASKS
from lifelong.work.shards import load, load_part, read_model, save


def answers(model: Model, position: int) -> torch.Tensor:
    with torch.no_grad():
        return model.view(position)(images_of(card_of(position)))


def test_a_view_is_what_was_learned(two_tasks):
    model = Model()
    first = stepped(Learner(model, card_of(1), seed=1))
    learned = first.network.eval()(images_of(card_of(1)))
    model.add(first.shard())
    assert torch.equal(answers(model, 1), learned)


@pytest.mark.parametrize("width", [1.0, 1.5, 3.0])
def test_old_views_are_bit_equal_after_a_further_task_and_after_widening(two_tasks, width):
    before = [answers(two_tasks, position) for position in (1, 2)]
    third = stepped(Learner(two_tasks, card_of(3, width), seed=3), pick=True, steps=5)
    two_tasks.add(third.shard())
    for position, expected in enumerate(before, 1):
        assert torch.equal(answers(two_tasks, position), expected)


def test_every_weight_has_one_owner_and_free_ones_are_zero(two_tasks):
    for name, owners in two_tasks.owners.items():
        assert set(np.unique(owners)) <= {0, 1, 2}
        assert (two_tasks.weights[name][owners == 0] == 0).all()
        assert all((owners == owner).any() for owner in (1, 2))


def test_picks_are_over_older_weights_only(two_tasks):
    second = two_tasks.shards[1]
    older = {name: int((owners == 1).sum()) for name, owners in two_tasks.owners.items()}
    picked = {name: second.picked(name) for name in older}
    assert {name: bits.size for name, bits in picked.items()} == older
    assert not all(bits.all() for bits in picked.values()), "nothing was left unpicked"


def test_a_part_survives_the_disk(two_parts, tmp_path):
    for position, part in enumerate(two_parts, 1):
        save(tmp_path / f"{position}.h5", part)
        same(load_part(tmp_path / f"{position}.h5"), dataclasses.replace(part, before=None))


def near_the_task_before(model: Model, width: float = 1.0) -> Shard:
    """A third task that uses what the second one uses but the first weight of each layer."""
    shard = stepped(Learner(model, card_of(3, width), seed=3), pick=True).shard()
    used = Model.part(model, shard).before  # widens the model to the task's width
    counts = [int((owners > 0).sum()) for owners in model.owners.values()]
    bits = np.unpackbits(used, count=sum(counts)).astype(bool)
    picks = dict(zip(model.owners, np.split(bits, np.cumsum(counts)[:-1]), strict=True))
    for name in picks:
        picks[name][0] ^= True
    return dataclasses.replace(shard, picks=picks)


@pytest.mark.parametrize("width", [1.0, 1.5])
def test_picks_close_to_the_task_before_are_written_as_differences(two_parts, tmp_path, width):
    model, path = Model(), tmp_path / "shard.h5"
    for part in two_parts:
        model.add(part)
    shard = near_the_task_before(model, width)
    part = model.part(shard)
    save(path, part)
    assert shard_size(part)["picks"] < shard_size(dataclasses.replace(part, before=None))["picks"]
    found = load_part(path)
    with pytest.raises(ValueError, match="need those of the task before"):
        found.picked(next(iter(shard.picks)))
    save(tmp_path / "copy.h5", found)
    assert path.read_bytes() == (tmp_path / "copy.h5").read_bytes()
    model.add(found)
    assert all(
        np.array_equal(model.shards[2].picked(name), shard.picks[name]) for name in shard.picks
    )
    for name in shard.picks:
        used = model.used(name)
        assert used is not None
        assert used.sum() == shard.picks[name].sum() + shard.owned[name].sum()


def test_differences_from_the_picks_of_another_task_are_refused(two_parts, tmp_path):
    model = Model()
    for part in two_parts:
        model.add(part)
    save(tmp_path / "shard.h5", model.part(near_the_task_before(model)))
    other = Model()
    other.add(two_parts[0])
    with pytest.raises(Misfit, match="picks weights of other tasks"):
        other.add(load_part(tmp_path / "shard.h5"))


@pytest.mark.parametrize("with_scores", [True, False])
def test_a_working_file_survives_the_disk(two_parts, tmp_path, with_scores):
    model = Model()
    model.add(two_parts[0])
    learner = stepped(Learner(model, card_of(2), seed=4), pick=True)
    learner.prune_to(0.9)
    shard = learner.shard(with_scores)
    save(tmp_path / "candidate.h5", shard)
    same(load(tmp_path / "candidate.h5"), shard)
    assert all(mask.dtype == bool for mask in shard.owned.values())
    with pytest.raises(DamagedFile, match=r"candidate\.h5 is a working file"):
        load_part(tmp_path / "candidate.h5")


def test_a_finished_task_is_no_working_file(two_parts, tmp_path):
    save(tmp_path / "shard.h5", two_parts[1])
    with pytest.raises(DamagedFile, match=r"shard\.h5 is a finished task"):
        load(tmp_path / "shard.h5")


def same(found, expected) -> None:
    """Every field, bit for bit."""
    for field in dataclasses.fields(expected):
        here, there = getattr(expected, field.name), getattr(found, field.name)
        if isinstance(here, dict):
            assert same_arrays(here, there), field.name
        elif isinstance(here, np.ndarray):
            assert np.array_equal(here, there)
        else:
            assert here == there, field.name


def same_arrays(here, there) -> bool:
    return here.keys() == there.keys() and all(np.array_equal(here[k], there[k]) for k in here)


def plain(shards, shapes):
    """Weights and owners as DESIGN says them: the owned of what was free, task after task."""
    weights = {name: np.zeros(int(np.prod(shape)), np.float32) for name, shape in shapes.items()}
    owners = {name: np.zeros(int(np.prod(shape)), np.uint8) for name, shape in shapes.items()}
    for owner, shard in enumerate(shards, 1):
        for name, owned in shard.owned.items():
            kept = np.flatnonzero(owners[name] == 0)[owned]
            weights[name][kept], owners[name][kept] = shard.values[name], owner
    return weights, owners


def test_a_model_from_files_is_the_plain_form_bit_for_bit(tmp_path):
    # shares low and high, so that every form of the places is written; the last takes what is left
    shards, model, paths = [], Model(), []
    for position, ratio in enumerate((0.7, 0.98, 0.9, 0.3, 0.0), 1):
        learner = stepped(Learner(model, card_of(position), seed=position), pick=position > 1)
        if ratio:
            learner.prune_to(ratio)
        shard = learner.shard()
        if position == 4:  # as few differences as are worth writing
            near = {name: model.used(name)[model.owners[name] > 0] for name in shard.picks}
            shard = dataclasses.replace(shard, picks=near)
        shards.append(shard)
        lineage = tuple(store.digest(path) for path in paths)
        card = dataclasses.replace(shards[-1].card, lineage=lineage)
        part = model.part(dataclasses.replace(shards[-1], card=card))
        path = tmp_path / str(position) / "shard.h5"
        store.write_manifest(path.parent, {path.name: save(path, part)})
        paths.append(path)
        model.add(shards[-1])
        assert load_part(path).flips or position != 4
    weights, owners = plain(shards, shards[0].shapes)
    assert set(np.concatenate([*owners.values()])) == {1, 2, 3, 4, 5}
    for views, picks in ((True, True), (False, True), (False, False)):
        found = read_model(paths, views=views, picks=picks)
        for name in weights:
            assert np.array_equal(found.weights[name].reshape(-1), weights[name])
            assert np.array_equal(found.owners[name].reshape(-1), owners[name])
        for name in weights:
            used = found.used(name)
            assert used is None if not picks else np.array_equal(used, model.used(name))
        assert all(torch.equal(answers(found, i), answers(model, i)) for i in range(1, 6) if views)
    with pytest.raises(ValueError, match="without its picks"):
        found.view(2)
    # what the next task inherits is there, and nothing of the tasks before the newest
    assert same_arrays(found.shards[-1].dense, shards[-1].dense)
    assert not any(part.dense for part in found.shards[:-1])


def test_a_model_keeps_every_weight_once(two_tasks):
    assert all(not part.values and not part.places for part in two_tasks.shards)


def test_a_task_over_older_weights_is_refused(two_parts, two_tasks):
    before = {name: weights.copy() for name, weights in two_tasks.weights.items()}
    with pytest.raises(Misfit, match="where an older task's are"):
        two_tasks.add(two_parts[1])
    assert all(np.array_equal(before[name], two_tasks.weights[name]) for name in before)


def test_a_model_takes_as_many_tasks_as_a_configuration_may_have_and_says_so():
    model, card = Model(), card_of(1)
    masks = {"a": np.zeros(0, bool)}
    for position in range(1, MOST_TASKS + 1):
        one = {"a": np.array([position == 1] * (position == 1), bool)}
        values = {"a": np.ones(int(position == 1), np.float32)}
        model.add(Shard(card, {"a": (1,)}, values, one, None, {}))
    with pytest.raises(UserError, match=f"more than {MOST_TASKS} tasks"):
        model.add(Shard(card, {"a": (1,)}, {"a": np.zeros(0, np.float32)}, masks, None, {}))
    assert model.owners["a"].tolist() == [1]


def test_the_size_report_equals_the_bytes_on_disk(two_parts, tmp_path):
    import h5py

    for position, shard in enumerate(two_parts, 1):
        path = tmp_path / f"{position}.h5"
        save(path, shard)
        sizes = shard_size(shard)
        with h5py.File(path) as file:
            stored = {name: file[name].id.get_storage_size() for name in file}
            nbytes = {name: file[name].nbytes for name in file}
        assert nbytes == {name: size for name, size in sizes.items() if size}
        # fletcher32 adds four bytes a chunk; the rest is HDF5's and the card's
        assert all(
            0 < stored[name] - nbytes[name] <= 4 * (1 + nbytes[name] // 2**20) for name in stored
        )
        assert path.stat().st_size - sum(sizes.values()) < 10_000


def test_a_shard_learned_on_other_tasks_is_refused(two_parts, tmp_path):
    paths = []
    for shard, name in itertools.product(two_parts, ["x"]):
        folder = tmp_path / name / str(shard.card.position)
        path = folder / "shard.h5"
        lineage = tuple(store.digest(p) for p in paths)
        digest = save(
            path, dataclasses.replace(shard, card=dataclasses.replace(shard.card, lineage=lineage))
        )
        store.write_manifest(folder, {"shard.h5": digest})
        paths.append(path)
    assert len(read_model(paths).shards) == 2
    with pytest.raises(DamagedFile, match="another run"):
        read_model(paths[1:])


def test_separate_networks_do_not_share():
    model = Model()
    outputs = []
    for position in (1, 2):
        card = dataclasses.replace(card_of(position), alone=True)
        learner = stepped(Learner(Model(), card, seed=position))
        outputs.append(learner.network.eval()(images_of(card)).detach())
        model.add(learner.shard())
    assert torch.equal(answers(model, 1), outputs[0]) and torch.equal(answers(model, 2), outputs[1])
