"""The nearest person of a gallery, by distances worked out by hand."""

import numpy as np
import pytest
from face_trees import draw_orl, grow

from lifelong.faces.gallery import Gallery, pictures_of
from lifelong.faces.pairs import with_mirror
from lifelong.plan.errors import DataError

TURN = np.sqrt(0.5)


def test_the_nearest_picture_of_a_person_counts():
    """Angles of 0, 45 and 90 degrees are 0, 1 and 2 as CPG measures; a length says nothing."""
    vectors = np.array([(0, 1), (2, 2), (3, 0)], np.float32)
    gallery = Gallery(("a", "b", "a"), vectors, "cpg")
    (right,), (up,) = (gallery.nearest(np.array([v], np.float32)) for v in ((1, 0), (-1, 1)))
    assert [name for name, _ in right] == ["a", "b"]
    assert [far for _, far in right] == pytest.approx([0, 1])
    assert [far for _, far in up] == pytest.approx([1, 2])  # a by its first picture


def test_every_face_has_its_own_order():
    gallery = Gallery(("a", "b"), np.eye(2), "facelivenet")
    found = gallery.nearest(np.array([(1, 0), (0, 1), (TURN, -TURN)]))
    assert [[name for name, _ in one] for one in found] == [["a", "b"], ["b", "a"], ["a", "b"]]
    assert dict(found[0]) == pytest.approx({"a": 0, "b": 2})  # (1, -1) squared
    assert dict(found[2]) == pytest.approx({"a": 2 - np.sqrt(2), "b": 2 + np.sqrt(2)})


def test_paes_way_takes_off_the_mean_of_the_gallery():
    """About (0.5, 0.5) the two are opposite, and (1, 1) is at a right angle to both."""
    gallery = Gallery(("a", "b"), np.eye(2), "pae")
    (found,) = gallery.nearest(np.array([(1.0, 1.0)]))
    assert dict(found) == pytest.approx({"a": 0.5, "b": 0.5})
    (found,) = gallery.nearest(np.array([(0.0, 1.0)]))
    assert found == (("b", pytest.approx(0, abs=1e-6)), ("a", pytest.approx(1)))


def test_a_gallery_of_one_picture_has_no_mean_to_take_off():
    one = with_mirror(np.array([(1.0, 0)]), np.array([(0, 1.0)]))
    (found,) = Gallery(("a",), one, "pae").nearest(one)
    assert found == (("a", pytest.approx(0, abs=1e-6)),)


def test_people_are_the_folders_and_pictures_their_files(tmp_path):
    draw_orl(tmp_path, people=2, each=2)
    (tmp_path / ".cache").mkdir()
    found = [(person, str(path.relative_to(tmp_path))) for person, path in pictures_of(tmp_path)]
    assert found == [("s1", "s1/1.png"), ("s1", "s1/2.png"), ("s2", "s2/1.png"), ("s2", "s2/2.png")]


def test_what_is_no_gallery_is_named(tmp_path):
    for folder, words in ((tmp_path / "none", "there is no gallery"), (tmp_path, "no folders")):
        with pytest.raises(DataError, match=words):
            list(pictures_of(folder))
    (tmp_path / "somebody").mkdir()
    with pytest.raises(DataError, match="somebody holds no pictures"):
        list(pictures_of(tmp_path))
    grow(tmp_path, "somebody/notes.txt")
    with pytest.raises(DataError, match=r"notes\.txt is no picture"):
        list(pictures_of(tmp_path))
