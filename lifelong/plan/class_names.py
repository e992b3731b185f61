"""Classes of published image sets, so that a misspelt one is found before anything runs."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lifelong.plan.errors import ConfigError

# CIFAR-100's 20 superclasses of 5 classes, as its authors publish them (Krizhevsky, 2009).
SUPERCLASSES: dict[str, tuple[str, ...]] = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food_containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit_and_vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    "household_electrical_devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household_furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large_carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large_man-made_outdoor_things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large_natural_outdoor_scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large_omnivores_and_herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect_invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    "vehicles_1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    "vehicles_2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
}

GROUP_OF: dict[str, str] = {name: group for group, names in SUPERCLASSES.items() for name in names}

# Office-Home's domains that are photographs of objects, and its classes (Venkateswara et al., CVPR
# 2017), numbered as LASEM's tasks number them: by alphabet, small and capital letters alike.
OFFICE_HOME_DOMAINS = ("Product", "RealWorld")
# fmt: off
OFFICE_HOME: tuple[str, ...] = (
    "Alarm_Clock", "Backpack", "Batteries", "Bed", "Bike", "Bottle", "Bucket", "Calculator",
    "Calendar", "Candles", "Chair", "Clipboards", "Computer", "Couch", "Curtains", "Desk_Lamp",
    "Drill", "Eraser", "Exit_Sign", "Fan", "File_Cabinet", "Flipflops", "Flowers", "Folder",
    "Fork", "Glasses", "Hammer", "Helmet", "Kettle", "Keyboard", "Knives", "Lamp_Shade", "Laptop",
    "Marker", "Monitor", "Mop", "Mouse", "Mug", "Notebook", "Oven", "Pan", "Paper_Clip", "Pen",
    "Pencil", "Postit_Notes", "Printer", "Push_Pin", "Radio", "Refrigerator", "Ruler", "Scissors",
    "Screwdriver", "Shelf", "Sink", "Sneakers", "Soda", "Speaker", "Spoon", "Table", "Telephone",
    "ToothBrush", "Toys", "Trash_Can", "TV", "Webcam",
)
# STL-10's classes in the order of its labels 1 to 10 (Coates et al., AISTATS 2011), and the side of
# its images in pixels.
STL10_SIDE = 96
STL10 = (
    "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
)
# fmt: on

_KNOWN: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {  # name, classes by group
    "cifar100": ("CIFAR-100", SUPERCLASSES),
    "cifar100_folders": ("CIFAR-100", SUPERCLASSES),
    "office_home": ("Office-Home", dict.fromkeys(OFFICE_HOME_DOMAINS, OFFICE_HOME)),
    "stl10": ("STL-10", {"": STL10}),
}


def fitting(name: str, group: str | None, identities: Sequence[str]) -> list[str]:
    """The identities ("<group>/<class>" or "<class>") a name may stand for; one, if all is well.

    A name inside `group` where that is given, else an identity, or a class of any group.
    """
    wanted = name if group is None else f"{group}/{name}"
    if wanted in identities:
        return [wanted]
    return [one for one in identities if one.rpartition("/")[2] == wanted]


def check_classes(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a published set lacks a class, or two tasks have one in common.

    The second only where `overlapping_classes` does not allow it.
    """
    seen: dict[tuple[str, str], str] = {}
    for task in config["tasks"]:
        for identity in _identities(task, config["datasets"][task["dataset"]]["source"]):
            first = seen.setdefault((task["dataset"], identity), task["name"])
            if first != task["name"] and not config["overlapping_classes"]:
                raise ConfigError(
                    f"config key tasks: {first!r} and {task['name']!r} both have {identity} of "
                    f"{task['dataset']}: change one of them, or set overlapping_classes: true"
                )


def _identities(task: Mapping[str, Any], source: str) -> list[str]:
    """The classes of a task as its pack names them; of sets without published names, as written."""
    group, classes = task.get("group"), task.get("classes")
    if source in _KNOWN:
        return _known_identities(task, *_KNOWN[source])
    if classes is None:
        return [f"group {group or task['name']}"]
    return [f"{group}/{name}" if group else name for name in classes]


def _known_identities(
    task: Mapping[str, Any], title: str, known: Mapping[str, tuple[str, ...]]
) -> list[str]:
    group, classes = task.get("group"), task.get("classes")
    where = f"config key tasks: {title} has no"
    if group is None and classes is None and "" not in known:
        group = task["name"]
    if group is not None:
        if group not in known:
            raise ConfigError(
                f"{where} group {group!r} (task {task['name']!r}){_near(group, known)}"
            )
        known = {group: known[group]}
    every = [f"{one}/{name}" if one else name for one, names in known.items() for name in names]
    found = [fitting(name, group, every) for name in classes] if classes else [[e] for e in every]
    for name, fits in zip(classes or every, found, strict=True):
        if not fits:
            names = [one for names in known.values() for one in names]
            raise ConfigError(f"{where} class {name!r} (task {task['name']!r}){_near(name, names)}")
        if len(fits) > 1:
            raise ConfigError(
                f"config key tasks: class {name!r} of task {task['name']!r} is "
                f"{' or '.join(fits)}: write one of these, or set the task's group"
            )
    return [fits[0] for fits in found]


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted({*known} - {""})
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; it has {', '.join(names)}" if names else "; remove it"
