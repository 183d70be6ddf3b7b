"""Damaged models are read or refused with a message, within seconds; nothing else happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from google.protobuf.descriptor import FieldDescriptor
from onnx import helper, numpy_helper

from archsim import frontend
from archsim.errors import InputError
from tests.frontend.models import model, numbers, value

SECONDS = 5.0
"""What the slowest damaged model may take, in seconds of the processor."""

node = helper.make_node


def convolutions() -> onnx.ModelProto:
    nodes = [
        node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 1]),
        node("MaxPool", ["c"], ["p", "i"], kernel_shape=[2, 2]),
        node("ConvTranspose", ["p", "t"], ["u"], strides=[2, 2], output_padding=[1, 1]),
        node("Resize", ["u", "", "s"], ["r"], mode="linear"),
        node("GridSample", ["r", "g"], ["y"]),
    ]
    constants = {
        "w": numbers(2, 1, 3, 3),
        "t": numbers(2, 3, 3, 3),
        "s": np.float32([1, 1, 2, 0.5]),
        "g": numbers(1, 2, 2, 2),
    }
    return model(nodes, {"x": (1, 1, 6, 6)}, constants=constants, opset=20)


def indices() -> onnx.ModelProto:
    nodes = [
        node("Slice", ["x", "a", "b"], ["s"]),
        node("Gather", ["s", "i"], ["g"], axis=1),
        node("ScatterND", ["g", "n", "u"], ["h"]),
        node("Pad", ["h", "p"], ["d"], mode="reflect"),
        node("Shape", ["d"], ["z"]),
        node("ConstantOfShape", ["z"], ["o"]),
        node("Add", ["d", "o"], ["e"]),
        node("Reshape", ["e", "f"], ["m"]),
        node("Split", ["m"], ["k", "l"], num_outputs=2),
        node("Concat", ["l", "k"], ["t"], axis=0),
        node("Transpose", ["t"], ["v"], perm=[1, 0]),
        node("Expand", ["v", "q"], ["y"]),
    ]
    constants = {
        "a": np.array([0]),
        "b": np.array([4]),
        "i": np.array([[0, 2]]),
        "n": np.array([[1]]),
        "u": numbers(1, 1, 2),
        "p": np.array([1, 0, 1, 0, 0, 1]),
        "f": np.array([4, -1]),
        "q": np.array([2, 1, 1]),
    }
    return model(nodes, {"x": (4, 3)}, constants=constants, opset=18)


def bodies() -> onnx.ModelProto:
    then = helper.make_graph([node("Relu", ["h"], ["o"])], "then", [], [value("o", None)])
    other = helper.make_graph([], "else", [], [value("k", None)], [numpy_helper.from_array(numbers(3), "k")])
    alpha = node("LeakyRelu", ["a"], ["b"])
    reference = alpha.attribute.add()
    reference.name, reference.type, reference.ref_attr_name = "alpha", onnx.AttributeProto.FLOAT, "slope"
    own = helper.make_function("own", "Own", ["a"], ["b"], [alpha], [helper.make_opsetid("", 17)], ["slope"])
    nodes = [
        node("Own", ["x"], ["h"], domain="own", slope=0.5),
        node("If", ["c"], ["r"], then_branch=then, else_branch=other),
        node("Softmax", ["r"], ["s"]),
        node("Gemm", ["s", "w", "v"], ["y"], transB=1),
    ]
    constants = {"c": np.array(True), "w": numbers(2, 3), "v": numbers(2)}
    proto = model(nodes, {"x": ("N", 3)}, constants=constants)
    proto.functions.append(own)
    proto.opset_import.append(helper.make_opsetid("own", 1))
    return proto


def steps() -> onnx.ModelProto:
    nodes = [
        node("LSTM", ["x", "w", "r", "b"], ["h", "", "c"], hidden_size=2),
        node("Squeeze", ["c", "a"], ["s"]),
        node("QuantizeLinear", ["s", "e", "z"], ["q"]),
        node("DequantizeLinear", ["q", "e", "z"], ["y"]),
    ]
    constants = {
        "w": numbers(1, 8, 3),
        "r": numbers(1, 8, 2),
        "b": numbers(1, 16),
        "a": np.array([0]),
        "e": np.float32(0.1),
        "z": np.uint8(3),
    }
    return model(nodes, {"x": (4, 1, 3)}, constants=constants)


MODELS: tuple[Callable[[], onnx.ModelProto], ...] = (convolutions, indices, bodies, steps)


def outcome(read: Callable[[], object]) -> bool:
    """Whether `read` is a success; False if it is a refusal in time, anything else raises."""
    started = time.process_time()
    try:
        read()
    except InputError:
        return False
    finally:
        assert time.process_time() - started < SECONDS
    return True


# Fields


def fields(message: Any) -> Iterator[tuple[Any, FieldDescriptor]]:
    """Every field that is set, with the message it belongs to, in the order of the file."""
    for field, content in message.ListFields():
        yield message, field
        if field.message_type is not None:
            for inner in content if repeated(field) else [content]:
                yield from fields(inner)


def repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)


INTEGERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 13, 100, 2**16, 2**31 - 1, 2**40, 2**62, 2**63 - 1)
FLOATS = (0.0, -1.0, 0.5, 1e30, -1e-30, float("inf"), float("nan"))


def changed(field: FieldDescriptor, old: Any, draw: np.random.Generator, texts: list[str]) -> Any:
    """Another content for a field of one value."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        known = [each.number for each in field.enum_type.values]
        return known[draw.integers(len(known))]
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        return int(draw.integers(0, 30))
    if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64):
        number = INTEGERS[draw.integers(len(INTEGERS))]
        return number if field.cpp_type == FieldDescriptor.CPPTYPE_INT64 else abs(number)
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return FLOATS[draw.integers(len(FLOATS))]
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes(draw.integers(0, 256, int(draw.integers(0, 40)), dtype=np.uint8)) if draw.integers(2) else old[1:]
    return texts[draw.integers(len(texts))]


