"""The pages of the designs: what they set beside the figures that are known is what archsim gives today."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial

import pytest

from archsim import api
from archsim.engine.schedules.lockstep import Lockstep
from archsim.hardware import Design, load_design
from archsim.mapping import Placement, StagePlan, estimate
from archsim.result import Cost, LayerResult, Result
from tests.surface.pages import ROOT

Figure = Callable[[], float | None]

UNLIMITED = "rotation.stored_arrays=unlimited"
PER_WATT, PER_AREA = "operations a second and watt, GOPS/W", "operations a second and area, GOPS/mm2"
design = cache(load_design)


@cache
def run(model: str, mapping: str, *settings: str, ideal: bool = False) -> Result:
    return api.simulate(model, mapping, settings=settings, ideal=ideal)


@cache
def _placed(model: str, mapping: str, *settings: str) -> Placement:
    return api.place(model, mapping, settings=settings)


def _matrices(model: str, mapping: str, *settings: str) -> list[StagePlan]:
    return [plan for plan in _placed(model, mapping, *settings).plans if plan.tiling]


def _plan(layer: str) -> StagePlan:
    return next(plan for plan in _matrices("vgg16", "pipelayer") if plan.stage.name == layer)


def _convolutions() -> list[StagePlan]:
    return [plan for plan in _matrices("vgg16", "pipelayer") if plan.stage.name.startswith("conv")]


def _arrays(chosen: Design) -> int:
    assert chosen.chip_arrays is not None
    return chosen.chip_arrays


def _storage_mb(chosen: Design) -> float:
    array = chosen.array
    return _arrays(chosen) * array.rows * array.columns * array.cell_bits / 8 / 1e6


def _layer(result: Result, name: str) -> LayerResult:
    return next(layer for layer in result.layers if layer.name == name)


def _alone_cycles() -> float:
    """What the one window of a layer that waits for nothing takes."""
    result = run("digits_cnn", "isaac", ideal=True)
    layer = _layer(result, "fc2")
    assert layer.start_ns is not None
    assert layer.end_ns is not None
    return (layer.end_ns - layer.start_ns) / result.cycle_ns


def _apart_cycles() -> float:
    """How long a window occupies the arrays."""
    result = run("digits_cnn", "isaac", ideal=True)
    layer = _layer(result, "conv2")
    assert layer.busy_ns is not None
    return layer.busy_ns / layer.windows / result.cycle_ns


def _conversions_per_mac() -> float:
    conversions = design("isaac").conversions(128)
    assert conversions is not None
    return conversions / (128 * 128 / design("isaac").cells_per_weight)


def _logical_cycles(model: str, batch: int | None, *, overlap: bool) -> int:
    """Those of 640 images."""
    placement = api.place(model, "pipelayer", training=batch is not None, batch=batch)
    counted = Lockstep(placement.logical_places, 640, batch, overlap=overlap, ticks=1, update_ticks=1)
    counted.run(lambda _image, _time: None)
    return counted.cycles


def _cycle_us(model: str) -> float:
    result = run(model, "pipelayer")
    assert result.latency_ns is not None
    assert result.logical_cycles is not None
    return result.latency_ns / result.logical_cycles / 1000


def _ms(*settings: str) -> float:
    latency = run("vgg16", "atomlayer", *settings).latency_ns
    assert latency is not None
    return latency / 1e6


def _power_and_area(mapping: str, *names: str) -> dict[str, Figure]:
    """Figures that follow from the power and the area of a design, of which no component figures are published."""
    of = {"power, W": "power_w", PER_WATT: "power_w"}
    return {name: partial(_attribute, mapping, of.get(name, "area_mm2")) for name in names}


def _cost() -> Cost:
    cost = run("digits_cnn", "isaac").cost
    assert cost is not None
    return cost


def _peak_tops() -> float:
    peak = design("isaac").peak_tops()
    assert peak is not None
    return peak


def _attribute(mapping: str, name: str) -> float | None:
    value: float | None = getattr(run("digits_cnn", mapping), name)
    return value


FIGURES: dict[str, dict[str, Figure]] = {
    "isaac": {
        "crossbars of a chip": lambda: _arrays(design("isaac")),
        "weights on a chip, MB": lambda: _storage_mb(design("isaac")),
        "cycles of a window that waits for nothing": _alone_cycles,
        "cycles from window to window on a crossbar": _apart_cycles,
        "conversions for each multiply-accumulate, crossbars full": _conversions_per_mac,
        "peak, TOPS, by area": lambda: design("isaac").peak_tops(),
        "peak, TOPS, by power": lambda: design("isaac").peak_tops(),
        "peak with weights and inputs of 8 bits, TOPS": lambda: design(
            "isaac", ("precision.weight_bits=8", "precision.input_bits=8")
        ).peak_tops(),
        "VGG-16: cycles from image to image, without contention": lambda: (
            estimate(_placed("vgg16", "isaac")).interval_bound
        ),
        "VGG-16: conversions, in 10^9": lambda: (run("vgg16", "isaac", ideal=True).adc_conversions or 0) / 1e9,
        "VGG-16: energy of the converters, mJ": lambda: (
            (run("vgg16", "isaac", ideal=True).energy_pj or {})["adc"] / 1e9
        ),
        PER_WATT: lambda: 1000 * _peak_tops() / (_cost().peak_power_w or 0),
        "power, W": lambda: _cost().peak_power_w,
        "area, mm2": partial(_attribute, "isaac", "area_mm2"),
        PER_AREA: lambda: 1000 * _peak_tops() / (run("digits_cnn", "isaac").area_mm2 or 0),
    },
    "atomlayer": {
        "crossbars of a chip": lambda: _arrays(design("atomlayer")),
        "weights on a chip, MB": lambda: _storage_mb(design("atomlayer")),
        "crossbars that read at once": lambda: _arrays(design("atomlayer")) // design("atomlayer").arrays_per_set,
        "peak, TOPS": lambda: design("atomlayer").peak_tops(),
        "VGG-16: crossbars of one copy": lambda: sum(
            plan.tiling.arrays for plan in _matrices("vgg16", "atomlayer") if plan.tiling
        ),
        "VGG-16: slots, a store without limit": lambda: sum(
            plan.slots for plan in _matrices("vgg16", "atomlayer", UNLIMITED)
        ),
        "the same, kernel rows in crossbars of their own": lambda: sum(
            plan.slots for plan in _matrices("vgg16", "atomlayer", UNLIMITED, "tiling.filter_rows=split")
        ),
        "VGG-16: ms of an image, a store without limit": lambda: _ms(UNLIMITED),
        "VGG-16: ms of an image, the store that there is": _ms,
        **_power_and_area("atomlayer", PER_WATT, "power, W", "area, mm2"),
    },
    "pipelayer": {
        "testing 640 images, VGG-16: logical cycles": lambda: _logical_cycles("vgg16", None, overlap=True),
        "the same, one image after the other": lambda: _logical_cycles("vgg16", None, overlap=False),
        "training 640 images in batches of 64, VGG-16: logical cycles": lambda: _logical_cycles(
            "vgg16", 64, overlap=True
        ),
        "the same, AlexNet": lambda: _logical_cycles("alexnet", 64, overlap=True),
        "copies of a layer of 12,544 windows": lambda: len(_plan("conv2_2").copies),
        "crossbars of a matrix of 1,152 x 256": lambda: _plan("conv3_1").tiling.arrays,
        "VGG-16: crossbars of its convolutions": lambda: sum(plan.arrays for plan in _convolutions()),
        "AlexNet: a logical cycle, us": lambda: _cycle_us("alexnet"),
        "VGG-16: a logical cycle, us": lambda: _cycle_us("vgg16"),
        "peak, TOPS": lambda: design("pipelayer").peak_tops(),
        **_power_and_area("pipelayer", PER_WATT, PER_AREA, "area, mm2"),
    },
}
SLOW = {"VGG-16: conversions, in 10^9", "VGG-16: a logical cycle, us"}
CASES = [
    pytest.param(page, name, figure, marks=pytest.mark.slow if name in SLOW or "ms of an image" in name else ())
    for page, figures in FIGURES.items()
    for name, figure in figures.items()
]


def rows_of(page: str) -> dict[str, tuple[str, str, str]]:
    """What a page says is known of each figure, what it says is simulated, and their ratio."""
    text = (ROOT / "docs" / "designs" / f"{page}.md").read_text().partition("## Known and simulated")[2]
    text = text.partition("\n## ")[0]
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*?) *\| ([^|]*?) *\|$", text, re.MULTILINE)
    return {name: (known, simulated, ratio) for name, known, simulated, ratio in found[1:]}


def shown(value: float | None, known: str) -> tuple[str, str]:
    """A figure as the pages write it, and its ratio to the number that the known one begins with."""
    if value is None:
        return "null", ""
    number = float(known.split(maxsplit=1)[0].replace(",", ""))
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}", f"{value / number:.3f}"


@pytest.mark.parametrize(("page", "name", "figure"), CASES)
def test_a_page_sets_what_archsim_gives_beside_what_is_known(page: str, name: str, figure: Figure):
    known, simulated, ratio = rows_of(page)[name]
    assert (simulated, ratio) == shown(figure(), known)


@pytest.mark.parametrize("page", FIGURES)
def test_every_figure_of_a_page_is_computed(page: str):
    assert list(rows_of(page)) == list(FIGURES[page])


def test_every_design_that_ships_is_in_the_lists():
    for page in (ROOT / "docs" / "designs" / "README.md", ROOT / "README.md"):
        listed = re.findall(r"^\| `(\w+)` \|", page.read_text(), re.MULTILINE)
        assert sorted(listed) == list(api.mapping_names())
