"""Data goes one way: each room imports only the rooms that stand before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "archsim"

ALLOWED = {
    "__init__": {"api", "hardware"},
    "__main__": {"cli"},
    "errors": set(),
    "graph": set(),
    "frontend": {"graph"},
    "hardware": set(),
    "mapping": {"graph", "hardware"},
    "crossbar": set(),
    "noc": set(),
    "values": {"graph", "hardware", "mapping", "crossbar"},
    "actions": set(),
    "result": {"graph", "actions"},
    "engine": {"graph", "hardware", "mapping", "noc", "actions", "result"},
    "energy": {"hardware", "actions", "result"},
    "trace": {"result"},
    "report": {"actions", "result"},
    "choices": {"graph", "frontend", "hardware", "values"},
    "inputs": {"choices", "graph", "hardware", "mapping", "crossbar", "energy", "values", "engine"},
    "listings": {"choices", "inputs", "hardware", "report"},
    "comparing": {"choices", "inputs", "graph", "hardware", "mapping"},
    "reading": {"choices", "frontend"},
    "summaries": {"graph", "hardware", "mapping", "engine", "report", "result"},
    "resuming": {"choices", "graph", "reading", "report"},
    "points": {"choices", "inputs", "hardware", "crossbar", "values", "resuming"},
    "evaluations": {"choices", "inputs", "points", "resuming", "graph", "values", "report"},
    "replays": {"noc", "report", "result"},
    "sweeps": {"noc", "report"},
    "variances": {"choices", "crossbar", "report"},
    "table2": {"hardware", "energy", "report"},
    "api": {
        *{
            "choices",
            "comparing",
            "evaluations",
            "points",
            "inputs",
            "listings",
            "reading",
            "summaries",
            "graph",
            "frontend",
            "hardware",
            "mapping",
            "crossbar",
            "noc",
            "values",
        },
        *{"replays", "sweeps", "variances", "table2", "result", "engine", "energy", "trace", "report"},
    },
    "backend": {"frontend", "graph", "hardware", "values"},
    "console": {"report", "engine"},
    "options": {"console"},
    "asked": {"api", "console", "options"},
    "noc_verb": {"api", "console", "options"},
    "sweep_verb": {"api", "console", "options", "noc_verb"},
    "variance_verb": {"api", "console", "options", "noc_verb"},
    "map_verb": {"api", "asked", "console", "options"},
    "compare_verb": {"api", "asked", "console", "options", "result"},
    "evaluate_verb": {"api", "asked", "console", "options", "simulate_verb"},
    "simulate_verb": {"api", "asked", "console", "mapping", "options", "result"},
    "cli": {
        "api",
        "asked",
        "console",
        "options",
        "noc_verb",
        "sweep_verb",
        "variance_verb",
        "map_verb",
        "compare_verb",
        "evaluate_verb",
        "simulate_verb",
    },
}


def test_every_room_is_in_the_table():
    rooms = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path.is_dir() and any(path.glob("**/*.py")))
    }
    assert rooms <= ALLOWED.keys()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_before_it(path: Path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    others = {imported for imported in _imported_rooms(path) if imported != room}
    assert others <= ALLOWED[room] | {"errors"}


def test_the_rule_sees_every_form_of_import(tmp_path: Path):
    source = tmp_path / "module.py"
    source.write_text(
        "import archsim.noc\nfrom archsim.api import x\ndef f():\n    from archsim import engine, __version__\n"
    )
    assert set(_imported_rooms(source)) == {"noc", "api", "engine"}


def _imported_rooms(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports inside archsim name the package"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            room = rest.partition(".")[0]
            if package == "archsim" and room and room != "__version__":
                yield room
