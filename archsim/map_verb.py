"""The verb `map`."""

from __future__ import annotations

from archsim import api
from archsim.asked import Read, after_checks, model_file, one_design
from archsim.console import Destination, Form
from archsim.options import Design, Format, Free, Json, Model, Out, Random, Settings, Shapes


def map_network(
    model: Model,
    *,
    mapping: Design = None,
    settings: Settings = None,
    shape: Shapes = None,
    treat_as_free: Free = None,
    random_weights: Random = None,
    json: Json = None,
    form: Format = Form.table,
    out: Out = None,
) -> None:
    """Arrays, copies, tiles and utilisation per layer, and the estimate; no simulation."""
    destination = Destination(form, json, out)
    placement = after_checks(
        destination,
        [],
        Read(model, mapping, settings=settings or ()),
        lambda: api.place(model_file(model, shape, treat_as_free, random_weights), one_design(mapping), settings or ()),
    )
    destination.deliver(api.report.placement_report(api.summarise(placement)))
