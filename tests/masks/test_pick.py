"""The rule that turns scores into picks, at the threshold itself and in every form it is used."""

import numpy as np
import torch
from toy import card_of

from lifelong.masks import Learner, Model
from lifelong.masks.pick import SCORE_START, THRESHOLD, picked

AT = np.float32(0.005)
BELOW, ABOVE = (np.nextafter(AT, np.float32(end)) for end in (0, 1))
SCORES = torch.tensor(np.array([[BELOW, AT, ABOVE], [-1.0, 0.0, 1.0]], np.float32))
PICKS = [[False, False, True], [False, False, True]]


def test_a_score_has_to_be_above_the_threshold():
    assert THRESHOLD == 0.005
    picks = picked(SCORES)
    assert picks.dtype == torch.bool and picks.tolist() == PICKS


def test_every_old_weight_is_picked_at_first():
    assert picked(torch.full((4,), SCORE_START)).all()


def test_picks_are_written_into_memory_that_is_given():
    out = torch.full((2, 3), 7.0)
    assert picked(SCORES, out=out) is out
    assert out.tolist() == [[0, 0, 1], [0, 0, 1]]


def test_a_shard_carries_the_picks_of_old_entries_in_order():
    """Scores around the threshold, also on entries that no older task owns, which do not count."""
    model = Model()
    first = Learner(model, card_of(1), seed=1)
    first.prune_to(0.5)
    model.add(first.shard())
    learner = Learner(model, card_of(2), seed=2)
    assert learner.shard().picks is None
    for score in learner.start_scores():
        score.copy_(torch.from_numpy(np.resize([BELOW, AT, ABOVE], tuple(score.shape))))
    learner.freeze_scores()
    picks, scores = learner.shard().picks, learner.shard(with_scores=True).scores
    for name, layer in learner.layers.items():
        old = model.owners[name].reshape(-1) > 0
        above = np.resize([False, False, True], old.size)
        assert np.array_equal(picks[name], above[old]) and 0 < picks[name].sum() < old.sum()
        values = np.resize(np.array([BELOW, AT, ABOVE]), old.size)
        assert np.array_equal(scores[name], values[old])
        kept = layer.weight.detach().reshape(-1)[torch.from_numpy(old & above)]
        assert torch.equal(kept, torch.from_numpy(model.weights[name].reshape(-1)[old & above]))
    assert learner.counts()["picked"] == sum(int(one.sum()) for one in picks.values())


def test_layers_without_scores_pick_everything():
    model = Model()
    model.add(Learner(model, card_of(1), seed=1).shard())
    learner = Learner(model, card_of(2), seed=2)
    counts = learner.counts()
    assert counts["picked"] == counts["total"]
