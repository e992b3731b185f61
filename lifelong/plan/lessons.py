"""Lessons: tasks that a network learns together, in the order in which tasks arrive."""

from collections.abc import Iterable, Sequence

from lifelong.plan.errors import ConfigError

Lessons = Sequence[str | Sequence[str]]  # a name stands for a lesson of one task


def lessons_of(names: Sequence[str], given: Lessons | None) -> list[range]:
    """The positions, from 1, of each lesson's tasks.

    `given` names the tasks of lessons; those that it leaves out at the end are a lesson each. None:
    all tasks are one lesson.
    """
    if given is None:
        return [range(1, len(names) + 1)]
    lessons, first = [], 1
    for lesson in map(_tasks, given):
        lessons.append(range(first, first + len(lesson)))
        first += len(lesson)
    return lessons + [range(one, one + 1) for one in range(first, len(names) + 1)]


def check_lessons(names: Sequence[str], given: Lessons | None) -> None:
    """Raise ConfigError where lessons do not take all tasks in their order, each once."""
    where = "config key joint.lessons"
    told = [task for lesson in given or () for task in _tasks(lesson)]
    for task in told:
        if task not in names:
            raise ConfigError(f"{where}: there is no task {task!r}; there are {', '.join(names)}")
    if twice := _twice(told):
        raise ConfigError(f"{where}: task {twice!r} is named twice: a task has one lesson")
    if given is None or told == list(names):
        return
    if missing := [task for task in names if task not in told]:
        raise ConfigError(f"{where}: task {missing[0]!r} is in no lesson: add it")
    raise ConfigError(
        f"{where}: lessons take tasks as they arrive, {', '.join(names)}: change the order of one"
    )


def _tasks(lesson: str | Sequence[str]) -> list[str]:
    return [lesson] if isinstance(lesson, str) else list(lesson)


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
