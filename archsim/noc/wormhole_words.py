"""The words of the wormhole mesh: channels with their owners and their buffers."""

from __future__ import annotations

from archsim.noc.words import OWN

# Places of the work lists of one call: channels to settle, outputs that are asked for or left.
SETTLE, WANTED = OWN, OWN + 1

# Of a channel, a link and the buffer it ends in: the items of the calendar for its first packet that asks, and for its
# owner that leaves.
ASKS, LEAVES = range(2)
# The packet that owns it: cycle of its last departure, flits still to send and sent, the place in the feeder's ring
# of the next, the buffer it comes from (0 if none).
LAST, LEFT, SENT, READ, FEEDER = range(2, 7)
# The buffer: flits known from the start of its first packet on, slots that are not taken, places in the ring of the
# next flit in and of the first one there; cycles of a credit.
HELD, ROOM, IN_AT, OUT_AT, BACK = range(7, 12)
# Its first packet: whether it has asked, since when it is the first, its outputs not yet left, the output that it
# owns (0 if none, `MANY` if it forks), and its branches.
ASKED, FRONT_FROM, OPEN, DRAIN, BRANCHES = range(12, 17)
# Packets in the buffer: place of the first and how many. Of a source's channel: the packet at the front, the last
# one, and the one that enters with the flits it has left.
FIRST, QUEUED = 17, 18
FRONT, LATEST, ENTERING, TO_ENTER = range(17, 21)
# The router it ends at and the input there (of a sink: -1, and its tile); the place of the list of inputs of the
# router it leaves; the next of them in turn; flits carried; whether it is in the lists of a call.
ROUTER, PORT, INPUTS, TURN, CARRIED, IS_WANTED, IS_SETTLING = range(21, 28)
# The requests by input, then three words for each flit of the buffer (when it can be read, when its slot is free,
# how many branches have it), then two for each packet in it.
REQUESTS = 28

MANY = -1


def words_of_channel(buffer_flits: int, ports: int) -> int:
    """The stride of channels."""
    return REQUESTS + ports + 3 * buffer_flits + 2 * (buffer_flits + 1)
