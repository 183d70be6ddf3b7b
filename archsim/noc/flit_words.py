"""The words of a mesh with virtual channels: channels, lanes with their buffers, branches of packets."""

from __future__ import annotations

from archsim.noc.words import OWN

# Where the lanes begin and the words of each; the outputs of one cycle that are asked for a virtual channel, and for
# the switch.
LANES, LANE_WORDS, ASKED, SWITCHED = range(OWN, OWN + 4)

# Word 0 of a channel and of a branch is its item of the calendar.
# Of a channel: the router and input it ends at (-1 and the tile for a sink), its port at the router it leaves, the
# turns after these two, its first lane, flits carried.
ROUTER, PORT, OUTPUT, AFTER_PORT, AFTER_OUTPUT, LANE, CARRIED = range(1, 8)
# As an output: the first branch that asks for a virtual channel; whether it is among those asked now, or comes again
# in the next cycle; requests for the switch, and the input next in turn; the branch it offers itself to.
ASKING, IS_ASKED, COMES_AGAIN, REQUESTED, TURN, OFFERED = range(8, 14)
# As an input: the output and the virtual channel next in turn; of the offers of a cycle the best, how far it is from
# the turn, and the cycle.
TAKES, RAISES, BEST, DISTANCE, OFFERS_OF = range(14, 19)
# As a source: the packet that enters (0 if none) and the last one, the flits it has left, its lane, the virtual
# channel of the last packet, the cycle of the last flit.
ENTERING, LATEST, TO_ENTER, INTO, LAST_VC, LAST = range(19, 25)
# The requests for the switch by input.
REQUESTS = 25

# Of a lane, a virtual channel of a link with its buffer: its channel, its number and the turn after that, whether a
# packet owns it, slots that are not taken, places of the next flit in and of the first one there, flits there and on
# the link from the start of the first packet on; the branch or source that waits for a slot; the cycles of a credit.
CHANNEL, VC, AFTER_VC, OWNED, ROOM, IN_AT, OUT_AT, HELD, BLOCKED, BACK = range(10)
# The input next in turn to own it and the branch it offers itself to; the virtual channel next in turn for its first
# packet; packets there, place of the first; its branches, those not yet left and those that wait for a flit.
OFFERS, OFFER, ACCEPTS, QUEUED, FIRST, BRANCHES, OPEN, WAIT = range(10, 18)
# Three words for each flit of the buffer (when it can be read, when its slot is free, how many branches have it),
# two for each packet, then the branches.
RINGS = 18

# Of a branch: its lane and the channel of that, the output it goes to and the place there of the requests of its
# input, the lane it owns there (0 if none), its flits, those sent, the place of the next one, the way beyond, the next
# branch that asks for the same output, whether it waits for a flit.
HOME, INPUT, OUT, PLACE, OWNS, LENGTH, SENT, READ, BEYOND, ASKS_NEXT, WAITING = range(1, 12)
BRANCH_WORDS = 12


def words_of_lane(buffer_flits: int, ports: int) -> int:
    """The words that a lane takes."""
    return RINGS + 3 * buffer_flits + 2 * (buffer_flits + 1) + BRANCH_WORDS * ports
