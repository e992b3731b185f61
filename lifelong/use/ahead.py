"""Work done ahead in threads, so that a decoder and a network keep both busy."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def ahead(
    function: Callable[[_In], _Out], items: Iterable[_In], threads: int, room: int
) -> Iterator[_Out]:
    """`function` of every item, in order, at most `room` of them before they are asked for.

    What the function raises is raised when its turn comes. Pillow and torch give up the
    interpreter's lock while they decode and compute, so that threads are enough.
    """
    waiting = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        begun: deque[Future[_Out]] = deque()
        try:
            begun.extend(pool.submit(function, item) for item in islice(waiting, room))
            while begun:
                result = begun.popleft().result()
                begun.extend(pool.submit(function, item) for item in islice(waiting, 1))
                yield result
        finally:  # whoever asked has seen enough
            for one in begun:
                one.cancel()
