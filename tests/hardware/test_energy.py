"""Every figure of a component has a unit, a source and one way to its energy, or the design is refused."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from archsim.errors import InputError
from archsim.hardware import Component, design_names, load_design

ROW = {"place": "chip", "instances": 1, "area_mm2": 1, "source": "a table", "confidence": "P"}
UNITS = ("_mw", "_mm2", "_pj", "_nm", "_ns", "_per_cycle")


def message(*settings: str) -> str:
    """What loading complains about."""
    with pytest.raises(InputError) as caught:
        load_design("isaac", settings)
    return str(caught.value)


@pytest.mark.parametrize("name", design_names())
def test_every_constant_that_ships_has_a_source_and_a_mark(name: str) -> None:
    energy = load_design(name).energy
    assert (energy is not None) == (name == "isaac")  # of the others no component figures are published
    for row in energy.components.values() if energy else ():
        assert "Table I" in row.source
        assert row.confidence == "P"


def test_every_physical_key_has_its_unit_in_its_name() -> None:
    plain = {"place", "instances", "action", "static", "source", "confidence"}
    assert all(key.endswith(UNITS) for key in set(Component.model_fields) - plain)


@pytest.mark.parametrize("key", ["source", "confidence", "area_mm2", "instances", "place"])
def test_a_component_without_one_of_these_is_refused(key: str) -> None:
    row = {name: value for name, value in ROW.items() if name != key} | {"static": True, "power_mw": 3}
    said = message(f"energy.components.extra={str(row).replace('True', 'true')}")
    assert said.endswith(f"energy.components.extra.{key}: expected a value (the key is missing)")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("adc.source=''", "adc.source: got '', expected where the figures are from, in words"),
        ("adc.source=3", "adc.source: got 3, expected where the figures are from, in words"),
        ("adc.confidence=X", "adc.confidence: got 'X', expected 'P', 'S', 'R1', 'R2', 'R2-', 'M', 'D' or 'A'"),
        ("adc.place=pee", "adc.place: got 'pee', expected 'pe', 'tile', 'router' or 'chip'"),
        ("adc.power_mw=0", "adc.power_mw: got 0, expected greater than 0"),
        ("adc.energy_pj=3", "adc.energy_pj: got 3, expected either this, or power_mw with actions_per_cycle"),
        ("adc.action=null", "adc.action: got None, expected the name of a count, or static: true"),
    ],
)
def test_what_is_wrong_with_a_component_is_said(setting: str, said: str) -> None:
    assert message(f"energy.components.{setting}") == f"--set energy.components.{said}"


def test_a_misspelt_key_is_told_with_the_nearest() -> None:
    said = message("energy.components.adc.powr_mw=3")
    assert "got unknown key 'powr_mw', expected one of place, instances, power_mw" in said
    assert said.endswith("(did you mean 'power_mw'?)")


def test_a_static_component_has_no_action() -> None:
    said = message("energy.components.offchip.action=conversions")
    assert said.endswith(
        "energy.components.offchip.static: got True, expected power_mw and no action with it: it takes its power always"
    )


def test_the_sum_of_all_is_no_component() -> None:
    row = str(ROW | {"static": "true", "power_mw": 1}).replace("'true'", "true")
    said = "--set energy.components.total: got 'total', expected letters, digits and '_' (total is the sum of all)"
    assert message(f"energy.components.total={row}") == said


@pytest.mark.parametrize("key", ["adc.bit", "array.sign", "adc.bits.more"])
def test_figures_are_published_for_numbers_of_the_design(key: str) -> None:
    said = f"--set energy.published_for: got '{key}', expected the dotted path of a whole number of the design"
    assert message(f"energy.published_for={{{key}: 8}}") == said


def test_figures_may_be_published_for_a_unit_that_is_left_out() -> None:
    design = load_design("isaac", ["noc=null"])
    assert design.value_of("noc.flit_bytes") is None
    assert design.value_of("adc.bits") == 8


def test_an_action_takes_what_is_given_or_its_share_of_a_cycle() -> None:
    given = Component.model_validate(ROW | {"action": "a", "energy_pj": "0.5", "actions_per_cycle": 10})
    assert given.action_pj(Decimal(100)) == Fraction(1, 2)
    assert given.peak_mw(Decimal(100)) == Fraction("0.05")  # 10 x 0.5 pJ in 100 ns
    assert given.model_copy(update={"actions_per_cycle": None}).peak_mw(Decimal(100)) is None
    derived = Component.model_validate(ROW | {"action": "a", "power_mw": 4, "actions_per_cycle": 1024})
    assert derived.action_pj(Decimal(100)) == Fraction(400, 1024)
    assert derived.peak_mw(Decimal(100)) == 4
