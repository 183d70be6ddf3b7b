"""The pages of the documentation and the examples in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*/README.md")))
CONSOLE = re.compile(r"(```console\n\$ archsim )([^\n]*)\n(.*?)(```)", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
EXAMPLE_TRACE = ROOT / "traces" / "digits_cnn.json"
EXAMPLE_TRACE_COMMAND = ("simulate", "digits_cnn", "--mapping", "isaac", "--trace")
OWN_DESIGN = ROOT / "docs" / "own_design.md"
CHANGED = re.compile(r"^-(.*)\n\+(.*)$", re.MULTILINE)


def without_cpu(text: str) -> str:
    """The one figure that differs between equal runs, left out."""
    return re.sub(r"^(CPU seconds) .*$", r"\1 ...", text, flags=re.MULTILINE)


def is_refusal(output: str) -> bool:
    """Whether an example shows what is said on stderr when a command is refused."""
    return output.startswith("error: ")


def changed_lines() -> list[tuple[str, str]]:
    """The lines of isaac.yaml that the page about a design of one's own changes, and what to."""
    (shown,) = re.findall(r"```diff\n(.*?)```", OWN_DESIGN.read_text(), re.DOTALL)
    return CHANGED.findall(shown)


def write_own_designs(folder: Path) -> None:
    """Writes the files that the page about a design of one's own speaks of: `mine.yaml`, and `typo.yaml`, which has
    the mistake that the page makes."""
    lines = (ROOT / "mappings" / "isaac.yaml").read_text().splitlines()
    for old, new in changed_lines():
        lines[lines.index(old)] = new
    text = "\n".join(lines) + "\n"
    (folder / "mine.yaml").write_text(text)
    (folder / "typo.yaml").write_text(text.replace("cell_bits", "cel_bits"))
