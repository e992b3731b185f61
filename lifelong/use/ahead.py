"""Work done ahead in threads, so that a decoder and a network keep both busy."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def ahead(
    function: Callable[[_In], _Out],
    items: Iterable[_In],
    threads: int,
    room: int,
    together: int = 1,
) -> Iterator[_Out]:
    """`function` of every item, in order, at most `room` of them before they are asked for.

    A thread does `together` of them before it hands them over, because handing over costs as
    much as a tenth of a small picture. What the function raises is raised when the turn of these
    comes. Pillow and torch give up the interpreter's lock while they decode and compute: threads
    are enough.
    """
    waiting = iter(items)

    def of_all(some: list[_In]) -> list[_Out]:
        return [function(item) for item in some]

    groups = iter(lambda: list(islice(waiting, together)), [])
    with ThreadPoolExecutor(threads) as pool:
        begun: deque[Future[list[_Out]]] = deque()
        try:
            begun.extend(pool.submit(of_all, some) for some in islice(groups, room // together))
            while begun:
                results = begun.popleft().result()
                begun.extend(pool.submit(of_all, some) for some in islice(groups, 1))
                yield from results
        finally:  # whoever asked has seen enough
            for one in begun:
                one.cancel()
