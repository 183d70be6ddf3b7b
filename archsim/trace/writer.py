"""Writes a recorded run as Chrome trace events, which Perfetto and chrome://tracing open.

Format: "Trace Event Format", Google 2016 (phases X, C and M of the JSON object form). `traces/README.md`
describes what stands in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from archsim.result import Result
from archsim.trace.recorder import Recorder, Slice

SCHEMA = "archsim.trace/1"
OFF_CHIP = -1

_UNIT_ORDER = ("host", "bus", "arrays", "adc", "shift-add", "sfu", "multiplier", "buffer", "noc")
_EVENTS_PER_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class _Clock:
    """Ticks to microseconds with three decimals; rounding to whole ns keeps the order of events."""

    tick_ps: float

    def ns(self, ticks: int) -> int:
        return round(ticks * self.tick_ps / 1000)

    def us(self, ns: int) -> str:
        return f"{ns // 1000}.{ns % 1000:03d}"


def chrome_trace(recorder: Recorder, result: Result) -> Iterator[bytes]:
    """The trace as chunks of a JSON file; equal runs give equal bytes."""
    other = {
        "schema": SCHEMA,
        "archsim": result.version,
        "model": result.model.name,
        "mapping": result.mapping.name,
        "mapping_hash": result.mapping.hash,
        "images": result.images,
        "ideal": result.ideal,
        "tick_ps": result.tick_ps,
        "events_kept": recorder.kept,
        "events_dropped": recorder.dropped,
        "cut": recorder.dropped > 0,
    }
    yield f'{{"displayTimeUnit":"ns","otherData":{json.dumps(other)},"traceEvents":[\n'.encode()
    chunk: list[str] = []
    separator = ""
    order = {layer.name: number for number, layer in enumerate(result.layers)}
    for event in _events(recorder, order, _Clock(result.tick_ps)):
        chunk.append(separator + event)
        separator = ",\n"
        if len(chunk) == _EVENTS_PER_CHUNK:
            yield "".join(chunk).encode()
            chunk.clear()
    yield ("".join(chunk) + "\n]}\n").encode()


def _events(recorder: Recorder, order: Mapping[str, int], clock: _Clock) -> Iterator[str]:
    tiles = sorted({tile for tile, *_ in recorder.units} | {tile for tile, _ in recorder.ports})
    processes = {tile: number for number, tile in enumerate(tiles, 1)}
    for tile, process in processes.items():
        name = "off-chip links" if tile == OFF_CHIP else f"tile {tile}"
        yield _metadata(process, 0, "process", name, process)
    # thread ids follow the process ids: viewers take a thread with its process's number for the main thread
    thread = len(processes)
    for unit in sorted(recorder.units, key=lambda unit: _place_of(unit, order)):
        process, name = processes[unit[0]], unit[1]
        for lane, slices in enumerate(_lanes(recorder.slices(unit)), 1):
            thread += 1
            yield _metadata(process, thread, "thread", name if lane == 1 else f"{name} ({lane})", thread)
            yield from _slices(process, thread, slices, clock)
    for port in sorted(recorder.ports):
        name = json.dumps(f"buffer {port[1]}")
        for level in recorder.levels(port):
            at = clock.us(clock.ns(level.time))
            arguments = f'{{"bytes":{level.filled_bytes}}}'
            yield f'{{"ph":"C","pid":{processes[port[0]]},"ts":{at},"name":{name},"args":{arguments}}}'


def _place_of(unit: tuple[int, str], order: Mapping[str, int]) -> tuple[int, int, int, int, str]:
    """Tile, then the way of a window through the tile, then (`arrays LAYER N`) layer in graph order and copy."""
    tile, name = unit
    kind, _, rest = name.partition(" ")
    layer, _, number = rest.rpartition(" ")
    place = _UNIT_ORDER.index(kind) if kind in _UNIT_ORDER else len(_UNIT_ORDER)
    return tile, place, order.get(layer, len(order)), int(number) if number.isdecimal() else 0, name


def _lanes(slices: Iterable[Slice]) -> list[list[Slice]]:
    """Slices dealt to as few threads as keep those of one thread apart: a unit may work on several at once."""
    lanes: list[list[Slice]] = []
    for piece in slices:
        free = next((lane for lane in lanes if lane[-1].end <= piece.start), None)
        if free is None:
            lanes.append([piece])
        else:
            free.append(piece)
    return lanes


def _slices(process: int, thread: int, slices: Iterable[Slice], clock: _Clock) -> Iterator[str]:
    for piece in slices:
        start, end = clock.ns(piece.start), clock.ns(piece.end)
        layer = json.dumps(piece.layer)
        yield (
            f'{{"ph":"X","pid":{process},"tid":{thread},"ts":{clock.us(start)},"dur":{clock.us(end - start)},'
            f'"name":{layer},"args":{{"layer":{layer},"window":{piece.window},"image":{piece.image}}}}}'
        )


def _metadata(process: int, thread: int, kind: str, name: str, order: int) -> str:
    of = f'"ph":"M","pid":{process},"tid":{thread}'
    return (
        f'{{{of},"name":"{kind}_name","args":{{"name":{json.dumps(name)}}}}},\n'
        f'{{{of},"name":"{kind}_sort_index","args":{{"sort_index":{order}}}}}'
    )
