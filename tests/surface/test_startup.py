"""Help is there at once: nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

HEAVY = ("numpy", "onnx", "simpy", "pydantic", "networkx", "yaml", "rich")


def _child_cpu_s(*arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_takes_less_than_300_ms_of_cpu():
    assert min(_child_cpu_s("-m", "archsim", "--help") for _ in range(3)) < 0.3


@pytest.mark.parametrize("statement", ["import archsim", "import archsim.cli", "import archsim; dir(archsim)"])
def test_start_up_imports_nothing_heavy(statement: str):
    code = f"{statement}; import sys, json; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not set(json.loads(output)) & set(HEAVY)
