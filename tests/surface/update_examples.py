"""Writes what the commands print today into the documentation, and the example trace."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

from tests.surface.pages import CONSOLE, EXAMPLE_TRACE, EXAMPLE_TRACE_COMMAND, PAGES, without_cpu


def _archsim(*words: object) -> str:
    command = [sys.executable, "-m", "archsim", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _example(match: re.Match[str]) -> str:
    opening, command, _, closing = match.groups()
    return f"{opening}{command}\n{without_cpu(_archsim(*shlex.split(command)))}{closing}"


if __name__ == "__main__":
    for page in PAGES:
        text = page.read_text()
        page.write_text(CONSOLE.sub(_example, text))
    _archsim(*EXAMPLE_TRACE_COMMAND, EXAMPLE_TRACE)
