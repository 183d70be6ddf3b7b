"""How a network stands on a chip for each schedule; one file each."""

from archsim.mapping.plans.image_pipelined import place_lockstep
from archsim.mapping.plans.layer_serial import place_serial
from archsim.mapping.plans.registry import PLANS, Plan
from archsim.mapping.plans.resident import place_resident

__all__ = ["PLANS", "Plan", "place_lockstep", "place_resident", "place_serial"]
