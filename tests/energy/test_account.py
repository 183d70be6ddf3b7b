"""What runs and chips cost: counts times constants, sums that close, and figures that are null without a source."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction

import pytest

from archsim import api
from archsim.actions import Actions
from archsim.energy import with_energy
from archsim.errors import InputError
from archsim.hardware import load_design
from archsim.result import Result

CLOSE = pytest.approx
EXACT = 1e-12


@pytest.fixture(scope="module")
def digits() -> Result:
    return api.simulate("digits_cnn", images=2)


def priced(result: Result, **changed: object) -> Result:
    """Another run's energy on the published chip."""
    return with_energy(replace(result, notes=(), **changed), load_design("isaac"))


@pytest.mark.parametrize("model", ["digits_cnn", "lenet5", "digits_lstm"])
def test_components_layers_and_parts_add_up_to_the_total(model: str):
    result = api.simulate(model, images=3)
    energy, cost = result.energy_pj, result.cost
    assert math.fsum(value for name, value in energy.items() if name != "total") == CLOSE(energy["total"], rel=EXACT)
    assert cost.dynamic_pj + cost.static_pj == CLOSE(energy["total"], rel=EXACT)
    layers = math.fsum(layer.energy_pj for layer in result.layers)
    assert layers + cost.host_pj == CLOSE(cost.dynamic_pj, rel=EXACT)


def test_the_energy_of_a_layer_by_hand(digits: Result):
    """fc1 of digits_cnn, 2 images of one window of 128 rows in 4 arrays, by the rows of Table I."""
    layer = next(layer for layer in digits.layers if layer.name == "fc1")
    conversions, rows, fetched = 2 * 4 * 16 * 128, 2 * 128 * 4 * 16, 2 * 256
    dynamic = (
        conversions * Fraction(16 * 100, 1024)  # ADCs
        + conversions * Fraction(1, 1024)  # sample and hold
        + conversions * (Fraction(20, 1024) + Fraction(23, 1024))  # shift-and-add into the output register
        + rows * Fraction(4 * 100, 1024)  # DACs
        + 2 * 4 * 16 * Fraction(240, 8)  # crossbars
        + fetched * (Fraction(124, 128) + Fraction(700, 1024))  # input register, bus
        + (fetched + 2 * 256) * Fraction(2070, 1024)  # buffer: 128 values of 2 bytes read and written
        + 2 * 64 * 2 * Fraction(168, 192)  # output register of the tile
    )
    assert layer.energy_pj == CLOSE(float(dynamic), rel=EXACT)


def test_static_energy_is_power_times_time(digits: Result):
    assert digits.energy_pj["offchip"] == CLOSE(10_400 * digits.elapsed_ns, rel=EXACT)
    assert digits.cost.static_pj == digits.energy_pj["offchip"]
    assert digits.cost.static_power_w == 10.4


def test_power_time_and_energy_of_an_image_are_figures_of_their_own(digits: Result):
    total = digits.energy_pj["total"]
    assert digits.power_w == CLOSE(total / digits.elapsed_ns / 1000, rel=EXACT)
    assert digits.cost.per_image_pj == CLOSE(total / 2, rel=EXACT)
    assert digits.cost.peak_power_w == CLOSE(65.80808, rel=EXACT)
    assert digits.power_w < digits.cost.peak_power_w


def test_a_run_twice_as_long_at_equal_work_takes_twice_the_static_energy(digits: Result):
    longer = priced(digits, elapsed_ns=2 * digits.elapsed_ns)
    assert longer.cost.static_pj == CLOSE(2 * digits.cost.static_pj, rel=EXACT)
    assert longer.cost.dynamic_pj == digits.cost.dynamic_pj


def test_twice_the_images_take_twice_the_dynamic_energy(digits: Result):
    four = api.simulate("digits_cnn", images=4)
    assert four.cost.dynamic_pj == CLOSE(2 * digits.cost.dynamic_pj, rel=EXACT)
    assert four.cost.static_pj < 2 * digits.cost.static_pj  # images overlap


def test_idle_components_take_static_energy_alone(digits: Result):
    counted = Actions(**dict.fromkeys(("conversions", "row_drives", "array_reads", "shift_adds"), 0))
    rest = ("register_bytes", "bus_bytes", "buffer_bytes", "tile_adds", "result_bytes")
    others = ("sfu_operations", "pool_elements", "router_flits")
    idle = replace(counted, **dict.fromkeys((*rest, *others), 0))
    result = priced(digits, actions=idle, host_actions=idle)
    assert {name for name, value in result.energy_pj.items() if value} == {"total", "offchip"}
    assert result.power_w == CLOSE(10.4, rel=EXACT)


