"""The arithmetic of a crossbar in integers: slices, sign encodings, bit-serial inputs, the ADC."""

from archsim.crossbar.encodings import Encoded, Encoding, encodings, find_encoding, register_encoding
from archsim.crossbar.matrix import ProgrammedMatrix, program
from archsim.crossbar.spec import CrossbarSpec

__all__ = [
    "CrossbarSpec",
    "Encoded",
    "Encoding",
    "ProgrammedMatrix",
    "encodings",
    "find_encoding",
    "program",
    "register_encoding",
]
