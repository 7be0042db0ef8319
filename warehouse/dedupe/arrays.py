"""Work on long arrays: in order, without repetition, a stretch at a time on all cores."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Done = TypeVar("Done")


def distinct(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The numbers in order, each once; of millions several times faster than `numpy.unique`."""
    found = np.sort(numbers)
    is_first = np.ones(len(found), bool)
    np.not_equal(found[1:], found[:-1], out=is_first[1:])
    return found[is_first]


def in_stretches(
    n: int, size: int, work: Callable[[slice], Done], *, cores: int | None = None
) -> Iterator[Done]:
    """What the work makes of each stretch, in order; few are waiting at any time.

    Threads suit work that numpy, pyarrow or rapidfuzz do, since these leave the interpreter to others.

    Args:
        n: how many rows there are.
        size: how many of them are a stretch.
        work: takes the rows of a stretch; must not change what others read.
        cores: how many work at a time; all there are where it is not said.
    """
    slices = (slice(start, min(n, start + size)) for start in range(0, n, size))
    cores = cores or os.cpu_count() or 1
    if n <= size or cores == 1:
        yield from map(work, slices)
        return
    with ThreadPoolExecutor(cores) as pool:
        waiting: deque[Future[Done]] = deque()
        for stretch in slices:
            waiting.append(pool.submit(work, stretch))
            if len(waiting) > cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
