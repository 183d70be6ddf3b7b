"""What training adds: which errors reach an input, and the matrices of the backward pass, against loops and by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archsim.graph import MatrixLayer, Sliding
from archsim.mapping import Stage
from archsim.mapping.backward import error_stages, gradient_stage, inverse
from archsim.mapping.dividing import build_stages
from archsim.mapping.needs import ListNeed, sliding
from tests.engine.networks import SMALL, Net


def slots_by_loop(access: Sliding, size: tuple[int, int], out: tuple[int, int]) -> dict[int, list[int]]:
    """For each position of a map the results that read it, tap by tap, as the ONNX operator is defined."""
    readers: dict[int, list[int]] = {slot: [] for slot in range(size[0] * size[1])}
    for (oy, ox), taps in product(np.ndindex(out), [list(np.ndindex(access.kernel))]):
        for ky, kx in taps:
            y = oy * access.strides[0] - access.pads_begin[0] + ky * access.dilations[0]
            x = ox * access.strides[1] - access.pads_begin[1] + kx * access.dilations[1]
            if 0 <= y < size[0] and 0 <= x < size[1]:
                readers[y * size[1] + x].append(oy * out[1] + ox)
    return readers


two = st.tuples(st.integers(1, 3), st.integers(1, 3))


@examples(max_examples=200, deadline=None, derandomize=True)
@given(st.tuples(st.integers(1, 6), st.integers(1, 6)), two, two, two, st.tuples(*[st.integers(0, 2)] * 4))
def test_a_position_is_read_by_the_results_whose_taps_hit_it(
    size: tuple[int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    pads: tuple[int, ...],
) -> None:
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    padded = [size[axis] + pads[axis] + pads[axis + 2] for axis in range(2)]
    if any(a < b for a, b in zip(padded, spans, strict=True)):
        return
    out = ((padded[0] - spans[0]) // strides[0] + 1, (padded[1] - spans[1]) // strides[1] + 1)
    access = Sliding(kernel, strides, dilations, pads[:2], pads[2:])
    found = inverse(sliding(access, 1, size, out))
    assert (found.windows, found.slots) == (size[0] * size[1], out[0] * out[1])
    expected = slots_by_loop(access, size, out)
    assert {slot: [w for w in row if w >= 0] for slot, row in enumerate(found.table.tolist())} == expected


def test_the_inverse_of_the_inverse_is_the_relation_itself() -> None:
    rng = np.random.default_rng(0)
    held = rng.random((7, 5)) < 0.4
    table = np.full((7, 5), -1)
    for window in range(7):
        slots = np.flatnonzero(held[window])
        table[window, : len(slots)] = slots
    again = inverse(inverse(ListNeed(table, 5)))
    assert [set(row) - {-1} for row in again.table.tolist()] == [set(row) - {-1} for row in table.tolist()]


def backward(net: Net, name: str) -> tuple[MatrixLayer, MatrixLayer | None, MatrixLayer]:
    """The layer of that name, its error and its gradient."""
    (stage,) = (stage for stage in build_stages(net.graph()).stages if stage.name == name)
    errors, gradient = error_stages(stage), gradient_stage(stage)
    assert len(errors) <= 1
    return matrix_of(stage), matrix_of(errors[0]) if errors else None, matrix_of(gradient)


def matrix_of(stage: Stage | None) -> MatrixLayer:
    assert stage is not None
    assert stage.matrix is not None
    return stage.matrix


def size_of(layer: MatrixLayer | None) -> tuple[int, int, int, int] | None:
    return layer and (layer.rows, layer.outputs, layer.groups, layer.windows)


def second(channels: int, outputs: int, **attributes: int) -> Net:
    """A convolution on the 6 x 5 map of another."""
    net = Net(3, 6, 5)
    net.conv(net.conv("image", channels), outputs, **attributes)
    return net


@pytest.mark.parametrize(
    ("attributes", "forward", "error", "gradient"),
    [
        ({"kernel": 3, "pad": 1}, (72, 10, 1, 30), (90, 8, 1, 30), (30, 72, 1, 10)),
        ({"kernel": 3}, (72, 10, 1, 12), (90, 8, 1, 30), (12, 72, 1, 10)),
        ({"kernel": 3, "stride": 2, "pad": 1}, (72, 10, 1, 9), (90, 8, 1, 30), (9, 72, 1, 10)),
        ({"kernel": 1}, (8, 10, 1, 30), (10, 8, 1, 30), (30, 8, 1, 10)),
        ({"kernel": 3, "pad": 1, "groups": 2}, (36, 10, 2, 30), (45, 8, 2, 30), (30, 72, 2, 5)),
    ],
)
def test_the_matrices_of_a_convolution(
    attributes: dict[str, int], forward: tuple[int, ...], error: tuple[int, ...], gradient: tuple[int, ...]
) -> None:
    """8 channels in, 10 out. Error: K^2 C_out / groups rows, C_in outputs, a window for each input position; gradient:
    a row for each window, K^2 C_in outputs, C_out / groups windows."""
    layer, wrong, change = backward(second(8, 10, **attributes), "conv1")
    assert size_of(layer) == forward
    assert size_of(wrong) == error
    assert size_of(change) == gradient


def test_a_depthwise_convolution_has_a_row_a_kernel_position() -> None:
    net = Net(3, 6, 5)
    net.conv(net.conv("image", 8), 8, 3, pad=1, groups=8)
    layer, wrong, change = backward(net, "conv1")
    assert size_of(layer) == (9, 8, 8, 30)
    assert size_of(wrong) == (9, 8, 8, 30)
    assert size_of(change) == (30, 72, 8, 1)


def test_the_multiply_accumulates_of_a_backward_pass_by_hand() -> None:
    """3 x 3, stride 2, 8 to 10 channels, 6 x 5 to 3 x 3 positions. Forward 9 x 8 x 10 x 9, and so many for the
    gradient. Errors: at all 30 positions 9 taps; a transposed convolution that knows the holes of its stride needs
    but one for each tap of the forward pass that is not in the padding: by rows (2 + 3 + 3) x columns (2 + 3 + 2)."""
    layer, wrong, change = backward(second(8, 10, kernel=3, stride=2, pad=1), "conv1")
    assert wrong is not None
    assert layer.macs == change.macs == 9 * 8 * 10 * 9
    assert wrong.macs == 9 * 8 * 10 * 30
    assert wrong.macs >= (2 + 3 + 3) * (2 + 3 + 2) * 8 * 10


@pytest.mark.parametrize("name", SMALL)
def test_a_gradient_takes_the_work_of_a_forward_pass_and_an_error_no_less_than_its_taps(name: str) -> None:
    for stage in build_stages(SMALL[name]().graph()).stages:
        if stage.matrix is None:
            continue
        assert matrix_of(gradient_stage(stage)).macs == stage.matrix.macs
        errors = error_stages(stage)
        behind = [item for item in stage.inputs if item.source >= 0]
        assert len(errors) == len(behind)
        for item, error in zip(behind, errors, strict=True):
            taps = int((item.need.table >= 0).sum())
            assert matrix_of(error).macs >= taps * item.channels * stage.matrix.outputs // stage.matrix.groups
            assert error.windows == item.need.slots


def test_a_classifier_over_a_map_has_an_error_a_position() -> None:
    """12 outputs over 6 x 5 positions of 8 channels: 30 matrices of 12 rows, each read with its own position."""
    net = Net(3, 6, 5)
    net.fc(net.conv("image", 8), 12)
    layer, wrong, change = backward(net, "gemm2")
    assert size_of(layer) == (240, 12, 1, 1)
    assert size_of(wrong) == (30 * 12, 8, 1, 30)
    assert size_of(change) == (1, 240, 1, 12)


def test_the_error_of_the_image_is_not_needed() -> None:
    _, wrong, change = backward(second(8, 10), "conv0")
    assert wrong is None
    assert size_of(change) == (30, 3, 1, 8)


def test_each_of_several_maps_side_by_side_has_an_error_of_its_own() -> None:
    """A 3 x 3 convolution over 4 channels of one and 6 of another; the third map is the image."""
    net = Net(3, 6, 5)
    net.conv(net.concat(net.conv("image", 4), net.conv("image", 6), "image"), 10, 3, pad=1)
    stage = build_stages(net.graph()).stages[-1]
    errors = error_stages(stage)
    assert [size_of(matrix_of(error)) for error in errors] == [(90, 4, 1, 30), (90, 6, 1, 30)]
    assert [error.name for error in errors] == ["conv3 error 0", "conv3 error 1"]


def test_a_vector_layer_has_no_matrix_of_a_backward_pass() -> None:
    net = Net(3, 6, 5)
    net.pool("image", 2, 2)
    net.conv("maxpool0", 4)
    (pool, _) = build_stages(net.graph()).stages
    assert (error_stages(pool), gradient_stage(pool)) == ((), None)
