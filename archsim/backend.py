"""archsim as an `onnx.backend.base.Backend`: what ONNX's own tests, and scripts written for other backends, talk to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import onnx
from onnx import defs, helper
from onnx.backend.base import Backend, BackendRep

from archsim import frontend, values
from archsim.errors import InputError, Problem, input_error, nearest_name
from archsim.frontend.dtypes import NUMPY_NAMES
from archsim.graph.tensors import Array
from archsim.hardware import load_design

Precision = Literal["float", "int"]

_PRECISIONS = ("float", "int")
_DESIGN = "isaac"
_SOURCE = "backend"


@dataclass(frozen=True)
class ArchsimRep(BackendRep):
    """A model ready to run; `precision` as for `ArchsimBackend.prepare`."""

    model: onnx.ModelProto
    precision: Precision

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """What `run` takes, in order: the graph's inputs but for those that have an initializer."""
        stored = {tensor.name for tensor in self.model.graph.initializer}
        return tuple(value.name for value in self.model.graph.input if value.name not in stored)

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Array, ...]:
        """The outputs, in the graph's order, for `inputs`: arrays in the order of `input_names`, or by name.

        The network is lowered here, for the shapes of the inputs. Operands that a crossbar or an address needs
        before it runs (weights, axes, shapes) and that are inputs of the graph are parameters: their numbers are
        those of this run. Whatever the model or an input has wrong, an input's element type too, raises
        `archsim.errors.InputError`.
        """
        _refuse_options(kwargs)
        arrays = _named(inputs, self.input_names)
        _check_types(self.model.graph, arrays)
        graph = frontend.from_model(
            self.model,
            source=self.model.graph.name or _SOURCE,
            base_dir=None,
            shapes={name: array.shape for name, array in arrays.items()},
            given=arrays,
        )
        if self.precision == "float":
            outputs = values.run_float(graph, arrays, strict=False)
        else:
            spec = values.crossbar_spec(load_design(_DESIGN))
            outputs = values.run_crossbars(graph, arrays, spec, strict=False)
        return tuple(outputs[name] for name in graph.outputs)


def _refuse_options(options: Mapping[str, Any]) -> None:
    if options:
        raise input_error(_SOURCE, value=f"option {', '.join(options)}", expected="precision alone")


def _named(inputs: Any, names: Sequence[str]) -> dict[str, Array]:
    if isinstance(inputs, Mapping):
        if {*inputs} != {*names}:
            shown = f"inputs {', '.join(map(repr, sorted(inputs)))}"
            raise input_error(_SOURCE, value=shown, expected=", ".join(map(repr, names)))
        return {name: np.asarray(inputs[name]) for name in names}
    listed = list(inputs) if isinstance(inputs, Sequence) else [inputs]
    if len(listed) != len(names):
        expected = f"{len(names)}: {', '.join(map(repr, names))}"
        raise input_error(_SOURCE, value=f"{len(listed)} inputs", expected=expected)
    return {name: np.asarray(array) for name, array in zip(names, listed, strict=True)}


def _check_types(graph: onnx.GraphProto, arrays: Mapping[str, Array]) -> None:
    problems = []
    for value in graph.input:
        number = value.type.tensor_type.elem_type
        if value.name not in arrays or number not in NUMPY_NAMES:
            continue
        given, wanted = str(arrays[value.name].dtype), NUMPY_NAMES[number]
        if given != wanted:
            expected = f"{wanted}, the model's type: numbers are not converted"
            problems.append(Problem(graph.name or _SOURCE, f"input {value.name!r}", f"type {given}", expected))
    if problems:
        raise InputError(*problems)


class ArchsimBackend(Backend):
    """Runs ONNX models by the arithmetic of archsim's layers."""

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether `prepare` takes `model`, `device` and `kwargs`."""
        try:
            cls.prepare(model, device, **kwargs)
        except InputError:
            return False
        return True

    @classmethod
    def prepare(
        cls, model: onnx.ModelProto, device: str = "CPU", precision: Precision = "float", **kwargs: Any
    ) -> ArchsimRep:
        """`model` ready to run.

        With `precision="float"` every layer is evaluated as the graph says. With "int" the matrix layers go
        through the crossbars of the design isaac, calibrated on the inputs of each run (integer models bring
        their own scales). Another precision or device, and further `kwargs`, raise `InputError`, and so does a model
        that no inputs can make run: one of ops that are not supported, say. What depends on the inputs of a run
        (weights, axes or sizes that are fed) is looked at when they are there.
        """
        _refuse_options(kwargs)
        if precision not in _PRECISIONS:
            near = nearest_name(str(precision), _PRECISIONS)
            raise input_error(_SOURCE, "precision", value=precision, expected=" or ".join(_PRECISIONS), nearest=near)
        if not cls.supports_device(device):
            raise input_error(_SOURCE, "device", value=device, expected="CPU")
        frontend.check_ahead(model, getattr(getattr(model, "graph", None), "name", "") or _SOURCE)
        return ArchsimRep(model, precision)

    @classmethod
    def run_model(cls, model: onnx.ModelProto, inputs: Any, device: str = "CPU", **kwargs: Any) -> tuple[Array, ...]:
        """The outputs of `model`; `kwargs` as for `prepare`."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[Any, tuple[int, ...]]] | None = None,  # noqa: ARG003 - ONNX's signature
        **kwargs: Any,
    ) -> tuple[Array, ...]:
        """The outputs of one node; `opset_version` among `kwargs` is the newest by default, the others are as for
        `prepare`. `outputs_info` is not needed."""
        opset = kwargs.pop("opset_version", defs.onnx_opset_version())
        arrays = _named(inputs, list(dict.fromkeys(name for name in node.input if name)))
        feeds = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in arrays.items()
        ]
        results = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        graph = helper.make_graph([node], node.op_type, feeds, results)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid(node.domain, opset)])
        return cls.run_model(model, arrays, device, **kwargs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether `device` is the processor, which is all there is."""
        return device.partition(":")[0] == "CPU"


prepare = ArchsimBackend.prepare
run_model = ArchsimBackend.run_model
run_node = ArchsimBackend.run_node
supports_device = ArchsimBackend.supports_device
