"""What the documentation shows is what the commands print today (`make examples` brings it up to date)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.surface.conftest import Run
from tests.surface.pages import CONSOLE, EXAMPLE_TRACE, EXAMPLE_TRACE_COMMAND, PAGES, PYTHON, ROOT, without_cpu

EXAMPLES = [
    pytest.param(command, output, id=f"{page.name}:{command}")
    for page in PAGES
    for _, command, output, _ in CONSOLE.findall(page.read_text())
]
CODE = [
    pytest.param(code, id=f"{page.name}:{number}")
    for page in PAGES
    for number, code in enumerate(PYTHON.findall(page.read_text()))
]


@pytest.mark.parametrize(("command", "output"), EXAMPLES)
def test_an_example_prints_what_the_page_shows(archsim: Run, command: str, output: str):
    ran = archsim(*shlex.split(command))
    assert ran.code == 0
    assert without_cpu(ran.out) == output


@pytest.mark.parametrize("code", CODE)
def test_python_of_a_page_runs(code: str):
    exec(compile(code, "page", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_example_trace_is_what_the_command_writes_today(archsim: Run, tmp_path: Path):
    archsim(*EXAMPLE_TRACE_COMMAND, tmp_path / "trace.json")
    assert (tmp_path / "trace.json").read_bytes() == EXAMPLE_TRACE.read_bytes()
