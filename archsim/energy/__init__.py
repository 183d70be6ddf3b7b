"""Energy, power and area: exact counts of what a run did times constants with a source."""

from archsim.energy.account import check, with_energy
from archsim.energy.chips import ChipFigures, chip_figures

__all__ = ["ChipFigures", "check", "chip_figures", "with_energy"]
