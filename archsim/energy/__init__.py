"""Energy, power and area: exact counts of what a run did times constants with a source."""

from archsim.energy.chips import ChipFigures, chip_figures

__all__ = ["ChipFigures", "chip_figures"]
