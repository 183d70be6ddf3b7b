"""Runs of jobs, whatever the schedule: conservation that can fail, slices where they belong, random networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archsim.engine import simulate
from archsim.engine.chip import Chip
from archsim.engine.jobs import Totals
from archsim.errors import InputError
from archsim.frontend import from_model
from archsim.hardware import load_design
from archsim.mapping import Placement, estimate, place
from archsim.result import NullObserver
from tests.engine.networks import SMALL, Net, on
from tests.engine.observed import Reads
from tests.engine.test_recurrence import networks
from tests.recurrent import stacked

CHIP = ("chip.tiles=4", "chip.mesh_width=2", "tile.pes=1", "pe.arrays=4", "adc.arrays_per_set=2")
WRITTEN = (*CHIP, "schedule.kind=layer_serial", "rotation.stored_arrays=8")
RESIDENT = (*CHIP, "schedule.kind=layer_serial")
LOCKSTEP = (*CHIP, "schedule.kind=image_pipelined", "chips=auto")
SCHEDULES = {"written": WRITTEN, "resident": RESIDENT, "lockstep": LOCKSTEP}


def lose_a_window(machine: Chip) -> None:
    """Windows 1 and 4 ran as 2 and 3: the same number and sum."""
    machine.stages[0].seen[0][2] += 4 + 9 - 1 - 16


def lose_bytes_on_the_mesh(machine: Chip) -> None:
    machine.fabric.meshes[0].delivered_bytes -= 1


def lose_bytes_of_the_memory(machine: Chip) -> None:
    machine.into.crossed_bytes -= 1


def read_too_long(machine: Chip) -> None:
    machine.stages[0].copies[0].units[0].arrays.busy += 1


def finish_too_early(machine: Chip) -> None:
    machine.output.image_done[0] = 1


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lose_a_window, "windows"),
        (lose_bytes_on_the_mesh, "bytes"),
        (lose_bytes_of_the_memory, "bytes"),
        (read_too_long, "time"),
        (finish_too_early, "bound"),
    ],
)
def test_one_job_that_went_wrong_fails_the_check_of_the_run(
    monkeypatch: pytest.MonkeyPatch, schedule: str, spoil: Callable[[Chip], None], check: str
) -> None:
    placement = on("atomlayer", SMALL["residual"](), *SCHEDULES[schedule])
    assert simulate(placement, images=2).ok
    honest, runs = Chip.run, []

    def run(machine: Chip) -> None:
        honest(machine)
        runs.append(machine)
        if len(runs) == 2:
            spoil(machine)

    monkeypatch.setattr(Chip, "run", run)
    result = simulate(placement, images=2)
    assert {name for name, held in result.checks.items() if not held} == {check}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_job_too_many_is_work_that_is_not_of_the_network(schedule: str) -> None:
    placement = on("atomlayer", SMALL["residual"](), *SCHEDULES[schedule])
    more = replace(placement, jobs=(*placement.jobs, placement.jobs[-1]))
    assert {name for name, held in simulate(more).checks.items() if not held} == {"macs"}


def test_weights_that_nobody_wrote_fail_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.engine.schedules.layer_serial.array_bytes", _shrinking())
    placement = on("atomlayer", SMALL["residual"](), *WRITTEN)
    assert any(job.loads for job in placement.jobs)
    result = simulate(placement)
    assert {name for name, held in result.checks.items() if not held} == {"bytes"}


def _shrinking() -> Callable[[object], int]:
    sizes = iter(range(10_000, 0, -1))
    return lambda _design: next(sizes)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_unit_longer_at_work_than_the_run_fails_the_check(monkeypatch: pytest.MonkeyPatch, schedule: str) -> None:
    honest = Totals.within
    monkeypatch.setattr(Totals, "within", lambda totals, elapsed: honest(totals, elapsed // 1000))
    result = simulate(on("atomlayer", SMALL["residual"](), *SCHEDULES[schedule]))
    assert {name for name, held in result.checks.items() if not held} == {"time"}


@dataclass
class Seen(NullObserver):
    """Every slice: (start, end) in ticks by unit, and by layer for the units of tiles."""

    units: dict[tuple[int, str], list[tuple[int, int]]] = field(default_factory=dict)
    layers: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def slice(self, tile: int, unit: str, layer: str, image: int, window: int, start: int, end: int) -> None:  # noqa: ARG002
        self.units.setdefault((tile, unit), []).append((start, end))
        if tile >= 0 and unit != "buffer":
            self.layers.setdefault(layer, []).append((start, end))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", SMALL)
def test_slices_of_a_unit_are_apart_and_inside_their_layer_and_the_run(name: str, schedule: str) -> None:
    seen = Seen()
    placement = on("atomlayer", SMALL[name](), *SCHEDULES[schedule])
    result = simulate(placement, observer=seen)
    tick_ns, slack = result.tick_ps / 1000, 1e-6
    assert simulate(placement).latency_ns == result.latency_ns
    for spans in seen.units.values():
        worked = sorted(span for span in spans if span[0] < span[1])
        assert all(before[1] <= after[0] for before, after in pairwise(worked))
        assert min(spans)[0] >= 0
        assert max(end for _, end in spans) * tick_ns <= (result.latency_ns or 0) + slack
    layers = {layer.name: layer for layer in result.layers}
    assert seen.layers.keys() == {plan.stage.name for plan in placement.plans}
    for layer, spans in seen.layers.items():
        assert min(start for start, _ in spans) * tick_ns >= (layers[layer].start_ns or 0) - slack
        last = max(layers[one.name].end_ns or 0 for one in _of_stage(placement, layer))
        assert max(end for _, end in spans) * tick_ns <= last + slack


@pytest.mark.parametrize("schedule", ["written", "resident"])
@pytest.mark.parametrize("images", [1, 2])
def test_every_pass_of_every_image_is_seen_though_passes_are_alike(schedule: str, images: int) -> None:
    """The arrays of each layer are read, on their home tiles, for as long as the slices say; nothing is left out."""
    net = Net(8, 2, 2)
    net.conv(net.conv("image", 64), 192)
    settings = SCHEDULES[schedule] if schedule == "written" else (*RESIDENT, "rotation.stored_arrays=unlimited")
    placement = on("atomlayer", net, *settings)
    seen = Reads()
    traced, plain = simulate(placement, images=images, observer=seen), simulate(placement, images=images)
    assert traced.latency_ns == plain.latency_ns
    assert traced.moved_bytes == plain.moved_bytes
    tick_ns = traced.tick_ps / 1000
    for layer in traced.layers:
        reads = [span for (name, _, _), spans in seen.spans.items() if name == layer.name for span in spans]
        assert len(reads) >= layer.windows * images
        assert sum(end - start for start, end in reads) * tick_ns >= (layer.busy_ns or 0) - 1e-6
        assert layer.busy_ns


def _of_stage(placement: Placement, name: str) -> list[object]:
    (stage,) = (plan.stage for plan in placement.plans if plan.stage.name == name)
    return [stage.layer, *stage.vector_layers]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_batches_and_several_outputs_run_to_their_end(schedule: str) -> None:
    graph = from_model(stacked("LSTM", 1, steps=3, batch=2, classes=4), source="net.onnx", base_dir=None)
    placement = place(graph, load_design("atomlayer", SCHEDULES[schedule]))
    assert simulate(placement, images=2).ok
    net = Net(3, 6, 6)
    first = net.conv("image", 4, 3, pad=1)
    net.outputs = [first, net.conv(first, 4, 3, stride=2, pad=1), net.pool(first, 2, 2)]
    assert simulate(on("atomlayer", net, *SCHEDULES[schedule]), images=2).ok


CHOICES = {
    "schedule.kind": ("layer_serial", "image_pipelined"),
    "copies.policy": ("none", "greedy", "optimal", "isaac"),
    "copies.assignment": ("round_robin", "strips", "bands"),
    "tiling.split": ("columns", "rows"),
    "tiling.filter_rows": ("packed", "split", "positions", "channels"),
    "pe.input_reuse": ("none", "ladder", "handover"),
    "pe.input_windows": (1, 2),
    "tile.output_register_bytes": (0, 3072),
    "tile.buffer_bytes": (600, 65536),
    "tile.bus.clock_ghz": (0.005, 0.32),
    "sfu.clock_ghz": (0.001, 1.2),
    "noc.clock_ghz": (0.02, 1),
    "rotation.stored_arrays": (3, 6, 12, "unlimited"),
    "memory.read_ns": (0.625, 40),
    "memory.write_ns": (0.625, 80),
    "memory.subarray_bytes": ("null", 32, 8192),
    "array.write_ns": (1, 50.88, 700),
    "array.sign": ("offset", "pair", "pair_arrays", "twos_complement"),
    "adc.arrays_per_set": (1, 2, 4),
    "tile.pes": (1, 2),
    "chip.tiles": (2, 4),
}


@st.composite
def chips(draw: st.DrawFn) -> list[str]:
    chosen = {key: draw(st.sampled_from(values)) for key, values in CHOICES.items()}
    size = 1
    if chosen["schedule.kind"] == "image_pipelined":
        size = "auto"
        del chosen["rotation.stored_arrays"]
    return [*(f"{key}={value}" for key, value in chosen.items()), "pe.arrays=4", "chip.mesh_width=2", f"chips={size}"]


@examples(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(networks(alone=True), chips(), st.integers(1, 4), st.sampled_from((None, 1, 2)))
def test_what_placement_accepts_runs_to_its_end_and_no_faster_than_without_limits(
    net: Net, chosen: list[str], images: int, batch: int | None
) -> None:
    serial = "schedule.kind=layer_serial" in chosen
    try:
        placement = on("atomlayer", net, *chosen, batch=None if serial else batch)
    except InputError as error:
        known = ("room", "tile.buffer_bytes", "in training")
        assert any(words in str(error) for words in known)  # noqa: PT017 - told before anything runs
        return
    real, ideal = simulate(placement, images=images), simulate(placement, images=images, ideal=True)
    assert real.ok
    assert ideal.ok
    assert (real.latency_ns or 0) >= (ideal.latency_ns or 0)
    bound = estimate(placement, images).latency_cycles
    assert ideal.latency_cycles == bound if serial else (ideal.latency_cycles or 0) >= bound
    assert real.interval_ns is None or real.interval_ns >= real.interval_bound_ns - 1e-6
    assert all(use.utilisation <= 1 for use in real.busiest)
