"""What ships: models, designs and devices."""

from __future__ import annotations

from archsim.choices import ModelFile, mapping_names, model_names
from archsim.inputs import design_of
from archsim.report import Column, Table


def models() -> Table:
    """The models that ship, by name and file."""
    rows = tuple((name, str(ModelFile(name).path)) for name in model_names())
    return Table("Models", (Column("name", "model", left=True), Column("file", "file", left=True)), rows)


def mappings() -> Table:
    """The designs that ship, by name, with what they are, their published precision and their file."""
    from archsim.hardware import data_folder

    designs = [(design_of(name), str(data_folder("mappings") / f"{name}.yaml")) for name in mapping_names()]
    rows = tuple(
        (design.name, design.description, design.precision.weight_bits, design.precision.input_bits, file)
        for design, file in designs
    )
    columns = (
        Column("name", "design", left=True),
        Column("description", "description", left=True),
        Column("weight_bits", "weight bits"),
        Column("input_bits", "input bits"),
        Column("file", "file", left=True),
    )
    return Table("Designs", columns, rows)


def devices() -> Table:
    """The devices that ship, by name, with what they are and their file."""
    from archsim.hardware import device_files

    rows = tuple((device.name, device.description, str(path)) for path, device in device_files())
    columns = (
        Column("name", "device", left=True),
        Column("description", "description", left=True),
        Column("file", "file", left=True),
    )
    return Table("Devices", columns, rows)
