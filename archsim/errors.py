"""The one exception that means "the input or a setting is wrong" (exit code 2)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what the user gave.

    `source` is the file or option, `place` the path inside it, `value` what stands there,
    `expected` what would have been accepted, `nearest` the closest valid name.
    """

    source: str
    place: str = ""
    value: str = ""
    expected: str = ""
    nearest: str = ""

    def __str__(self) -> str:
        text = self.source
        if self.place:
            text += f": {self.place}"
        if self.value:
            text += f": got {self.value}"
        if self.expected:
            text += f"{',' if self.value else ':'} expected {self.expected}"
        if self.nearest:
            text += f" (did you mean {self.nearest!r}?)"
        return text


class InputError(ValueError):
    """The input or a setting is wrong; carries every problem found, not just the first."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def input_error(
    source: str, place: str = "", *, value: object = "", expected: str = "", nearest: str = ""
) -> InputError:
    """An `InputError` with a single problem; `value` is shown with `str`, shortened to 200 characters."""
    shown = str(value)
    if len(shown) > 200:
        shown = shown[:200] + "..."
    return InputError(Problem(source, place, shown, expected, nearest))


def nearest_name(name: str, valid: Iterable[str]) -> str:
    """The valid name closest to `name`, or an empty string if none is close."""
    return next(iter(difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)), "")
