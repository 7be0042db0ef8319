"""Titles, abstracts and names from the word lists: a grammar with slots, filled by dice."""

import random
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

from flows.sandbox import words

T = TypeVar("T")

SMALL_WORDS = frozenset(re.findall(r"[a-z]+", "a an and at by for from in of on the to under with"))
SLOT = re.compile(r"\{([A-Za-z]+[0-9]?)\}")


class Dice(random.Random):
    """A stream of chance that is the same on every machine, because only `random()` is used."""

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[int(self.random() * len(options))]

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Whether something of that probability happens."""
        return self.random() < share


def dice(*key: str | int) -> Dice:
    """The stream of chance of that key; text seeds go through SHA-512, never through `hash()`."""
    return Dice(":".join(map(str, key)))


@lru_cache(maxsize=4096)
def headline(text: str) -> str:
    """A phrase with capitals as in titles; math and small words stay."""
    if text.startswith("$"):
        return text
    return " ".join(
        word if word in SMALL_WORDS else "-".join(p[:1].upper() + p[1:] for p in word.split("-"))
        for word in text.split(" ")
    )


@lru_cache(maxsize=512)
def _parts(template: str) -> tuple[str, ...]:
    return tuple(SLOT.split(template))


class Subject:
    """What one paper is about: each phrase is drawn once and then used throughout."""

    def __init__(self, stream: Dice, area: str) -> None:
        self.stream = stream
        self.area = words.AREAS[area]
        self.chosen: dict[str, str] = {}

    def phrase(self, slot: str) -> str:
        """The paper's phrase for a slot such as `task` or `method2`."""
        found = self.chosen.get(slot)
        if found is None:
            found = self.chosen[slot] = self._draw(slot)
        return found

    def _draw(self, slot: str) -> str:
        stream = self.stream
        if slot == "name":
            return coined(stream)
        if slot == "n":
            return str(stream.between(2, 9))
        if slot.startswith("pct"):
            return f"{stream.between(2, 39)}.{stream.between(0, 9)}%"
        if slot == "big":
            return f"{stream.between(2, 90)},{stream.between(0, 999):03d}"
        kind = slot.rstrip("2")
        options = self.area.get(kind) or words.SHARED[kind]
        taken = self.chosen.get(kind)
        for _ in range(8):
            found = stream.pick(options)
            if found != taken:
                return found
        return options[0]

    def fill(self, template: str, *, title: bool = False) -> str:
        """The template with its slots filled."""
        out: list[str] = []
        for place, part in enumerate(_parts(template)):
            if place % 2 == 0:
                out.append(part)
                continue
            phrase = self.phrase(part[0].lower() + part[1:])
            if part[0].isupper():
                phrase = headline(phrase) if title else phrase[0].upper() + phrase[1:]
            out.append(phrase)
        return "".join(out)

    def again(self, *slots: str) -> None:
        """Forget phrases, so that they are drawn anew."""
        for slot in slots:
            self.chosen.pop(slot, None)


def coined(stream: Dice) -> str:
    """A made-up name of a system."""
    name = "".join(stream.pick(words.SYLLABLES) for _ in range(stream.between(2, 3)))
    style = stream.random()
    if style < 0.6:
        return name.capitalize()
    return name.upper() if len(name) < 7 else name[:3].capitalize() + name[3:].capitalize()


def title(subject: Subject) -> str:
    """A title; a few carry a person's name, math or an ampersand, a quarter has plain capitals."""
    style = subject.stream.random()
    templates: Sequence[str]
    if style < 0.08:
        templates = words.PERSON_TITLES
    elif style < 0.14:
        templates = words.MATH_TITLES
    elif style < 0.16:
        templates = words.AMPERSAND_TITLES
    else:
        templates = words.TITLES
    template = subject.stream.pick(templates)
    if subject.stream.chance(0.75):
        return subject.fill(template, title=True)
    parts = list(_parts(template))
    parts[::2] = [part if "&" in part else part.lower() for part in parts[::2]]
    parts[1::2] = [
        f"{{{slot if slot in {'Name', 'Person'} else slot.lower()}}}" for slot in parts[1::2]
    ]
    plain = "".join(parts)
    text = subject.fill(plain)
    return text[0].upper() + text[1:]


def abstract(subject: Subject, code_url: str | None) -> tuple[str, ...]:
    """The paragraphs of an abstract: opening, gap, approach, details, results, closing."""
    stream = subject.stream
    fill = subject.fill
    first = [fill(stream.pick(words.OPENINGS)), fill(stream.pick(words.GAPS))]
    first += [fill(stream.pick(words.APPROACHES)), fill(stream.pick(words.DETAILS))]
    second = [fill(stream.pick(words.RESULTS))]
    if stream.chance(0.6):
        second.append(fill(stream.pick(words.EXTRAS)))
    second.append(fill(stream.pick(words.CLOSINGS)))
    if code_url:
        second.append(f"Code is available at {code_url}")
    if stream.chance(0.15):
        return " ".join(first), " ".join(second)
    return (" ".join(first + second),)
