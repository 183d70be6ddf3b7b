"""A network quantised after training, its matrix layers computed by crossbars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import numpy.typing as npt

from archsim.crossbar import CrossbarSpec, DeviceErrors, ProgrammedMatrix, steps_for
from archsim.errors import input_error
from archsim.graph import Graph, Grid, MatrixLayer
from archsim.graph.tensors import Array
from archsim.values.calibration import Calibration, RangeRule
from archsim.values.execution import check_runnable, execute
from archsim.values.floating import KEPT_ELEMENTS, FloatRule, add_bias
from archsim.values.scales import scales_for, to_integers
from archsim.values.weights import INTEGERS, Programmed, Writing, too_few_bits, write_layer
from archsim.values.windows import apply

# Windows of each lossless layer for which every conversion is computed and compared, the first ones of a run.
CHECKED_WINDOWS = 16


IDEAL_DEVICES = DeviceErrors()


@dataclass(frozen=True, slots=True)
class MatrixCheck:
    """Whether the ADC can lose nothing on a layer, and whether what was read equals the integer product.

    On a lossless layer `exact` compares all conversions of the first windows, else every output. `pulses` is how many
    it took to write the cells of one copy, None where writing is not verified.
    """

    layer: str
    lossless: bool
    exact: bool
    pulses: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ValueResult:
    """Outputs by name, how far they are from floating point over all elements, a check of each matrix layer."""

    outputs: Mapping[str, Array]
    max_abs_error: float
    mean_abs_error: float
    layers: tuple[MatrixCheck, ...]


class CrossbarRule:
    """Matrix layers through crossbars.

    Weights are scaled for each output so that the largest magnitude is 2^(weight_bits-1)-1, or are signs times the mean
    of the magnitudes in binary networks (`signs_and_scales`); inputs for each tensor so that the calibrated range fits,
    unsigned where its minimum is not negative, else signed and symmetric. The integer sums are scaled back and the bias
    added in float64.

    Weights and inputs that a network brings as integers and scales are taken as they are, where the crossbar has the
    bits for them; the zero point of inputs goes with the bias. A network that computes in integers has no others: if
    the bits are too few, `InputError` says how many it takes.

    The cells are off by `devices`, as `seed` draws it: each matrix in its own way, the same in every batch.
    """

    def __init__(
        self,
        graph: Graph,
        calibration: Calibration,
        spec: CrossbarSpec,
        devices: DeviceErrors = IDEAL_DEVICES,
        seed: int = 0,
    ) -> None:
        if spec.weight_bits < 2 and not spec.binary:
            expected = "2 or more, a sign and a size, or 1 with array.sign binary"
            raise input_error("precision.weight_bits", value=spec.weight_bits, expected=expected)
        self._graph, self._calibration, self._spec = graph, calibration, spec
        self._devices, self._seed = devices, seed
        self._written: dict[tuple[str, bool], Writing] = {}
        self._kept: dict[tuple[str, bool], Programmed] = {}
        self._room = KEPT_ELEMENTS
        self._checks: dict[str, MatrixCheck] = {}

    @property
    def checks(self) -> tuple[MatrixCheck, ...]:
        """A check of each layer computed so far, in graph order."""
        return tuple(self._checks.values())

    def __call__(self, layer: MatrixLayer, data: Array, shape: tuple[int, ...]) -> Array:
        """The layer's result, (batches, *shape), for (batches, *shape of the tensor read)."""
        programmed, integers, grid = self.prepared(layer, data)
        zero = grid.zero_point
        sums = apply(layer, integers, shape, lambda windows: self._read(layer, programmed, windows), zero)
        per_output = (-1, *(1,) * (len(shape) - 1 - layer.channel_axis))
        sums = sums - (zero * programmed.column_sums).reshape(per_output)
        return add_bias(layer, sums * (programmed.scales * grid.scale).reshape(per_output))

    def prepared(self, layer: MatrixLayer, data: Array) -> tuple[Programmed, Array, Grid]:
        """The layer's crossbars, and `data` as the integers that go into them, with what these stand for."""
        spec, grid = self._inputs_of(layer)
        integers = data if data.dtype.kind in "iu" else _on_grid(data, grid)
        return self._programmed(layer, spec), integers, grid

    def _inputs_of(self, layer: MatrixLayer) -> tuple[CrossbarSpec, Grid]:
        """The crossbar with the sign of the layer's inputs, and their integers."""
        known = layer.grid
        if known is not None:
            spec = replace(self._spec, signed_inputs=known.low < 0)
            least, most = spec.input_range
            if least <= known.low and known.high <= most:
                return spec, known
            if layer.weights.dtype in INTEGERS:
                bits = max(known.high.bit_length(), (-known.low - 1).bit_length()) + spec.signed_inputs
                raise too_few_bits("input_bits", layer, spec.input_bits, bits)
        low, high = self._calibration.ranges[layer.inputs[0]]
        spec = replace(self._spec, signed_inputs=low < 0)
        levels = spec.input_range[1]
        if levels < 1:
            place = f"signed inputs of node {layer.name!r}"
            needed = "2 or more, a sign and a size: --set precision.input_bits=2"
            raise input_error("precision.input_bits", place, value=spec.input_bits, expected=needed)
        return spec, Grid(float(scales_for(max(-low, high), levels)), 0, *spec.input_range)

    def _read(self, layer: MatrixLayer, programmed: Programmed, windows: Array) -> Array:
        groups = [windows[:, group] for group in range(layer.groups)]
        sums = [matrix.read(group) for matrix, group in zip(programmed.matrices, groups, strict=True)]
        previous = self._checks.get(layer.name)
        if previous is None or not programmed.lossless:
            exact = all(map(_equals_product, programmed.matrices, groups, sums))
            exact = exact and (previous is None or previous.exact)
            self._checks[layer.name] = MatrixCheck(layer.name, programmed.lossless, exact, programmed.pulses)
        return np.stack(sums, axis=1)

    def _programmed(self, layer: MatrixLayer, spec: CrossbarSpec) -> Programmed:
        """The layer's weights; layers that share them share the matrices."""
        key = layer.weights.key, spec.signed_inputs
        kept = self._kept.get(key)
        if kept is None:
            writing = self._written.setdefault(key, Writing((self._seed, len(self._written)), self._devices, count()))
            kept = write_layer(self._graph, layer, spec, writing, self._steps(layer, spec))
            if layer.weights.elements <= self._room:
                self._room -= layer.weights.elements
                self._kept[key] = kept
        return kept

    def _steps(self, layer: MatrixLayer, spec: CrossbarSpec) -> tuple[int, ...] | None:
        """What a code of each slice's converters is worth, where that was measured."""
        if spec.adc_range != "calibrated":
            return None
        return steps_for(self._calibration.sums[layer.weights.key], spec)


