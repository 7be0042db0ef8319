"""Answers kept of a function that is asked the same things over and over."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


def remembered(function: Callable[[_Key], _Value], most: int = 300_000) -> Callable[[_Key], _Value]:
    """The same function, which keeps up to `most` answers and then begins anew.

    For what has to be quick: unlike a large `functools.lru_cache` it keeps no order of use, the
    upkeep of which takes longer than many a function that it saves.
    """
    return _Answers(function, most).__getitem__


class _Answers(dict[_Key, _Value], Generic[_Key, _Value]):
    def __init__(self, function: Callable[[_Key], _Value], most: int) -> None:
        self._function = function
        self._most = most

    def __missing__(self, key: _Key) -> _Value:
        if len(self) >= self._most:
            self.clear()
        answer = self[key] = self._function(key)
        return answer
