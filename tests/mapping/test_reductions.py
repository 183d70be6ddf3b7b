"""What a reduction waits for, position by position, and how little of it is held."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from archsim.engine import simulate
from archsim.frontend import from_model
from archsim.hardware import load_design
from archsim.mapping import Placement, estimate, place
from archsim.mapping.dividing import build_stages
from tests.recurrent import model_of


def reduction(shape: tuple[int, ...], axes: list[int], keepdims: int) -> onnx.ModelProto:
    node = helper.make_node("ReduceMax", ["x"], ["y"], "reduce", axes=axes, keepdims=keepdims)
    return model_of([node], {"x": shape}, ("y",), {})


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.integers(2, 3), min_size=2, max_size=4).map(tuple), st.data())
def test_each_position_needs_those_of_its_operand_that_it_is_made_of(
    shape: tuple[int, ...], data: st.DataObject
) -> None:
    rank = len(shape)
    axes = data.draw(st.lists(st.integers(0, rank - 1), min_size=1, max_size=rank - 1, unique=True))
    keep = data.draw(st.booleans())
    stages = build_stages(from_model(reduction(shape, axes, keep), source="net.onnx", base_dir=None))
    (stage,), (source,) = stages.stages, stages.inputs
    kept = [axis for axis in range(rank) if keep or axis not in axes]
    of_position = [size for axis, size in enumerate(shape) if axis != source.channel_axis]
    numbers = np.expand_dims(np.arange(np.prod(of_position)).reshape(of_position), source.channel_axis)
    numbers = np.broadcast_to(numbers, shape)
    result = [1 if axis in axes else shape[axis] for axis in kept]
    (item,) = stage.inputs
    found = [{slot for slot in row if slot >= 0} for row in item.need.table.tolist()]
    last = 1 if len(kept) > 2 else -1
    channel = source.channel_axis if source.channel_axis in kept else kept[last]
    expected = []
    for at_place in itertools.product(
        *(range(size) for axis, size in zip(kept, result, strict=True) if axis != channel)
    ):
        fixed = dict(zip((axis for axis in kept if axis != channel), at_place, strict=True))
        at = tuple(slice(None) if axis in axes or axis == channel else fixed[axis] for axis in range(rank))
        expected.append(set(numbers[at].reshape(-1).tolist()))
    assert found == expected
    apart = sum(map(len, found)) == len(set().union(*found))
    assert item.pooled == (source.channel_axis not in axes or (result[kept.index(channel)] == 1 and apart))


def behind_a_convolution(axes: list[int], size: int = 8) -> onnx.ModelProto:
    weights = {"w": np.ones((16, 3, 1, 1), np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
        helper.make_node("ReduceMean", ["c"], ["y"], "reduce", axes=axes, keepdims=0),
    ]
    return model_of(nodes, {"x": (1, 3, size, size)}, ("y",), weights)


def placed(proto: onnx.ModelProto, *chosen: str) -> Placement:
    return place(from_model(proto, source="net.onnx", base_dir=None), load_design("isaac", list(chosen)))


@pytest.mark.parametrize(("axes", "windows", "first"), [([2, 3], 1, 64), ([3], 8, 8), ([2], 8, 57)])
def test_a_reduction_is_there_with_the_last_value_that_it_is_made_of(axes: list[int], windows: int, first: int) -> None:
    """One copy has 64 windows of 16 cycles; a row is there after 8 of them, a column after 57."""
    placement = placed(behind_a_convolution(axes), "copies.policy=none")
    plan = placement.plans[1]
    assert (plan.stage.windows, plan.stage.channels) == (windows, 16)
    found = estimate(placement)
    assert found.starts[1] == (first - 1) * 16 + 22
    assert simulate(placement, ideal=True).latency_cycles == found.latency_cycles == 63 * 16 + 22
    assert simulate(placement, images=2).ok


def test_a_reduction_holds_one_value_for_each_of_its_results() -> None:
    """A map of 64 x 64 positions of 16 channels is no more than 16 sums of 16 bits."""
    placement = placed(behind_a_convolution([2, 3], 64), "tile.buffer_bytes=4096")
    assert [port.minimum for port in placement.ports if port.key[0] == 1] == [1]
    assert simulate(placement).ok