def _equals_product(matrix: ProgrammedMatrix, inputs: Array, sums: Array) -> bool:
    if matrix.lossless:
        return np.array_equal(sums[:CHECKED_WINDOWS], matrix.read_all_conversions(inputs[:CHECKED_WINDOWS]))
    return np.array_equal(sums, matrix.product(inputs))


def _on_grid(data: Array, grid: Grid) -> npt.NDArray[np.int32]:
    return to_integers(data, grid.scale, (grid.low - grid.zero_point, grid.high - grid.zero_point)) + grid.zero_point


def run_quantised(
    graph: Graph, inputs: Mapping[str, Array], spec: CrossbarSpec, calibration: Calibration
) -> ValueResult:
    """What the crossbars answer to one batch (`inputs` as for `run_float`), compared with floating point.

    `spec.signed_inputs` is set for each layer by the calibration. A graph without numbers raises `InputError`.
    """
    check_runnable(graph)
    rule = CrossbarRule(graph, calibration, spec)
    (outputs,) = execute(graph, [inputs], rule)
    (reference,) = execute(graph, [inputs], FloatRule(graph))
    differences = output_errors(outputs, reference)
    return ValueResult(outputs, float(differences.max(initial=0)), float(differences.mean()), rule.checks)


def run_crossbars(
    graph: Graph, inputs: Mapping[str, Array], spec: CrossbarSpec, *, strict: bool = True
) -> dict[str, Array]:
    """The outputs, by name, that crossbars give for one batch, calibrated on it; `strict` as for `run_float`."""
    check_runnable(graph, placeholders=not strict)
    ranges = RangeRule(graph)
    execute(graph, [inputs], ranges, finite=strict)
    return execute(graph, [inputs], CrossbarRule(graph, ranges.calibration, spec), finite=strict)[0]


def output_errors(outputs: Mapping[str, Array], reference: Mapping[str, Array]) -> npt.NDArray[np.float64]:
    """The absolute differences of all elements of all outputs, in one row."""
    return np.concatenate(
        [
            np.abs(array.astype(np.float64) - reference[name].astype(np.float64)).reshape(-1)
            for name, array in outputs.items()
        ]
    )
