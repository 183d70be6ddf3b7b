"""How often sums of cells that vary are misread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from archsim.choices import Problems
from archsim.errors import InputError, Problem
from archsim.report import SizedRead, SummedRead, VarianceSummary

if TYPE_CHECKING:
    from archsim.crossbar.variance import ReadSum

# Those of Figure 12 of Crafton et al., "In-memory computing", IEEE Design & Test 2021: what converters of 3 and of 4
# bits can tell.
SIGMAS = (0.05, 0.1, 0.2)
ON_CELLS = (7, 15)

# As many as have a letter in the plot.
MOST_READS = 52
MOST_DRAWN = 2_000_000_000
"""Cells that may be drawn in all."""

# Errors to each side of 0 at which the distribution is given, and how many deviations the last of them is.
_POINTS = 64
_DEVIATIONS = 3.5

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variance:
    """What is asked: `reads`; how many of each to draw and the seed; the probability of an error that a read of how
    many cells that are on may have, None if that is not asked for."""

    reads: tuple[ReadSum, ...]
    samples: int
    seed: int
    limit: float | None


def variance_settings(
    sigmas: Iterable[float] = SIGMAS,
    on_cells: Iterable[int] = ON_CELLS,
    *,
    off_cells: int = 0,
    on_off_ratio: float | None = None,
    samples: int = 0,
    seed: int = 0,
    limit: float | None = None,
) -> Variance:
    """A read for each sigma and each number of cells that are on; see `archsim.crossbar.variance.ReadSum`. Raises
    `InputError` with every setting that is wrong."""
    from archsim.crossbar.variance import ReadSum, check_limit

    reads: list[ReadSum] = []
    cells, problems = tuple(dict.fromkeys(on_cells)), Problems()
    for sigma in dict.fromkeys(sigmas):
        for count in cells:
            with problems.gathered():
                reads.append(ReadSum(sigma=sigma, on_cells=count, off_cells=off_cells, on_off_ratio=on_off_ratio))
    with problems.gathered():
        check_limit(limit)
    with problems.gathered():
        _check_draws(reads, samples, seed)
    problems.raise_any()
    return Variance(reads=tuple(reads), samples=samples, seed=seed, limit=limit)


def _check_draws(reads: Sequence[ReadSum], samples: int, seed: int) -> None:
    problems = []
    if len(reads) > MOST_READS:
        problems.append(Problem("--sigma, --on-cells", "", f"{len(reads):,} reads", f"up to {MOST_READS} reads in all"))
    most = MOST_DRAWN // max(1, sum(read.cells for read in reads))
    if not 0 <= samples <= most:
        problems.append(Problem("--samples", "", str(samples), f"0 to {most:,} with these cells"))
    if not 0 <= seed < 2**63:
        problems.append(Problem("--seed", "", str(seed), f"0 to {2**63 - 1:,}"))
    if problems:
        raise InputError(*problems)


def variance_summary(asked: Variance, *, progress: Progress | None = None) -> VarianceSummary:
    """The distributions; `progress` hears how many reads were drawn, of how many."""
    widest = max(read.mean_error + _DEVIATIONS * read.deviation for read in asked.reads)
    # Whole halves, so that the errors beyond which a read is misread are among the points.
    end = max(1.0, (2 * widest + 1) // 1 / 2)
    errors = tuple(end * index / _POINTS for index in range(-_POINTS, _POINTS + 1))
    first = asked.reads[0]
    return VarianceSummary(
        off_cells=first.off_cells,
        on_off_ratio=first.on_off_ratio,
        samples=asked.samples,
        seed=asked.seed,
        limit=asked.limit,
        errors=errors,
        reads=tuple(_summed(asked, index, errors, progress) for index in range(len(asked.reads))),
        sized=None if asked.limit is None else _sized(asked, asked.limit),
    )


def _summed(asked: Variance, index: int, errors: tuple[float, ...], progress: Progress | None) -> SummedRead:
    from archsim.crossbar.variance import drawn_errors

    read, samples, drawn = asked.reads[index], asked.samples, None

    def told(done: int) -> None:
        if progress is not None:
            progress(index * samples + done, len(asked.reads) * samples)

    if samples:
        drawn = drawn_errors(read, samples, (asked.seed, index), told)
    return SummedRead(
        sigma=read.sigma,
        on_cells=read.on_cells,
        mean_error=read.mean_error,
        deviation=read.deviation,
        correct=read.correct,
        misread=read.misread(),
        misread_by_2=read.misread(2),
        drawn_misread=None if drawn is None else drawn[0] / samples,
        drawn_misread_by_2=None if drawn is None else drawn[1] / samples,
        standard_error=None if drawn is None else (read.misread() * read.correct / samples) ** 0.5,
        cumulative=tuple(map(read.cumulative, errors)),
    )


def _sized(asked: Variance, limit: float) -> tuple[SizedRead, ...]:
    from archsim.crossbar.variance import MOST_CELLS, most_on_cells

    first, found = asked.reads[0], []
    for sigma in dict.fromkeys(read.sigma for read in asked.reads):
        cells = most_on_cells(sigma, limit, first.off_cells, first.on_off_ratio)
        misread = replace(first, sigma=sigma, on_cells=cells).misread() if cells else None
        found.append(SizedRead(sigma, cells, cells == MOST_CELLS, misread, cells.bit_length() or None))
    return tuple(found)
