"""The arithmetic of a crossbar in integers: slices, sign encodings, bit-serial inputs, the ADC."""

from archsim.crossbar.adc import steps_for
from archsim.crossbar.devices import DEVICE_FIELDS, ERROR_MODELS, DeviceErrors
from archsim.crossbar.encodings import Encoded, Encoding, encodings, find_encoding, register_encoding
from archsim.crossbar.matrix import ProgrammedMatrix, own_steps, program
from archsim.crossbar.spec import MAX_PRECISION_BITS, CrossbarSpec

__all__ = [
    "DEVICE_FIELDS",
    "ERROR_MODELS",
    "MAX_PRECISION_BITS",
    "CrossbarSpec",
    "DeviceErrors",
    "Encoded",
    "Encoding",
    "ProgrammedMatrix",
    "encodings",
    "find_encoding",
    "own_steps",
    "program",
    "register_encoding",
    "steps_for",
]
