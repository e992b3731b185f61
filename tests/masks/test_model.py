"""A model is the list of its tasks' shards: views do not change, files tell the whole truth."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from toy import card_of, images_of, stepped

from lifelong import store
from lifelong.masks import Learner, Model, shard_size
from lifelong.plan.errors import DamagedFile
from lifelong.stages.shards import load, read_model, save


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
    assert {name: bits.size for name, bits in second.picks.items()} == older
    assert not all(bits.all() for bits in second.picks.values()), "nothing was left unpicked"


def test_a_shard_survives_the_disk(two_tasks, tmp_path):
    for position, shard in enumerate(two_tasks.shards, 1):
        save(tmp_path / f"{position}.h5", shard)
        found = load(tmp_path / f"{position}.h5")
        assert found.card == shard.card
        for part in ("values", "owned", "picks", "dense"):
            here, there = getattr(shard, part), getattr(found, part)
            assert (here is None) == (there is None)
            for name in here or ():
                assert np.array_equal(here[name], there[name]), (part, name)


def test_the_size_report_equals_the_bytes_on_disk(two_tasks, tmp_path):
    import h5py

    for position, shard in enumerate(two_tasks.shards, 1):
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


def test_a_shard_learned_on_other_tasks_is_refused(two_tasks, tmp_path):
    paths = []
    for shard, name in itertools.product(two_tasks.shards, ["x"]):
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
