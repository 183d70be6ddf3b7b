"""Answers as tables, CSV, markdown and JSON, and files that appear whole."""

from archsim.report.evaluated import shown
from archsim.report.evaluation import EvaluatedLayer, EvaluatedPoint, EvaluatedRun, Evaluation
from archsim.report.files import check_writable, write_whole
from archsim.report.headline import failed_checks
from archsim.report.heatmap import heatmap
from archsim.report.inspection import InspectedLayer, Inspection
from archsim.report.network import noc_png
from archsim.report.npz import to_npz
from archsim.report.pictures import check_pictures, evaluation_png, heatmap_png, sweep_png, variance_png
from archsim.report.placement import Estimated, Mesh, PlacedLayer, PlacementSummary
from archsim.report.replay import Bin, ReplaySummary
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
    sweep_report,
    table2_report,
    variance_report,
)
from archsim.report.sweep import SweepSummary, SweptCurve, SweptPoint
from archsim.report.table2 import ScaledBy, SourceFigure, Table2Design, Table2Figure, Table2Summary
from archsim.report.tables import Column, Table
from archsim.report.variance import SizedRead, SummedRead, VarianceSummary

__all__ = [
    "Bin",
    "Column",
    "Estimated",
    "EvaluatedLayer",
    "EvaluatedPoint",
    "EvaluatedRun",
    "Evaluation",
    "Form",
    "InspectedLayer",
    "Inspection",
    "Mesh",
    "PlacedLayer",
    "PlacementSummary",
    "ReplaySummary",
    "Report",
    "ScaledBy",
    "SizedRead",
    "SourceFigure",
    "SummedRead",
    "SweepSummary",
    "SweptCurve",
    "SweptPoint",
    "Table",
    "Table2Design",
    "Table2Figure",
    "Table2Summary",
    "VarianceSummary",
    "check_pictures",
    "check_writable",
    "comparison_report",
    "evaluation_png",
    "evaluation_report",
    "failed_checks",
    "heatmap",
    "heatmap_png",
    "inspection_report",
    "listing_report",
    "noc_png",
    "placement_report",
    "replay_report",
    "shown",
    "simulation_report",
    "sweep_png",
    "sweep_report",
    "table2_report",
    "to_npz",
    "variance_png",
    "variance_report",
    "write_whole",
]
