"""Synthetic traffic by its rules, and saturation against BookSim 2 and closed forms."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.noc import Mesh
from archsim.noc.latencies import MOST_BINS, histogram, percentile
from archsim.noc.network import Network
from archsim.noc.patterns import PATTERNS, inject
from archsim.noc.replay import REPLAYS
from archsim.noc.sweep import Sweep, check_sweep, idle_latency, measure, run_sweep

WORMHOLE = Network(4, 4, "wormhole")


def destinations(name: str, columns: int, rows: int) -> list[int]:
    return PATTERNS[name](columns, rows).nodes.tolist()


def test_each_node_has_the_partner_of_the_rule():
    """Of a 4 x 4 mesh: x and y exchanged, one on in both (around the edge), all bits inverted."""
    nodes = range(16)
    assert destinations("transpose", 4, 4) == [(n >> 2) | (n & 3) << 2 for n in nodes]
    assert destinations("neighbor", 4, 4) == [(n % 4 + 1) % 4 + 4 * ((n // 4 + 1) % 4) for n in nodes]
    assert destinations("bitcomp", 4, 4) == [n ^ 15 for n in nodes]
    assert destinations("bitcomp", 3, 2) == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(("columns", "rows", "node"), [(4, 4, 5), (8, 8, 27), (1, 1, 0), (5, 2, 2), (1, 4, 1)])
def test_the_hotspot_is_in_the_middle_with_four_times_the_weight(columns: int, rows: int, node: int):
    weights = destinations("hotspot", columns, rows)
    assert (weights.pop(node), set(weights) | {1}) == (4, {1})


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("shape", [(4, 4), (1, 1), (3, 3), (8, 8)])
def test_mean_hops_are_those_of_all_ways(name: str, shape: tuple[int, int]):
    columns, rows = shape
    pattern, mesh = PATTERNS[name](columns, rows), Mesh(columns * rows, columns)
    nodes = range(columns * rows)
    if name in {"uniform", "hotspot"}:
        weights = pattern.nodes.tolist()
        total = sum(weights[end] * mesh.hops(start, end) for start in nodes for end in nodes)
        expected = Fraction(total, len(nodes) * sum(weights))
    else:
        partners = pattern.nodes.tolist()
        expected = Fraction(sum(mesh.hops(node, partners[node]) for node in nodes), len(nodes))
    assert pattern.mean_hops() == expected


def test_mean_hops_of_a_mesh_that_is_not_square():
    assert PATTERNS["uniform"](5, 2).mean_hops() == Fraction(8, 5) + Fraction(1, 2)


def test_a_packet_alone_takes_the_idle_latency_on_average():
    """Of BookSim 2's router: 6 cycles, 4 a hop and 3 for 4 flits; 2.5 hops on average between nodes of 4 x 4."""
    assert idle_latency(PATTERNS["uniform"](4, 4), 4, WORMHOLE) == 6 + 4 * Fraction(5, 2) + 3
    assert idle_latency(PATTERNS["bitcomp"](4, 4), 1, WORMHOLE) == 6 + 4 * 4


