"""Pictures in folders named as classes count for the tasks that they are of."""

from pathlib import Path

from lifelong.use.answers import Photograph
from lifelong.use.inputs import inputs
from lifelong.use.scores import Scores

CLASSES = {"glasses": ("no", "yes"), "hat": ("no", "yes")}


def pictures(root: Path, *names: str) -> list[Photograph]:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    given = inputs([root])
    return [Photograph(one.path, "read", folder=one.folder, above=one.above) for one in given]


def counted(photos: list[Photograph]) -> dict[str, int]:
    scores = Scores(CLASSES)
    for photo in photos:
        scores.add(photo)
    return {task: facts["pictures"] for task, facts in scores.as_json().items()}


def test_a_folder_named_as_a_task_says_whose_classes_those_in_it_are(tmp_path):
    photos = pictures(tmp_path / "raw", "hat/test/yes/1.png", "hat/no/2.png", "glasses/no/3.png")
    assert counted(photos) == {"glasses": 1, "hat": 2}


def test_without_such_a_folder_every_task_that_has_the_class_is_asked(tmp_path):
    assert counted(pictures(tmp_path / "raw", "yes/1.png", "other/2.png")) == {
        "glasses": 1,
        "hat": 1,
    }


def test_names_of_folders_are_composed_as_those_of_classes(tmp_path):
    [photo] = pictures(tmp_path / "raw", "cafe\u0301/1.png")
    assert photo.folder == "caf\u00e9"
