"""A mesh and how busy its links are, as characters."""

from __future__ import annotations

from collections.abc import Iterable

from archsim.report.drawing import Drawing
from archsim.report.figures import share
from archsim.result import LinkUse

_ROUTER, _UNUSED = "o", "."
_LEVELS = "0123456789"
_STYLES = {
    **dict.fromkeys("0123", "blue"),
    **dict.fromkeys("456", "yellow"),
    **dict.fromkeys("78", "red"),
    "9": "bold red",
}

# What a terminal takes: two characters for a router and its link.
WIDEST, TALLEST = 80, 64


def heatmap(columns: int, rows: int, links: Iterable[LinkUse], of: str = "") -> Drawing | None:
    """Every link as a digit, in tenths of the busiest one, of the busier of its two directions; None for a mesh that is
    too large to draw."""
    if columns > WIDEST or rows > TALLEST:
        return None
    used: dict[tuple[int, int], float] = {}
    for link in links:
        ends = (min(link.source, link.destination), max(link.source, link.destination))
        used[ends] = max(used.get(ends, 0.0), link.utilisation)
    most = max(used.values(), default=0.0)

    def sign(source: int, destination: int) -> str:
        use = used.get((source, destination), 0.0)
        return _LEVELS[min(int(10 * use / most), 9)] if use else _UNUSED

    lines = []
    for first in range(0, columns * rows, columns):
        routers = range(first, first + columns)
        lines.append(_ROUTER + "".join(sign(router - 1, router) + _ROUTER for router in routers[1:]))
        if first + columns < columns * rows:
            lines.append(" ".join(sign(router, router + columns) for router in routers))
    remark = f"a digit is tenths of the busiest link ({share(most)} of the time), {_UNUSED} a link without flits"
    return Drawing(f"{of}Links between routers, the busier direction of each", tuple(lines), (remark,), _STYLES)
