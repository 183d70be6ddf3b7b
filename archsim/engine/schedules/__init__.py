"""In which order layers and images run; one file each."""

from archsim.engine.schedules import image_pipelined, layer_serial, pipelined
from archsim.engine.schedules.registry import SCHEDULES, Run, Schedule

__all__ = ["SCHEDULES", "Run", "Schedule", "image_pipelined", "layer_serial", "pipelined"]
