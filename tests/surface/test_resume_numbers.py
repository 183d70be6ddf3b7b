"""Numbers in a file of finished runs that no run writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.surface.conftest import Run


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_figure_that_is_no_number_is_a_damaged_line(archsim: Run, tmp_path: Path, number: str):
    kept = tmp_path / "runs"
    words = ("evaluate", "digits_cnn", "--data", "digits_test", "--set", "precision.input_bits=8", "--resume", kept)
    assert archsim(*words).code == 0
    before, _, behind = kept.read_text().partition('"accuracy": 0.')
    kept.write_text(f'{before}"accuracy": {number}{behind[behind.index(",") :]}')
    ran = archsim(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: --resume: {kept}, line 2: got ")
    assert ran.err.endswith("expected a file that --resume made, undamaged, or one that is not there yet\n")
