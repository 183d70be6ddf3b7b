"""Why a comparison comes out as it does: what limits each design, and which is fastest, as far as it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archsim.report.figures import share
from archsim.report.headline import WAITED_FOR, is_unsettled, lasting_interval_ns, name_of, waited_ns
from archsim.result import STALL_CAUSES, NotRun, Result, UnitUse

# A unit that works for this share of the time is said to limit the design.
_LIMITING = 0.9
_MOST_REASONS = 4

# What their steps wait for, of each other, is part of the lower bound of the interval.
_RECURRENT = ("LSTM", "GRU", "RNN", "com.microsoft::DynamicQuantizeLSTM")


class _Claim(NamedTuple):
    """A unit that may be what limits a design, and the share of the time for which it works or is needed."""

    share: float
    text: str


def why(result: Result) -> str:
    """What limits a design."""
    claims = _claims(result)
    if not claims:
        return "no unit was seen at work"
    first = max(claims, key=lambda claim: claim.share)
    text = first.text + (", and the interval has not settled" if is_unsettled(result) else "")
    text += "; with --ideal nothing else can limit" if result.ideal else ""
    if first.share >= _LIMITING:
        return f"limited by {text}"
    return f"nothing works {100 * _LIMITING:.0f} % of the time; the busiest: {text}{_waiting(result)}"


def not_run_lines(one: NotRun) -> tuple[str, ...]:
    """The first lines of the reason why a network did not run on a design."""
    lines = [line.strip() for line in one.reason.splitlines()]
    begun = "could not finish" if one.stalled else "does not run"
    more = [f"and {len(lines) - _MOST_REASONS} lines more in the JSON"] if len(lines) > _MOST_REASONS else []
    first, *others = [*lines[:_MOST_REASONS], *more]
    return f"{begun}: {first}", *others


def _claims(result: Result) -> list[_Claim]:
    others = [] if result.ideal else [use for use in result.busiest if use.unit != "arrays"]
    arrays = _arrays(result)
    return ([] if arrays is None else [arrays]) + [_of_an_image(use, result) for use in others]


def _arrays(result: Result) -> _Claim | None:
    """What reading takes: of the interval if there is one, which leaves out how a run begins and ends."""
    use = next((use for use in result.busiest if use.unit == "arrays"), None)
    interval_ns = lasting_interval_ns(result)
    if not interval_ns:
        return None if use is None else _of_the_run(use)
    part = min(result.interval_bound_ns / interval_ns, 1.0)
    if _is_layer_serial(result):
        which = ", one layer after the other"
    else:
        which = "" if use is None else f" (first of all {use.where})"
    steps = " and the order of the steps" if any(layer.op in _RECURRENT for layer in result.layers) else ""
    return _Claim(part, f"its arrays{which}{steps}, which alone need {share(part)} of the interval")


def _of_the_run(use: UnitUse) -> _Claim:
    return _Claim(use.utilisation, f"{name_of(use)}, at work {share(use.utilisation)} of the run")


def _of_an_image(use: UnitUse, result: Result) -> _Claim:
    """What an image takes of a unit's time, of the interval if there is one."""
    interval_ns = lasting_interval_ns(result)
    if not interval_ns or not result.elapsed_ns:
        return _of_the_run(use)
    part = use.utilisation * result.elapsed_ns / result.images / interval_ns
    return _Claim(part, f"{name_of(use)}, needed for {share(part)} of the interval")


def _is_layer_serial(result: Result) -> bool:
    return bool(result.mapping.settings["schedule"]["kind"] == "layer_serial")


def _waiting(result: Result) -> str:
    """What was waited for most, of what is shared."""
    waits = {cause: waited_ns(result, cause) or 0.0 for cause in STALL_CAUSES if cause != "data"}
    cause = max(waits, key=lambda cause: waits[cause])
    return f"; of all that is shared, most waiting is for {WAITED_FOR[cause]}" if waits[cause] else ""


_Times = list[tuple[str, float]]


def verdict(runs: Sequence[Result | NotRun], labels: Sequence[str]) -> str | None:
    """Which design is fastest, and by how much; None if fewer than two ran. The interval decides between those that
    have one, if two have, else the latency of the first image."""
    ran = [(label, one) for label, one in zip(labels, runs, strict=True) if isinstance(one, Result)]
    intervals = [(label, interval) for label, one in ran if (interval := lasting_interval_ns(one))]
    latencies = [(label, one.latency_ns) for label, one in ran if one.latency_ns]
    if len(ran) < 2 or len(latencies) < len(ran):
        return None
    if len(intervals) < 2:
        return _fastest(latencies, "latency of the first image") + _conditions(ran)
    doubted = [label for label, one in ran if is_unsettled(one)]
    doubt = f" (not settled: {', '.join(doubted)}; take more --images)" if doubted else ""
    unknown = [label for label, one in ran if not lasting_interval_ns(one)]
    doubt += f"; the interval of {' and '.join(unknown)} is not known" if unknown else ""
    shortest = ""
    if not set(_best(intervals)) & set(_best(latencies)):
        shortest = f"; by latency of the first image {' and '.join(_best(latencies))}"
    return _fastest(intervals, "interval") + doubt + shortest + _conditions(ran)


def _best(times: _Times) -> list[str]:
    shortest = min(time for _, time in times)
    return [label for label, time in times if time == shortest]


def _fastest(times: _Times, by: str) -> str:
    best = _best(times)
    shortest = min(time for _, time in times)
    others = sorted((time / shortest, label) for label, time in times if time > shortest)
    if not others:
        return f"all are equally fast by {by}"
    text = f"{' and '.join(best)} {'is fastest' if len(best) == 1 else 'are fastest'} by {by}: "
    return text + ", ".join(_ahead(ratio, label) for ratio, label in others)


def _ahead(ratio: float, label: str) -> str:
    shown = f"{ratio:.3g}"
    return f"just ahead of {label}" if shown == "1" else f"{shown} times as fast as {label}"


def _conditions(ran: Sequence[tuple[str, Result]]) -> str:
    """What differs between the designs that a reader might take for equal."""
    different = [_precisions(ran), _chips(ran), _unknown(ran)]
    return "".join(f"; {text}" for text in different if text)


def _precisions(ran: Sequence[tuple[str, Result]]) -> str:
    used = [(label, one.mapping.settings["precision"]) for label, one in ran]
    bits = [f"{label} {one['weight_bits']}/{one['input_bits']}" for label, one in used]
    return "" if all(one == used[0][1] for _, one in used) else f"bits of weights/inputs differ: {', '.join(bits)}"


def _chips(ran: Sequence[tuple[str, Result]]) -> str:
    used = [(label, str(one.chips) if one.arrays.available is not None else "unlimited") for label, one in ran]
    if len({chips for _, chips in used}) == 1:
        return ""
    return f"chips differ: {', '.join(f'{label} {chips}' for label, chips in used)}"


def _unknown(ran: Sequence[tuple[str, Result]]) -> str:
    """The units of which designs say nothing, so that nothing waits for them."""
    missing = []
    for label, one in ran:
        settings = one.mapping.settings
        units = [f"tile.{name}" for name in ("buffer_bytes", "bus", "write_port") if settings["tile"][name] is None]
        units += [name for name in ("noc", "offchip") if settings[name] is None]
        if units:
            missing.append(f"{label} waits for no {', '.join(units)}, of which it says nothing")
    return "; ".join(missing)
