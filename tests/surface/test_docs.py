"""What the documentation shows is what the commands print today."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.surface.conftest import Run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*/README.md"))]
EXAMPLES = [
    pytest.param(command, output, id=f"{page.name}:{command}")
    for page in PAGES
    for command, output in re.findall(r"```console\n\$ archsim ([^\n]*)\n(.*?)```", page.read_text(), re.DOTALL)
]
PYTHON = [
    pytest.param(code, id=f"{page.name}:{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


def _without_cpu(text: str) -> str:
    return re.sub(r"^(CPU seconds).*$", r"\1", text, flags=re.MULTILINE)


def _words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in _without_cpu(text).splitlines()]


@pytest.mark.parametrize(("command", "output"), EXAMPLES)
def test_an_example_prints_what_the_page_shows(archsim: Run, command: str, output: str):
    ran = archsim(*shlex.split(command))
    assert ran.code == 0
    assert _words(ran.out) == _words(output)


@pytest.mark.parametrize("code", PYTHON)
def test_python_of_a_page_runs(code: str):
    exec(compile(code, "page", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