def damage(proto: onnx.ModelProto, draw: np.random.Generator, texts: list[str]) -> None:
    """Change one field somewhere: its number or text, or what it holds once more, no more, or elsewhere."""
    every = list(fields(proto))
    message, field = every[draw.integers(len(every))]
    content = getattr(message, field.name)
    if not repeated(field):
        if field.message_type is not None or not draw.integers(6):
            message.ClearField(field.name)
        else:
            setattr(message, field.name, changed(field, content, draw, texts))
        return
    place, way = int(draw.integers(len(content))), int(draw.integers(4))
    if way == 0:
        del content[place]
    elif field.message_type is not None:
        copy = type(content[place])()
        copy.CopyFrom(content[int(draw.integers(len(content)))])
        if way == 1:
            content.append(copy)
        else:
            content[place].CopyFrom(copy)
    elif way == 1:
        content.append(content[place])
    else:
        content[place] = changed(field, content[place], draw, texts)


def texts_of(proto: onnx.ModelProto) -> list[str]:
    """Names, ops and modes that a damaged model may hold in the wrong place."""
    found = {"", "x", "zz", "Relu", "Loop", "If", "Own", "own", "SAME_UPPER", "cubic", "circular"}
    for message, field in fields(proto):
        if field.type == FieldDescriptor.TYPE_STRING:
            content = getattr(message, field.name)
            found |= set(content) if repeated(field) else {content}
    return sorted(found)


def damaged_fields(build: Callable[[], onnx.ModelProto], seed: int) -> onnx.ModelProto:
    proto, draw = build(), np.random.default_rng(seed)
    texts = texts_of(proto)
    for _ in range(int(draw.integers(1, 3))):
        damage(proto, draw, texts)
    return proto


def damaged_bytes(build: Callable[[], onnx.ModelProto], seed: int) -> bytes:
    content, draw = bytearray(build().SerializeToString()), np.random.default_rng(seed)
    for _ in range(int(draw.integers(1, 4))):
        place, way = int(draw.integers(len(content))), int(draw.integers(4))
        if way == 0:
            content[place] ^= 1 << int(draw.integers(8))
        elif way == 1:
            content[place] = int(draw.integers(256))
        elif way == 2:
            del content[place : place + int(draw.integers(1, 9))]
        else:
            content[place:place] = content[place : place + int(draw.integers(1, 30))]
    return bytes(content)


def read_model(proto: onnx.ModelProto) -> object:
    return frontend.from_model(proto, source="net.onnx", base_dir=None)


@pytest.mark.parametrize("build", MODELS)
def test_models_are_read_undamaged(build: Callable[[], onnx.ModelProto]) -> None:
    assert outcome(lambda: read_model(build()))


def test_damage_is_the_same_in_every_run() -> None:
    first, second = (damaged_fields(convolutions, 7).SerializeToString() for _ in range(2))
    assert first == second
    assert first != convolutions().SerializeToString()


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize(
    "seeds", [range(40), pytest.param(range(40, 400), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_damaged_fields_are_read_or_refused(build: Callable[[], onnx.ModelProto], seeds: range) -> None:
    read = sum(outcome(lambda seed=seed: read_model(damaged_fields(build, seed))) for seed in seeds)
    assert 0 < read < len(seeds)


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize(
    "seeds", [range(40), pytest.param(range(40, 400), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_damaged_bytes_are_read_or_refused(build: Callable[[], onnx.ModelProto], seeds: range, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"

    def load(seed: int) -> object:
        path.write_bytes(damaged_bytes(build, seed))
        return frontend.load(path)

    read = sum(outcome(lambda seed=seed: load(seed)) for seed in seeds)
    assert 0 < read < len(seeds)
