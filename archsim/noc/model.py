"""What every model of the network between tiles can do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Protocol, runtime_checkable

from archsim.noc.buffers import Buffers
from archsim.noc.ideal import Delivery, Router
from archsim.noc.mesh import Mesh
from archsim.noc.statistics import Link, Load, Traffic


class NetworkModel(Protocol):
    """Messages in, deliveries out, in cycles of the network's clock.

    `traffic` is what it has carried so far, and `pending` what is under way: with it, the clock and what is sent, all
    that is to come is known.
    """

    traffic: Traffic

    @property
    def mesh(self) -> Mesh | None:
        """Where the tiles stand; None if that makes no difference."""

    @property
    def busy_cycles(self) -> int:
        """For how long the unit that messages wait for was busy; 0 if they never wait."""

    @property
    def pending(self) -> Iterable[Delivery]:
        """The deliveries to come."""

    def send(self, time: int, message: int, source: int, destinations: Collection[int], size_bytes: int) -> int:
        """A message enters; answers the cycle of the earliest delivery of all that is under way."""

    def next_delivery(self) -> int | None:
        """The cycle of the earliest delivery, None if nothing is under way."""

    def advance(self, until: int) -> list[Delivery]:
        """The deliveries up to and including cycle `until`."""

    def load(self, traffic: Traffic) -> Load:
        """What messages come to that such a network has carried."""


@runtime_checkable
class ContendedModel(Protocol):
    """A network in which messages make each other wait, so that a delivery is known only when its way was free."""

    mesh: Mesh
    router: Router
    traffic: Traffic
    not_before: int

    @property
    def busy_cycles(self) -> int:
        """For how long the unit that messages wait for was busy."""

    @property
    def link_flits(self) -> Mapping[Link, int]:
        """Flits that each link between routers has carried, those that have carried none left out."""

    def send(self, time: int, message: int, source: int, destinations: Collection[int], size_bytes: int) -> int | None:
        """A message enters; answers what `next_delivery` does."""

    def run_ahead(self, limit: int) -> int | None:
        """Goes on before cycle `limit`, or until the next delivery is certain, whatever is sent from `limit` - 2 on;
        answers its cycle, or None if it is not certain by then: `not_before` is then the first in which it can be."""

    def advance(self, until: int) -> list[Delivery]:
        """The deliveries up to and including cycle `until`; messages may be sent in that cycle, and no earlier."""

    def state(self, now: int, name: Callable[[int], Hashable]) -> tuple[Hashable, ...]:
        """All that decides the future, relative to cycle `now`; `name` says what a message is apart from its
        number."""

    def load(self, traffic: Traffic) -> Load:
        """What messages come to that such a network has carried."""


Build = Callable[[Mesh, Router, Buffers, bool], NetworkModel | ContendedModel]
"""Builds the network of a chip whose tiles stand on a mesh; the last says whether it carries a message once for all
its destinations, where it can."""
