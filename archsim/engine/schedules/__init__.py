"""In which order layers and images run; one file each."""

from archsim.engine.schedules.pipelined import pipelined
from archsim.engine.schedules.registry import SCHEDULES, Schedule

__all__ = ["SCHEDULES", "Schedule", "pipelined"]