def test_as_many_packets_are_created_as_the_load_asks_for_everywhere_and_at_any_time():
    """Within five standard deviations of the binomial distribution: 16 nodes x 4,000 cycles at 0.3 / 4."""
    packets = inject(PATTERNS["uniform"](4, 4), Fraction("0.3"), 4, 4000, 7)
    for counts, draws, rate in (
        ([len(packets.pid)], 64_000, 0.075),
        (np.bincount(packets.source, minlength=16), 4000, 0.075),
        (np.bincount(packets.create // 400, minlength=10), 6400, 0.075),
        (np.bincount(packets.destination, minlength=16), 64_000, 0.075 / 16),
    ):
        spread = 5 * (draws * rate * (1 - rate)) ** 0.5
        assert all(abs(count - draws * rate) < spread for count in counts)
    assert set(packets.flits.tolist()) == {4}
    assert packets.pid.tolist() == list(range(len(packets.pid)))
    assert (np.diff(packets.create) >= 0).all()


def test_a_hotspot_gets_four_times_as_many():
    packets = inject(PATTERNS["hotspot"](4, 4), Fraction(1), 1, 1000, 0)
    counts = Counter(packets.destination.tolist())
    others = [count for node, count in counts.items() if node != 5]
    assert len(others) == 15
    assert abs(counts[5] - 16_000 * 4 / 19) < 5 * (16_000 * 4 / 19) ** 0.5
    assert all(abs(count - 16_000 / 19) < 5 * (16_000 / 19) ** 0.5 for count in others)


def test_at_full_load_each_node_creates_a_flit_in_each_cycle():
    packets = inject(PATTERNS["neighbor"](3, 2), Fraction(1), 1, 50, 0)
    assert packets.create.tolist() == [cycle for cycle in range(50) for _ in range(6)]
    assert packets.source.tolist() == list(range(6)) * 50


def test_a_seed_means_the_same_packets_on_any_machine():
    """Raw output of PCG64, whose stream numpy promises to keep."""
    packets = inject(PATTERNS["uniform"](4, 4), Fraction("0.1"), 1, 3, 1)
    raw = np.random.PCG64(1).random_raw(96).tolist()
    created = [place for place, number in enumerate(raw[:48]) if number < 2**64 // 10]
    assert list(zip(packets.create.tolist(), packets.source.tolist(), strict=True)) == [divmod(n, 16) for n in created]
    assert packets.destination.tolist() == [raw[48 + place] >> 60 for place in created]


def test_drawing_in_pieces_draws_each_cycle_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("archsim.noc.patterns._DRAWS_AT_ONCE", 40)
    packets = inject(PATTERNS["neighbor"](4, 4), Fraction(1), 1, 7, 0)
    assert packets.create.tolist() == [cycle for cycle in range(7) for _ in range(16)]


def test_a_higher_load_adds_packets():
    few, many = (inject(PATTERNS["uniform"](4, 4), Fraction(load), 1, 200, 3) for load in ("0.1", "0.2"))
    columns = ("create", "source", "destination")
    low, high = (set(zip(*(getattr(one, name).tolist() for name in columns), strict=True)) for one in (few, many))
    assert low < high


def test_what_is_measured_is_what_was_created_after_the_warm_up():
    sweep = Sweep(("uniform",), 4, warmup=300, cycles=500, seed=2)
    pattern, load = PATTERNS["uniform"](4, 4), Fraction("0.3")
    point = measure(pattern, load, sweep, WORMHOLE)
    packets = inject(pattern, load, 4, 800, 2)
    arrive, _ = REPLAYS["wormhole"](packets, WORMHOLE, None)
    rows = list(zip(packets.create.tolist(), arrive.tolist(), strict=True))
    latencies = sorted(end - start for start, end in rows if start >= 300)
    assert point.packets == len(latencies)
    assert point.mean_latency == Fraction(sum(latencies), len(latencies))
    assert sum(one <= point.p95_latency for one in latencies) >= 0.95 * len(latencies)
    assert sum(one < point.p95_latency for one in latencies) < 0.95 * len(latencies)
    assert point.accepted == Fraction(4 * sum(300 <= end < 800 for _, end in rows), 500 * 16)


def test_a_load_without_packets_has_no_latency():
    sweep = Sweep(("uniform",), warmup=5, cycles=5)
    point = measure(PATTERNS["uniform"](4, 4), Fraction(1, 10**9), sweep, WORMHOLE)
    assert (point.packets, point.mean_latency, point.p95_latency, point.accepted) == (0, None, None, 0)


def test_packets_before_the_warm_up_alone_are_no_latency_either():
    """One cycle is measured, in which nobody of 2 creates anything."""
    sweep = Sweep(("uniform",), warmup=100, cycles=1, seed=0)
    point = measure(PATTERNS["uniform"](2, 1), Fraction("0.1"), sweep, Network(2, 1, "wormhole"))
    assert (point.packets, point.mean_latency, point.p95_latency) == (0, None, None)


# BookSim 2, base router, 1 virtual channel of 8 flits, 4 x 4: the load at which the mean latency is three times that of
# an idle mesh (flits a packet, pattern).
BOOKSIM = {
    (1, "transpose"): 0.17,
    (1, "hotspot"): 0.14,
    (4, "uniform"): 0.45,
    (4, "transpose"): 0.26,
    (4, "neighbor"): 0.76,
    (4, "bitcomp"): 0.35,
    (4, "hotspot"): 0.22,
}


@pytest.mark.slow
@pytest.mark.parametrize(("flits", "name"), BOOKSIM)
def test_saturation_is_within_5_percent_or_a_hundredth_of_booksim(flits: int, name: str):
    (curve,) = run_sweep(Sweep((name,), flits), WORMHOLE)
    expected = BOOKSIM[flits, name]
    assert abs(float(curve.saturation) - expected) <= max(0.01, 0.05 * expected)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "expected"), [("uniform", 0.31), ("neighbor", 0.47), ("bitcomp", 0.22)])
def test_where_bisection_finds_more_than_booksims_figure_lines_between_loads_give_it(name: str, expected: float):
    """Packets of one flit, whose latency goes up suddenly: points 0.05 apart put the crossing too low."""
    loads = tuple(Fraction(number, 20) for number in range(1, 21))
    (curve,) = run_sweep(Sweep((name,), 1, loads), WORMHOLE)
    assert abs(float(curve.interpolated) - expected) <= 0.01
    assert 1.05 * expected < curve.saturation < 1.15 * expected


def test_saturation_of_hotspot_traffic_is_that_of_booksim_in_a_short_run_too():
    (curve,) = run_sweep(Sweep(("hotspot",), 4, warmup=1000, cycles=2000), WORMHOLE)
    assert abs(float(curve.saturation) - 0.22) <= 0.015


def test_a_link_for_one_flow_saturates_at_flits_over_flits_and_one():
    """A packet of L flits takes L + 1 cycles of a link with one virtual channel: 2/3 for 2 flits."""
    sweep = Sweep(("bitcomp",), 2, warmup=2000, cycles=8000)
    (curve,) = run_sweep(sweep, Network(2, 1, "wormhole"))
    assert 0.62 < curve.saturation < Fraction(2, 3) * Fraction(102, 100)
    accepted = max(point.accepted for point in curve.points)
    assert abs(accepted - Fraction(2, 3)) < Fraction(1, 100)


def test_the_saturation_lies_between_a_load_below_and_one_above_that_are_close():
    (curve,) = run_sweep(Sweep(("transpose",), 4, warmup=200, cycles=800), WORMHOLE)
    below = max(p.load for p in curve.points if p.mean_latency <= 3 * curve.idle_latency)
    above = min(p.load for p in curve.points if p.mean_latency > 3 * curve.idle_latency)
    assert below < curve.saturation < above
    assert above - below <= above / 64


def test_lines_between_the_loads_asked_for_cross_the_threshold():
    loads = tuple(Fraction(number, 20) for number in range(1, 20))
    (curve,) = run_sweep(Sweep(("transpose",), 4, loads, warmup=200, cycles=800), WORMHOLE)
    means = {point.load: point.mean_latency for point in curve.points}
    low, high = Fraction(5, 20), Fraction(6, 20)
    assert means[low] < 3 * curve.idle_latency < means[high]
    assert (curve.interpolated - low) * (means[high] - means[low]) == (3 * curve.idle_latency - means[low]) * (
        high - low
    )
    assert Fraction(8, 20) not in means


def test_a_mesh_without_contention_is_never_saturated():
    (curve,) = run_sweep(
        Sweep(("uniform",), 1, (Fraction("0.7"),), warmup=50, cycles=200), Network(4, 4, "ideal", speculative=True)
    )
    assert (curve.saturation, curve.interpolated) == (None, None)
    assert [float(point.load) for point in curve.points] == [0.03125, 0.0625, 0.125, 0.25, 0.5, 0.7, 1]


def test_equal_sweeps_are_equal_and_another_seed_is_another():
    def found(seed: int, model: str = "vct") -> object:
        return run_sweep(Sweep(("uniform",), 4, warmup=50, cycles=200, seed=seed), Network(3, 2, model))

    assert found(1) == found(1)
    assert found(1) != found(2)


def test_progress_tells_how_many_loads_of_about_how_many():
    heard: list[tuple[int, int]] = []
    sweep = Sweep(("uniform", "bitcomp"), 4, (Fraction("0.1"),), warmup=20, cycles=80)
    run_sweep(sweep, Network(2, 2, "ideal"), lambda *counts: heard.append(counts))
    assert heard == [(done, 24) for done in (1, 2, 3, 4, 5, 6, 7, 13, 14, 15, 16, 17, 18, 19)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"traffic": ("unifrom",)},
            "--traffic: got 'unifrom', expected one of uniform, transpose, neighbor, bitcomp, ",
        ),
        ({"packet_flits": 0}, "--packet-flits: got 0, expected 1 to 1,024"),
        ({"packet_flits": 1025}, "--packet-flits: got 1025, expected 1 to 1,024"),
        ({"cycles": 0}, "--cycles: got 0, expected 1 to 1,000,000"),
        ({"warmup": -1}, "--warmup: got -1, expected 0 to 1,000,000"),
        ({"seed": -1}, "--seed: got -1, expected 0 to 9,223,372,036,854,775,807"),
        ({"loads": (Fraction(0),)}, "--loads: got 0, expected loads above 0 and up to 1 flit per node and cycle"),
        ({"loads": (Fraction("1.01"),)}, "--loads: got 1.01, expected loads above 0 and up to 1 flit per node and cy"),
        ({"cycles": 900_000}, "--cycles: got 900000, expected at most 498,000 on this mesh and after this warm-up"),
        ({"warmup": 900_000}, "--cycles: got 10000, expected at most 0 on this mesh and after this warm-up"),
    ],
)
def test_a_setting_that_is_wrong_is_told(changes: dict[str, object], message: str):
    with pytest.raises(InputError) as caught:
        check_sweep(Sweep(**{"traffic": ("uniform",), **changes}), WORMHOLE)
    assert str(caught.value).startswith(message)


