"""Answers as tables, CSV, markdown and JSON, and files that appear whole."""

from archsim.report.files import check_writable, write_whole
from archsim.report.inspection import InspectedLayer, Inspection
from archsim.report.mapping import Estimated, PlacedLayer, PlacementSummary
from archsim.report.reports import (
    Form,
    Report,
    comparison_report,
    inspection_report,
    listing_report,
    placement_report,
    simulation_report,
)
from archsim.report.tables import Column, Table

__all__ = [
    "Column",
    "Estimated",
    "Form",
    "InspectedLayer",
    "Inspection",
    "PlacedLayer",
    "PlacementSummary",
    "Report",
    "Table",
    "check_writable",
    "comparison_report",
    "inspection_report",
    "listing_report",
    "placement_report",
    "simulation_report",
    "write_whole",
]
