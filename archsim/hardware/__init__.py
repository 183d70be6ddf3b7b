"""The chip: what it is made of, as published in `mappings/*.yaml` or written by the user."""

from archsim.hardware.data import data_folder
from archsim.hardware.design import Design
from archsim.hardware.device import Device, device_files
from archsim.hardware.energy import Component, Energy
from archsim.hardware.loading import design_names, device_file, load_design
from archsim.hardware.parts import Bus, Memory, Noc

__all__ = [
    "Bus",
    "Component",
    "Design",
    "Device",
    "Energy",
    "Memory",
    "Noc",
    "data_folder",
    "design_names",
    "device_file",
    "device_files",
    "load_design",
]
