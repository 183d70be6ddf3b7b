"""The numbers of a network: in floating point as the model says, and quantised through crossbars."""

from archsim.values.arrays import DATA_NAMES, load_arrays, network_inputs
from archsim.values.calibration import Calibration, calibrate
from archsim.values.design import crossbar_spec, design_notes, device_errors
from archsim.values.evaluation import (
    EvaluationResult,
    Reference,
    calibrated,
    evaluate,
    evaluate_crossbars,
    float_reference,
    passes,
    samples_of,
)
from archsim.values.floating import run_float
from archsim.values.full_scale import without_converters
from archsim.values.layer_errors import LayerErrors
from archsim.values.quantised import MatrixCheck, ValueResult, run_crossbars, run_quantised

__all__ = [
    "DATA_NAMES",
    "Calibration",
    "EvaluationResult",
    "LayerErrors",
    "MatrixCheck",
    "Reference",
    "ValueResult",
    "calibrate",
    "calibrated",
    "crossbar_spec",
    "design_notes",
    "device_errors",
    "evaluate",
    "evaluate_crossbars",
    "float_reference",
    "load_arrays",
    "network_inputs",
    "passes",
    "run_crossbars",
    "run_float",
    "run_quantised",
    "samples_of",
    "without_converters",
]
