"""The numbers of a network: in floating point as the model says, and quantised through crossbars."""

from archsim.values.arrays import DATA_NAMES, load_arrays, network_inputs
from archsim.values.calibration import Calibration, calibrate
from archsim.values.design import crossbar_spec, device_errors
from archsim.values.evaluation import EvaluationResult, evaluate
from archsim.values.floating import run_float
from archsim.values.quantised import MatrixCheck, ValueResult, run_crossbars, run_quantised

__all__ = [
    "DATA_NAMES",
    "Calibration",
    "EvaluationResult",
    "MatrixCheck",
    "ValueResult",
    "calibrate",
    "crossbar_spec",
    "device_errors",
    "evaluate",
    "load_arrays",
    "network_inputs",
    "run_crossbars",
    "run_float",
    "run_quantised",
]
