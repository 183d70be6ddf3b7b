"""What routers keep packets in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Buffers:
    """Of each input of a router: virtual channels, flits that each holds, cycles of a credit."""

    vcs: int = 1
    flits: int = 8
    credit_delay: int = 1