def test_wrong_settings_of_the_sweep_and_of_the_mesh_are_told_together():
    with pytest.raises(InputError) as caught:
        check_sweep(Sweep(("all",), cycles=0), Network(65, 4, "wormhole"))
    assert [problem.source for problem in caught.value.problems] == ["--mesh", "--traffic", "--cycles"]


def test_a_transpose_needs_a_square():
    with pytest.raises(InputError, match=r"^--traffic: got 'transpose', expected a square mesh with it$"):
        check_sweep(Sweep(("uniform", "transpose")), Network(4, 3, "wormhole"))


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60))
def test_a_histogram_has_each_latency_in_one_of_few_ranges(drawn: list[int]):
    bins = histogram(Counter(drawn))
    assert len(bins) <= MOST_BINS
    assert [one.count for one in bins] == [sum(one.first <= value <= one.last for value in drawn) for one in bins]
    assert sum(one.count for one in bins) == len(drawn)
    assert (bins[0].first, bins[-1].count > 0) == (min(drawn), True)
    assert len({one.last - one.first for one in bins}) == 1


def test_percentiles_are_values_that_so_many_do_not_exceed():
    assert [percentile(np.arange(1, 101), percent) for percent in (1, 50, 95, 100)] == [1, 50, 95, 100]
    assert percentile(np.array([7]), 95) == 7
    assert percentile(np.array([1, 2, 3]), 95) == 3
