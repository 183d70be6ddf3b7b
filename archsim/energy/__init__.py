"""Energy, power and area: exact counts of what a run did times constants with a source."""

from archsim.energy.account import check, with_energy
from archsim.energy.chips import ChipFigures, area_and_power, chip_figures

__all__ = ["ChipFigures", "area_and_power", "check", "chip_figures", "with_energy"]
