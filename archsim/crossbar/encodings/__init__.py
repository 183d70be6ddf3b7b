"""How signed weights stand in cells that hold no sign: one file per encoding, registered below."""

from archsim.crossbar.encodings.binary import encode_binary
from archsim.crossbar.encodings.offset import encode_offset
from archsim.crossbar.encodings.offset_unflipped import encode_offset_unflipped
from archsim.crossbar.encodings.pair import encode_pair
from archsim.crossbar.encodings.pair_arrays import encode_pair_arrays
from archsim.crossbar.encodings.registry import Encoded, Encoding, encodings, find_encoding, register_encoding
from archsim.crossbar.encodings.twos_complement import encode_twos_complement

register_encoding("binary", encode_binary)
register_encoding("offset", encode_offset)
register_encoding("offset_unflipped", encode_offset_unflipped)
register_encoding("pair", encode_pair)
register_encoding("pair_arrays", encode_pair_arrays)
register_encoding("twos_complement", encode_twos_complement)

__all__ = ["Encoded", "Encoding", "encodings", "find_encoding", "register_encoding"]
