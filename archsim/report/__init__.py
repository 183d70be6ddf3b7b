"""Answers as tables, CSV, markdown and JSON, and files that appear whole."""

from archsim.report.evaluation import EvaluatedLayer, Evaluation
from archsim.report.files import check_writable, write_whole
from archsim.report.headline import failed_checks
from archsim.report.inspection import InspectedLayer, Inspection
from archsim.report.npz import to_npz
from archsim.report.placement import Estimated, Mesh, PlacedLayer, PlacementSummary
from archsim.report.replay import ReplaySummary
from archsim.report.reports import (
    Form,
    Report,
    comparison_report,
    evaluation_report,
    inspection_report,
    listing_report,
    placement_report,
    replay_report,
    simulation_report,
)
from archsim.report.tables import Column, Table

__all__ = [
    "Column",
    "Estimated",
    "EvaluatedLayer",
    "Evaluation",
    "Form",
    "InspectedLayer",
    "Inspection",
    "Mesh",
    "PlacedLayer",
    "PlacementSummary",
    "ReplaySummary",
    "Report",
    "Table",
    "check_writable",
    "comparison_report",
    "evaluation_report",
    "failed_checks",
    "inspection_report",
    "listing_report",
    "placement_report",
    "replay_report",
    "simulation_report",
    "to_npz",
    "write_whole",
]
