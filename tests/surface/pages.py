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


def without_cpu(text: str) -> str:
    """The one figure that differs between equal runs, left out."""
    return re.sub(r"^(CPU seconds) .*$", r"\1 ...", text, flags=re.MULTILINE)
