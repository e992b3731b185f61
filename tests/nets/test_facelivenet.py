"""FaceLiveNet: as many parameters as published, a trunk that several branches share."""

import torch

from lifelong.data.batches import TaskData
from lifelong.data.device_split import Split
from lifelong.data.lessons import lesson_data
from lifelong.joint.learner import LessonLearner
from lifelong.joint.weighting import Start
from lifelong.methods.dynamic import Dynamic
from lifelong.nets import build
from lifelong.optim.phase import Phase
from lifelong.plan.card import Card
from lifelong.plan.networks import Architecture
from lifelong.train.balance import Balance
from lifelong.train.lesson_step import LessonStep
from lifelong.train.losses import CrossEntropy


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_it_has_the_published_size():
    """Trunk 6.4 million, a branch 3.2, 80 identities 143 thousand, six expressions 230 thousand."""
    people, expressions = (build(Architecture("facelivenet", 3, classes)) for classes in (80, 6))
    assert count(people.body) == 6_434_992
    assert count(people.head.blocks) == 3_200_000
    assert count(people.head.classes) == 1792 * 80 + 80
    assert count(expressions.head.classes) == 1792 * 128 + 128 + 128 * 6 + 6
    people.eval()
    with torch.inference_mode():
        assert people.features(torch.zeros(1, 3, 160, 160)).shape == (1, 1792, 3, 3)
        assert people.embedding(torch.zeros(1, 3, 96, 96)).shape == (1, 1792)


def test_two_branches_learn_on_one_trunk_with_dynamic_weights():
    """The unit takes the trunk's maps, flattened: as many numbers as there are."""
    torch.manual_seed(0)
    cards, data = [], []
    for position, classes in enumerate((40, 6), 1):
        images = torch.randint(0, 255, (8, 1, 96, 96), dtype=torch.uint8)
        split = Split(images, torch.arange(8) % classes)
        names = tuple(map(str, range(classes)))
        data.append(TaskData(split, split, split, names, (0.5,), (0.25,), "validation"))
        cards.append(
            Card(
                experiment="toy",
                method="dynamic",
                seed=0,
                position=position,
                task=f"task{position}",
                classes=names,
                network="facelivenet",
                channels=0.03,
                in_channels=1,
                image_size=96,
                mean=(0.5,),
                std=(0.25,),
                lineage=(),
            )
        )
    lesson = lesson_data(data, (1, 2))
    learner = LessonLearner(cards, (1, 2), "cpu", None)
    trunk = int(learner.network.body.out_features)
    options = {"logit_norm": "l2", "scale": 1.0, "trunk_leak": False, "lr": 0.01, "sigma": 0.01}
    start = Start(("a", "b"), (40, 6), trunk, options | {"loss_scale": "none"})
    phase = Phase(1, lr=0.01, batch_size=4, crop_padding=0, flip=False)
    losses, balance = (CrossEntropy(), CrossEntropy()), Balance(start.tasks, 2)
    step = LessonStep(learner, phase, losses, Dynamic(start), lesson.sets, balance, 5.0)
    step.begin_epoch(phase, 0)
    before = {name: one.clone() for name, one in learner.state().items()}
    for x, y in lesson.batches(phase, 0, learner.network.form).epoch(0):
        step(x, y)
    moved = [name for name, one in learner.state().items() if not torch.equal(one, before[name])]
    parts = ("trunk.", "head000.blocks", "head001.blocks", "head000.classes", "head001.classes")
    assert all(any(name.startswith(part) for name in moved) for part in parts)
