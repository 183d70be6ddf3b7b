"""The constants of a router: the cycles of what is not a stage of it.

In cycles, of BookSim 2's router (commit 28f43299): a flit from its source to the first router; from the switch to
the next router or the sink, with one cycle each for the switch, the traversal and the link; from the switch to the
credit upstream, without the credit delay; the same to a source.
"""

from __future__ import annotations

INJECTION_CYCLES = 2
HOP_CYCLES = 3
CREDIT_CYCLES = 2
