"""One table per kind of policy: built-ins and the user's own register the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from archsim.errors import Problem, nearest_name

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """Names to entries; `key` is the setting that chooses among them."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._entries: dict[str, Entry] = {}

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """Decorator that adds an entry under a name that is still free."""

        def add(entry: Entry) -> Entry:
            if name in self._entries:
                raise ValueError(f"{self.key} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def check(self, name: str) -> list[Problem]:
        """A problem if no entry has that name."""
        if name in self._entries:
            return []
        known = ", ".join(sorted(self._entries))
        return [Problem(self.key, "", repr(name), f"one of {known}", nearest_name(name, self._entries))]
