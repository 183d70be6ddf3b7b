"""A result made by hand, for tests of what is done with results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archsim.result import (
    STALL_CAUSES,
    ArrayCounts,
    LayerResult,
    MappingSummary,
    ModelSummary,
    NocResult,
    NotRun,
    Result,
    UnitUse,
)

SETTINGS: dict[str, Any] = {
    "tile": {"buffer_bytes": 65536, "bus": {"width_bytes": 32}, "write_port": {"width_bytes": 32}},
    "noc": {"model": "ideal"},
    "offchip": {"width_bytes": 4},
    "precision": {"weight_bits": 8, "input_bits": 8},
    "schedule": {"kind": "pipelined"},
}
CONV = LayerResult(
    name="conv",
    op="Conv",
    rows=9,
    outputs=16,
    groups=1,
    windows=64,
    uses=1,
    arrays_per_copy=1,
    copies=2,
    arrays=2,
    slots=32,
    start_ns=0.0,
    end_ns=52000.0,
    busy_ns=102400.0,
    stall_ns=dict.fromkeys(STALL_CAUSES, 0.0) | {"data": 300.0, "noc": 5000.0, "memory": None},
    macs=9216,
)
RELU = LayerResult(
    name="relu",
    op="Relu",
    rows=None,
    outputs=16,
    groups=None,
    windows=64,
    uses=1,
    arrays_per_copy=None,
    copies=None,
    arrays=None,
    slots=None,
    start_ns=1600.0,
    end_ns=52100.0,
    busy_ns=600.0,
    stall_ns=None,
    macs=0,
)
RESULT = Result(
    model=ModelSummary(name="tiny", macs=9216, parameters=144),
    mapping=MappingSummary(name="isaac", settings=SETTINGS, hash="abc", peak_tops=41.3),
    images=1,
    ideal=False,
    cycle_ns=100.0,
    tick_ps=500 / 3,
    latency_ns=52100.0,
    latency_cycles=521.0,
    interval_ns=None,
    interval_bound_ns=51200.0,
    throughput_per_s=None,
    arrays=ArrayCounts(used=2, allocated=8, available=16128),
    chips=1,
    spill_bytes=0,
    layers=(CONV, RELU),
    noc=NocResult(packets=64, flits=256, mean_latency_ns=8.0, max_link_utilisation=0.1, bytes_hops=4096),
    coverage={"nodes": 2, "timed": 2, "layout": 0, "folded": 0, "free": 0},
    checks={"macs": True, "windows": True, "bytes": True, "time": True},
    notes=("a remark",),
    events=1234,
    cpu_s=0.25,
    version="0.1.0",
)
BUSIEST = (
    UnitUse("sfu", "tile 3", 0.975),
    UnitUse("arrays", "conv, tile 0", 0.5),
    UnitUse("bus", "tile 1", 0.25),
    UnitUse("link", "host in", 0.125),
)
SLOWER = replace(RESULT, latency_ns=104200.0, latency_cycles=1042.0, chips=2)
NOT_RUN = NotRun(
    model=RESULT.model,
    mapping=MappingSummary(name="rnn", settings=SETTINGS, hash="def", peak_tops=None),
    images=1,
    ideal=False,
    reason="tiny: layer 'conv': got Conv, expected a unit\ntiny: layer 'pool': got MaxPool, expected a unit",
)
STALLED = replace(NOT_RUN, reason="the simulation cannot proceed; the chain:\n" + "  conv copy 0\n" * 9, stalled=True)
