"""Pictures made of characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines of characters under a title, and sentences that belong below them; `styles` has the colour of a character,
    in rich's words, where colours are shown."""

    title: str
    lines: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    styles: Mapping[str, str] = field(default_factory=dict)

    def to_text(self, *, colour: bool) -> str:
        """The drawing for a terminal; escape codes only if `colour`."""
        shown = [self._coloured(line) for line in self.lines] if colour else list(self.lines)
        return "\n".join([self.title, *(line.rstrip() for line in shown), *self.remarks]) + "\n"

    def _coloured(self, line: str) -> str:
        from rich.style import Style

        return "".join(
            Style.parse(self.styles[character]).render(character) if character in self.styles else character
            for character in line
        )

    def to_markdown(self) -> str:
        """The drawing as GitHub markdown."""
        lines = [f"### {self.title}", "", "```text", *(line.rstrip() for line in self.lines), "```"]
        remarks = ["", *(f"* {remark}" for remark in self.remarks)] if self.remarks else []
        return "\n".join([*lines, *remarks]) + "\n"
