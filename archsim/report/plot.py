"""Curves in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsim.report.drawing import Drawing
from archsim.report.figures import plain

WIDTH, HEIGHT = 64, 18
_SEVERAL = "+"

Line = Sequence[tuple[float, float]]


def plot(title: str, x_title: str, y_title: str, curves: Mapping[str, Line], highest: float) -> Drawing:
    """Points of each curve marked by a character (the keys), up to `highest`; those above are left out, and where
    several curves meet stands a plus."""
    most = max((x for line in curves.values() for x, y in line if y <= highest), default=1.0)
    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    for mark, line in curves.items():
        for x, y in line:
            if y <= highest:
                row, column = HEIGHT - 1 - int(y / highest * (HEIGHT - 1)), int(x / most * (WIDTH - 1))
                cells[row][column] = mark if cells[row][column] in {" ", mark} else _SEVERAL
    labels = [plain(highest), *[""] * (HEIGHT - 2), "0"]
    margin = max(map(len, labels))
    lines = [f"{label:>{margin}} |{''.join(row)}" for label, row in zip(labels, cells, strict=True)]
    axis = " " * margin + " +" + "-" * WIDTH
    end = plain(most)
    scale = " " * margin + "  0" + " " * (WIDTH - 1 - len(end)) + end
    return Drawing(title, (*lines, axis, scale), (f"across: {x_title}; up: {y_title}",))
