"""What must hold of every Chrome trace that archsim writes."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any


def assert_well_formed(document: dict[str, Any], end_us: float = float("inf")) -> None:
    """Slices of a thread are apart, threads have names, nothing is outside the run, no counter is negative."""
    threads: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    named = set()
    for event in document["traceEvents"]:
        if event["ph"] == "M" and event["name"] == "thread_name":
            named.add((event["pid"], event["tid"]))
        elif event["ph"] == "X":
            assert event["dur"] >= 0
            threads[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] == "C":
            assert all(value >= 0 for value in event["args"].values())
            assert 0 <= event["ts"] <= end_us + 1e-3
    assert threads.keys() == named
    for slices in threads.values():
        slices.sort()
        assert slices[0][0] >= 0
        assert max(end for _, end in slices) <= end_us + 1e-3
        for (_, end), (start, _) in pairwise(slices):
            assert end <= start + 1e-6
