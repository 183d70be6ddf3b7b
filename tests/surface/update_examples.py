"""Writes what the commands print today into the documentation, the page about operators, and the example trace."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.surface.operators import OPERATORS, operators_page
from tests.surface.pages import (
    CONSOLE,
    EXAMPLE_TRACE,
    EXAMPLE_TRACE_COMMAND,
    PAGES,
    is_refusal,
    without_cpu,
    write_own_designs,
)


def _archsim(*words: object, refused: bool = False) -> str:
    """What the command says, run in a folder with the files of the page about a design of one's own."""
    with tempfile.TemporaryDirectory() as folder:
        write_own_designs(Path(folder))
        command = [sys.executable, "-m", "archsim", *map(str, words)]
        ran = subprocess.run(command, check=not refused, capture_output=True, text=True, cwd=folder)
        return ran.stderr if refused else ran.stdout


def _example(match: re.Match[str]) -> str:
    opening, command, shown, closing = match.groups()
    said = _archsim(*shlex.split(command), refused=is_refusal(shown))
    return f"{opening}{command}\n{without_cpu(said)}{closing}"


if __name__ == "__main__":
    OPERATORS.write_text(operators_page())
    for page in PAGES:
        text = page.read_text()
        page.write_text(CONSOLE.sub(_example, text))
    _archsim(*EXAMPLE_TRACE_COMMAND, EXAMPLE_TRACE)
