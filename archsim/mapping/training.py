"""What a run that trains does, as numbers of a schedule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Training:
    """Images are taken in batches of `batch`; weights change after each."""

    batch: int
