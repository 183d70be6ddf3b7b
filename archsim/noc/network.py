"""The mesh that packets are replayed on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Network:
    """A mesh of `columns` x `rows` nodes, node = x + columns * y, and its routers: `vcs` virtual channels of
    `buffer_flits` at each input, cycles of routing and of a credit, and whether the switch is allocated in the
    cycle of the virtual channel (`speculative`). `model` is a name from `archsim.noc.replay.REPLAYS`, whose `check`
    says what is allowed."""

    columns: int
    rows: int
    model: str
    vcs: int = 1
    buffer_flits: int = 8
    routing_delay: int = 0
    credit_delay: int = 1
    speculative: bool = False
