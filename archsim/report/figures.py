"""Figures as people read them: engineering units, a dash for a figure that was not computed."""

from __future__ import annotations

from collections.abc import Callable

Value = str | int | float | bool | None
Shown = Callable[[Value], str]

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIMES_NS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (0.0, "ns"))
_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (0.0, "B"))
_ENERGIES_PJ = ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (0.0, "pJ"))


def plain(value: Value) -> str:
    """The value as it is; integers with thousands separators."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return value


def large(value: Value) -> str:
    """A count with a metric prefix: 15.47 G."""
    return _scaled(value, _PREFIXES)


def duration(value: Value) -> str:
    """A time given in ns: 1.627 ms."""
    return _scaled(value, _TIMES_NS)


def data_size(value: Value) -> str:
    """A number of bytes: 1.2 MB."""
    return _scaled(value, _SIZES)


def energy(value: Value) -> str:
    """An energy given in pJ: 1.2 uJ."""
    return _scaled(value, _ENERGIES_PJ)


def _scaled(value: Value, units: tuple[tuple[float, str], ...]) -> str:
    if isinstance(value, int | float):
        for size, unit in units:
            if abs(value) >= size:
                return f"{value / (size or 1):.4g} {unit}"
    return plain(value)


def share(value: Value) -> str:
    """A fraction of one as a percentage, with two digits where it is below 0.1 %."""
    if isinstance(value, int | float):
        return f"{100 * value:.2g} %" if 0 < value < 0.001 else f"{100 * value:.1f} %"
    return plain(value)
