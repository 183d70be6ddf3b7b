"""The designs of an evaluation: one, or one for each value of a key that is swept; and the seeds of their runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.choices import MappingChoice, Problems, split_outside_brackets
from archsim.errors import InputError, input_error
from archsim.inputs import design_of

if TYPE_CHECKING:
    from archsim.crossbar import CrossbarSpec, DeviceErrors
    from archsim.hardware import Design
    from archsim.inputs import Chosen

MOST_SEEDS = 10_000
MOST_POINTS = 1000
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A design, what its crossbars are, and the seeds of its runs: None alone where nothing is drawn. `value` is that
    of the key that is swept, as JSON writes it."""

    value: Any
    design: Design
    spec: CrossbarSpec
    devices: DeviceErrors
    seeds: tuple[int | None, ...]

    def key(self, basis: str, seed: int | None) -> str:
        """A hash of everything that determines a run: what `basis` stands for, the design, the seed, the version."""
        from archsim import __version__
        from archsim.resuming import key_of

        settings = self.design.model_dump(mode="json")
        return key_of([basis, settings, repr(self.spec), repr(self.devices), seed, __version__])


def drawn_seeds(seed: int, seeds: int) -> tuple[int, ...]:
    """`seeds` seeds from `seed` on; `InputError` for what is out of range."""
    problems = Problems()
    for option, given, least, most in (("--seed", seed, 0, LARGEST_SEED), ("--seeds", seeds, 1, MOST_SEEDS)):
        with problems.gathered():
            if not least <= given <= most:
                raise input_error(option, value=given, expected=f"a whole number from {least} to {most}")
    problems.raise_any()
    return tuple(range(seed, seed + seeds))


def points_of(
    mapping: Chosen, settings: tuple[str, ...], sweep: str | None, seeds: tuple[int, ...]
) -> tuple[str | None, tuple[Point, ...]]:
    """The key that is swept, if one is, and a point for each of its values, each the design with that setting.

    Raises `InputError` with the problems of all points, and for a value that is there twice.
    """
    if sweep is None:
        return None, (_point(None, design_of(mapping, settings=settings), seeds),)
    key, texts = _parsed(sweep)
    choice = _choice(mapping, key)
    problems = Problems()
    points: list[Point] = []
    seen: set[str] = set()
    for text in texts:
        with problems.gathered(), _blamed_on_sweep(key):
            design = design_of(choice, settings=[*settings, f"{key}={text}"])
            settled = design.model_dump_json()
            if settled in seen:
                raise input_error(f"--sweep {key}", value=f"{text} twice", expected="each value once")
            seen.add(settled)
            points.append(_point(_value(design, key), design, seeds))
    problems.raise_any()
    return key, tuple(points)


def swept_settings(sweeps: Iterable[str]) -> list[str]:
    """What sweeps set, value by value; nothing of those that are none, which `points_of` refuses."""
    found: list[str] = []
    for sweep in sweeps:
        with suppress(InputError):
            key, texts = _parsed(sweep)
            found += [f"{key}={text}" for text in texts]
    return found


def _parsed(sweep: str) -> tuple[str, list[str]]:
    """The key and the texts of the values."""
    key, equals, text = sweep.partition("=")
    texts = [part.strip() for part in split_outside_brackets(text)]
    if not equals or not key.strip() or not all(texts):
        expected = "KEY=VALUE,VALUE,..., for example adc.bits=6,7,8"
        raise input_error("--sweep", value=repr(sweep), expected=expected)
    if len(texts) > MOST_POINTS:
        raise input_error(f"--sweep {key}", value=f"{len(texts)} values", expected=f"at most {MOST_POINTS}")
    return key.strip(), texts


def _choice(mapping: Chosen, key: str) -> MappingChoice:
    """The design to set values in, which must not set the key itself: that would win over the sweep."""
    if isinstance(mapping, str | Path):
        mapping = MappingChoice.parse(str(mapping))
    if not isinstance(mapping, MappingChoice):
        raise input_error(f"--sweep {key}", value=f"design {mapping.name} in memory", expected="a design by name")
    same = [setting for setting in mapping.settings if setting.partition("=")[0].strip() == key]
    if same:
        raise input_error(f"--sweep {key}", value=f"{same[0]} behind the design", expected="the key in one place")
    return mapping


@contextmanager
def _blamed_on_sweep(key: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        problems = (
            replace(one, source=f"--sweep {key}") if one.source == f"--set {key}" else one for one in error.problems
        )
        raise InputError(*problems) from None


def _value(design: Design, key: str) -> Any:
    """What stands at a dotted path of the design."""
    value: Any = design.model_dump(mode="json")
    for part in key.split("."):
        value = value[part]
    return value


def _point(value: Any, design: Design, seeds: tuple[int, ...]) -> Point:
    from archsim.values import crossbar_spec, device_errors

    spec, devices = crossbar_spec(design), device_errors(design)
    drawn = spec.adc_sigma > 0 or devices.random
    return Point(value, design, spec, devices, seeds if drawn else (None,))
