"""Schemas of the `com.microsoft` ops that onnxruntime's quantiser writes; ONNX has none of them.

Names, operands and attributes are those of onnxruntime's documentation of its contributed operators
(docs/ContribOperators.md), version 1 of each.
"""

from __future__ import annotations

from functools import cache

from onnx import defs, helper

MICROSOFT = "com.microsoft"

_TYPES = [
    f"tensor({name})" for name in ("float", "float16", "uint8", "int8", "uint16", "int16", "int32", "uint4", "int4")
]
"""Element types of any operand; the lowerings say more exactly which they take."""

_QUANTISED = "X X_scale X_zero_point? Y_scale Y_zero_point?"
_TWO_QUANTISED = "A A_scale A_zero_point? B B_scale B_zero_point? C_scale C_zero_point?"

# Operands, of which those with ? may be left out and one with * may come any number of times.
_INPUTS = {
    "QuantizeLinear": "x y_scale y_zero_point?",
    "DequantizeLinear": "x x_scale x_zero_point?",
    "QGemm": "A a_scale a_zero_point B b_scale b_zero_point C? y_scale? y_zero_point?",
    "QLinearAdd": _TWO_QUANTISED,
    "QLinearMul": _TWO_QUANTISED,
    "QLinearLeakyRelu": _QUANTISED,
    "QLinearSigmoid": _QUANTISED,
    "QLinearSoftmax": _QUANTISED,
    "QLinearAveragePool": _QUANTISED,
    "QLinearGlobalAveragePool": _QUANTISED,
    "QLinearConcat": "Y_scale Y_zero_point inputs*",
    "DynamicQuantizeMatMul": "A B b_scale b_zero_point? bias?",
    "DynamicQuantizeLSTM": "X W R B? sequence_lens? initial_h? initial_c? P? W_scale W_zero_point R_scale R_zero_point",
    "MatMulIntegerToFloat": "A B a_scale b_scale a_zero_point? b_zero_point? bias?",
}

_REQUIRED = {
    "QLinearConcat": {"axis": "INT"},
    "QLinearSoftmax": {"opset": "INT"},
    "QLinearAveragePool": {"kernel_shape": "INTS"},
}
"""Attributes without a default, which must be given, by name and type."""

_OPTIONAL = {
    "QuantizeLinear": {"axis": "INT"},
    "DequantizeLinear": {"axis": "INT"},
    "QLinearAveragePool": {"pads": "INTS", "strides": "INTS"},
    "DynamicQuantizeLSTM": {
        "activation_alpha": "FLOATS",
        "activation_beta": "FLOATS",
        "activations": "STRINGS",
        "clip": "FLOAT",
        "hidden_size": "INT",
    },
}
"""Attributes without a default, which may be given."""

_POOL: dict[str, int | float | str] = {"auto_pad": "NOTSET", "ceil_mode": 0, "count_include_pad": 0, "channels_last": 0}
_DEFAULTS: dict[str, dict[str, int | float | str]] = {
    "QGemm": {"alpha": 1.0, "transA": 0, "transB": 0},
    "QLinearLeakyRelu": {"alpha": 0.01},
    "QLinearSoftmax": {"axis": -1},
    "QLinearAveragePool": _POOL,
    "QLinearGlobalAveragePool": {"channels_last": 0},
    "DynamicQuantizeLSTM": {"direction": "forward", "input_forget": 0},
}
# Results other than one that must be there, and whether each may be left out.
_OUTPUTS = {"DynamicQuantizeLSTM": (("Y", True), ("Y_h", True), ("Y_c", True))}


@cache
def schemas() -> dict[str, defs.OpSchema]:
    """The schemas by op, without the domain."""
    return {op: _schema(op, inputs.split()) for op, inputs in _INPUTS.items()}


def _schema(op: str, inputs: list[str]) -> defs.OpSchema:
    option = defs.OpSchema.FormalParameterOption
    marks = {"?": option.Optional, "*": option.Variadic}
    # An operand in front of one that must be there is left out by an empty name.
    needed = max(index for index, name in enumerate(inputs) if name[-1] != "?")
    parameters = [
        defs.OpSchema.FormalParameter(
            name.rstrip("?*"),
            f"T{index}",
            param_option=marks.get(name[-1], option.Single) if index >= needed else option.Single,
            is_homogeneous=False,
        )
        for index, name in enumerate(inputs)
    ]
    kinds = defs.OpSchema.AttrType
    attributes = [
        defs.OpSchema.Attribute(name, getattr(kinds, kind), "", required=required)
        for table, required in ((_REQUIRED, True), (_OPTIONAL, False))
        for name, kind in table.get(op, {}).items()
    ]
    attributes += [
        defs.OpSchema.Attribute(name, helper.make_attribute(name, value))
        for name, value in _DEFAULTS.get(op, {}).items()
    ]
    return defs.OpSchema(
        op,
        MICROSOFT,
        1,
        inputs=parameters,
        outputs=[
            defs.OpSchema.FormalParameter(name, "T0", param_option=option.Optional if optional else option.Single)
            for name, optional in _OUTPUTS.get(op, (("Y", False),))
        ],
        type_constraints=[(f"T{index}", _TYPES, "") for index in range(len(inputs))],
        attributes=attributes,
    )