def test_energies_of_actions_do_not_depend_on_the_length_of_a_cycle(digits: Result):
    slower = api.simulate("digits_cnn", settings=["array.read_ns=200"], images=2)
    assert slower.cost.dynamic_pj == CLOSE(digits.cost.dynamic_pj, rel=EXACT)
    assert slower.cost.static_pj > 1.9 * digits.cost.static_pj


def test_area_is_that_of_all_chips_by_component():
    result = api.simulate("digits_cnn", settings=["chips=2"])
    assert result.area_mm2 == CLOSE(2 * 85.42472, abs=1e-9)
    assert math.fsum(result.cost.area_mm2.values()) == CLOSE(result.area_mm2, rel=EXACT)
    assert result.cost.technology_nm == 32


# --- without a source there is no figure


@pytest.mark.parametrize("design", ["pipelayer", "atomlayer", "prime", "peng"])
def test_a_design_of_which_nothing_is_published_has_no_energy(design: str):
    result = api.simulate("digits_cnn", design)
    assert (result.energy_pj, result.power_w, result.area_mm2, result.cost) == (None, None, None, None)
    assert {layer.energy_pj for layer in result.layers} == {None}
    assert f"no energy, power and area: archsim has no area and power of the components of {design}" in result.notes


def test_figures_are_not_used_for_what_they_were_not_published_for():
    result = api.simulate("digits_cnn", settings=["adc.bits=7", "array.cell_bits=1"])
    assert (result.energy_pj, result.cost) == (None, None)
    note = "no energy, power and area: the component figures of isaac are for array.cell_bits 2, adc.bits 8"
    assert note in result.notes
    unlimited = api.simulate("digits_cnn", settings=["energy.published_for={}", "adc.bits=7"])
    assert unlimited.energy_pj["adc"] is not None


def test_a_component_that_was_not_counted_leaves_no_total():
    result = api.simulate("digits_cnn", ideal=True)
    assert result.energy_pj["adc"] == 272_384 * 1.5625
    assert (result.energy_pj["noc"], result.energy_pj["total"], result.power_w) == (None, None, None)
    assert "this run did not count what noc did: no energy of that, and no total" in result.notes


def test_an_action_that_nobody_counts_is_told_with_the_nearest():
    with pytest.raises(InputError) as caught:
        api.simulate("digits_cnn", settings=["energy.components.adc.action=conversion"])
    said = str(caught.value)
    assert said.startswith("energy.components.adc.action: got 'conversion', expected one of array_reads, row_drives, ")
    assert said.endswith("(did you mean 'conversions'?)")


# --- reports


def test_json_has_the_costs(digits: Result):
    document = json.loads(api.report.simulation_report(digits).render("json"))
    assert document["energy_pj"]["total"] == digits.energy_pj["total"]
    assert document["cost"]["area_mm2"]["buffer"] == CLOSE(168 * 0.083, rel=EXACT)
    assert document["layers"][0]["actions"]["conversions"] == 2 * 131_072
    assert document["host_actions"]["offchip_bytes"] == 256


def test_the_tables_name_components_and_figures(digits: Result):
    text = api.report.simulation_report(digits).render("table")
    assert "Components (energy: whole run; area: all chips)" in text
    lines = {line.split("  ")[0]: line.split() for line in text.splitlines() if line}
    assert lines["area (mm2)"][-1] == "85.42"
    assert lines["TOPS/W at peak"][-1] == "0.6274"
    assert lines["TOPS/mm2 at peak"][-1] == "0.4833"
    assert float(lines["energy of an image"][-2]) == CLOSE(digits.cost.per_image_pj / 1e6, rel=1e-3)
    header, first = api.report.simulation_report(digits).render("csv").splitlines()[:2]
    row = dict(zip(header.split(","), first.split(","), strict=True))
    assert row["conversions"] == "262144"
    assert float(row["energy_pj"]) == CLOSE(digits.layers[0].energy_pj)


def test_operations_for_a_joule_are_those_of_the_whole_run(digits: Result):
    text = api.report.simulation_report(digits).render("table")
    lines = text.splitlines()
    reached = lines[next(i for i, line in enumerate(lines) if line.startswith("TOPS/W at peak")) + 1]
    assert float(reached.split()[-1]) == CLOSE(2 * digits.model.macs * 2 / digits.energy_pj["total"], rel=1e-3)
