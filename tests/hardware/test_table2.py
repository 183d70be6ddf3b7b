"""The file of the tutorial's Table 2: each figure with its unit, mark and source, or a reason why there is none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.hardware import design_names
from archsim.hardware.table2 import FIGURES, load_table2

TEXT = """\
designs:
  mine:
    title: Mine
    chips: 1
    precision: {weight_bits: 8, input_bits: 8, cell_bits: 2, dac_bits: 1}
    storage: {value: 1, unit: MB, mark: S, source: a book}
    area:
      value: 2
      unit: mm2
      mark: R1
      source: a paper
    tops_per_w: {value: 3, unit: GOPS/W, mark: D, basis: [M], source: 6 GOPS / 2 W}
    unknown:
      peak: nobody said
      tops_per_mm2: nobody said
    notes: []
"""
FIGURE_KEYS = "value, unit, mark, basis, source"
BASIS = "expected D with a basis, the marks that it is derived from, or another mark without"


def written(folder: Path, *changes: tuple[str, str]) -> Path:
    """A file with that text, but for changes."""
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    file = folder / "table.yaml"
    file.write_text(text)
    return file


def complaint(folder: Path, *changes: tuple[str, str]) -> str:
    """What loading says of the file with these changes."""
    file = written(folder, *changes)
    with pytest.raises(InputError) as caught:
        load_table2(file)
    return str(caught.value).replace(f"{file}: ", "")


def test_the_file_has_the_five_designs_in_the_order_of_the_table():
    assert tuple(load_table2().designs) == ("isaac", "prime", "pipelayer", "atomlayer", "peng")


def test_the_file_is_no_design():
    assert "table2" not in design_names()
    assert set(load_table2().designs) <= set(design_names())


def test_every_figure_has_a_source_or_a_reason():
    for design in load_table2().designs.values():
        for name in FIGURES:
            figure = design.known(name)
            said = design.unknown[name] if figure is None else figure.source
            assert len(said.split()) >= 2


@pytest.mark.parametrize("line", ["value: 2", "unit: mm2", "mark: R1", "source: a paper"])
def test_a_figure_without_what_it_needs_does_not_load(tmp_path: Path, line: str):
    message = complaint(tmp_path, (f"      {line}\n", ""))
    assert message == f"designs.mine.area.{line.partition(':')[0]}: expected a value (the key is missing)"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "a paper",
            "''",
            "line 11, designs.mine.area.source: got '', expected a text that is not empty",
        ),
        ("R1", "R3", "line 10, designs.mine.area.mark: got 'R3', expected 'R1', 'R2', 'S', 'M+', 'M', 'M-' or 'D'"),
        ("mm2\n", "MB\n", "line 9, designs.mine.area.unit: got 'MB', expected 'mm2'"),
        ("GOPS/W", "GOPS", "line 12, designs.mine.tops_per_w.unit: got 'GOPS', expected 'GOPS/W' or 'TOPS/W'"),
        ("value: 2", "value: 0", "line 8, designs.mine.area.value: got 0, expected greater than 0"),
        ("value: 2", "value: two", "line 8, designs.mine.area.value: got 'two', expected a number"),
        ("R1", "D", f"line 10, designs.mine.area.mark: got 'D', {BASIS}"),
        ("mark: D", "mark: M", f"line 12, designs.mine.tops_per_w.mark: got 'M', {BASIS}"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(tmp_path: Path, old: str, new: str, message: str):
    assert complaint(tmp_path, (old, new)) == message


def test_an_unknown_key_is_told_with_those_that_there_are(tmp_path: Path):
    got = "line 11, designs.mine.area.sauce: got unknown key 'sauce'"
    message = complaint(tmp_path, ("source: a paper", "sauce: a paper")).splitlines()[-1]
    assert message == f"{got}, expected one of {FIGURE_KEYS} (did you mean 'source'?)"


def test_a_figure_is_given_or_has_a_reason_and_never_both(tmp_path: Path):
    def expected(figure: str) -> str:
        return f"expected either a figure {figure} or a reason for none, unknown.{figure}"

    neither = complaint(tmp_path, ("      peak: nobody said\n", ""))
    assert neither == f"line 3, designs.mine: {expected('peak')}"
    both = complaint(tmp_path, ("      peak: nobody said\n", "      peak: nobody said\n      area: nobody said\n"))
    assert both == f"line 8, designs.mine.area: {expected('area')}"


def test_a_reason_is_of_a_figure_of_the_table(tmp_path: Path):
    message = complaint(tmp_path, ("      peak: nobody said\n", "      peak: nobody said\n      aria: nobody said\n"))
    known = ", ".join(FIGURES)
    assert message == f"line 15, designs.mine.unknown.aria: got 'nobody said', expected one of {known}"


def test_all_that_is_wrong_is_told_together(tmp_path: Path):
    lines = complaint(tmp_path, ("      mark: R1\n", ""), ("mark: S, ", "")).splitlines()
    assert [line.split()[0] for line in lines] == ["designs.mine.storage.mark:", "designs.mine.area.mark:"]


def test_a_file_without_mistakes_loads(tmp_path: Path):
    mine = load_table2(written(tmp_path)).designs["mine"]
    assert [mine.known(name) is None for name in FIGURES] == [False, False, True, True, False]


def test_units_of_sources_become_those_of_the_table():
    known = load_table2().designs
    storage, per_area = known["prime"].storage, known["isaac"].tops_per_mm2
    assert storage is not None
    assert per_area is not None
    assert storage.in_table_unit == Fraction(512 * 1024 * 1024, 10**6)
    assert per_area.in_table_unit == Fraction(47895, 100_000)
