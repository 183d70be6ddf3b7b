"""What the documentation shows is what the commands print today (`make examples` brings it up to date)."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from archsim import api
from archsim.crossbar.encodings import encodings
from archsim.errors import InputError
from archsim.hardware import Design, load_design
from archsim.hardware.loading import part_of
from tests.surface.conftest import Run
from tests.surface.pages import (
    CONSOLE,
    EXAMPLE_TRACE,
    EXAMPLE_TRACE_COMMAND,
    PAGES,
    PYTHON,
    ROOT,
    changed_lines,
    is_refusal,
    without_cpu,
    write_own_designs,
)

SETTINGS = (ROOT / "docs" / "settings.md").read_text()
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


@pytest.fixture
def own_designs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the page about a design of one's own, which commands run in."""
    write_own_designs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("command", "output"), EXAMPLES)
@pytest.mark.usefixtures("own_designs")
def test_an_example_prints_what_the_page_shows(archsim: Run, command: str, output: str):
    ran = archsim(*shlex.split(command))
    refused = is_refusal(output)
    assert ran.code == (2 if refused else 0)
    assert without_cpu(ran.err if refused else ran.out) == output


def test_a_design_of_ones_own_changes_five_lines_of_isaac(own_designs: Path):
    assert len(changed_lines()) == 5
    isaac, mine = load_design("isaac"), load_design(str(own_designs / "mine.yaml"))
    differing = [key for key in _keys(Design) if _value(isaac, key) != _value(mine, key)]
    assert differing == ["name", "description", "array.cell_bits", "adc.bits", "adc.conversions_per_read"]


@pytest.mark.parametrize("code", CODE)
def test_python_of_a_page_runs(code: str):
    exec(compile(code, "page", "exec"), {})


def _keys(part: type[BaseModel], path: str = "") -> Iterator[str]:
    """The dotted path of every key of a design."""
    for name, field in part.model_fields.items():
        inner = part_of(field.annotation)
        if inner is not None:
            named = "adc." if name == "components" else ""  # One of several groups of the same keys.
            yield from _keys(inner, f"{path}{name}.{named}")
        else:
            yield path + name


def _value(design: Design, key: str) -> Any:
    """The value at a dotted path; None within a unit that is null."""
    value = design.model_dump(mode="json")
    for part in key.split("."):
        value = value[part] if value is not None else None
    return value


def test_every_key_of_a_design_is_described_once_with_the_value_of_isaac():
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]*\|([^|]*)\|", SETTINGS, re.MULTILINE)
    assert [key for key, _ in rows] == list(_keys(Design))
    isaac = load_design("isaac")
    for key, shown in rows:
        value = _value(isaac, key)
        if key not in {"description", "copies.explicit", "copies.budget_arrays", "energy.published_for"}:
            written = value if isinstance(value, str) else json.dumps(value)
            assert shown.strip(" `") in (written, f"{value:,}" if isinstance(value, int) else written), key


@pytest.mark.parametrize(
    "settings",
    [
        ("adc.bits=2",),
        ("copies.budget_arrays=5000",),
        ("adc.conversions_per_read=999",),
        ("tiling.split=rows",),
        ("noc.clock_ghz=0.1", "noc.flit_bytes=1", "noc.concentration=1", "noc.link_delay=9", "noc.routing_delay=7"),
        ("chip.mesh_width=1",),
    ],
)
def test_what_is_said_to_have_no_effect_on_timing_has_none(settings: tuple[str, ...]):
    plain, changed = (api.simulate("digits_cnn", settings=chosen) for chosen in ((), settings))
    assert changed.latency_ns == plain.latency_ns
    timed = [tuple(replace(layer, actions=None, energy_pj=None) for layer in run.layers) for run in (plain, changed)]
    assert timed[0] == timed[1]


def test_every_name_of_a_registry_is_described():
    chosen = re.split(r"^\*\*`([\w.]+)`\*\*", SETTINGS, flags=re.MULTILINE)[1:]
    described = {
        key: set(re.findall(r"^\* `(\w+)`:", text, re.MULTILINE))
        for key, text in zip(chosen[::2], chosen[1::2], strict=True)
    }
    assert described.pop("array.sign") == set(encodings())
    for key, names in described.items():
        with pytest.raises(InputError) as caught:
            api.place("digits_cnn", f"isaac:{key}=no-such-name")
        assert caught.value.problems[0].expected == f"one of {', '.join(sorted(names))}"
    assert len(described) == 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path):
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_example_trace_is_what_the_command_writes_today(archsim: Run, tmp_path: Path):
    archsim(*EXAMPLE_TRACE_COMMAND, tmp_path / "trace.json")
    assert (tmp_path / "trace.json").read_bytes() == EXAMPLE_TRACE.read_bytes()
