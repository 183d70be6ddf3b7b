"""`archsim compare`: which designs run, what becomes of those that cannot, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsim import api, choices
from archsim.engine import StalledError
from archsim.result import NotRun, Result
from tests.surface.conftest import Run

POOLLESS = "isaac:sfu.pool_lanes=null"
NO_POOL = (
    "digits_cnn: layer 'pool1' and 1 more: got MaxPool, expected an operation that isaac has a unit for"
    " (sfu.pool_lanes is null)"
)


def _compare(archsim: Run, *mappings: str, model: str = "digits_cnn", images: int = 1) -> tuple[int, list[dict], str]:
    words = [word for mapping in mappings for word in ("--mapping", mapping)]
    ran = archsim("compare", model, *words, "--images", images, "--json", "-")
    return ran.code, json.loads(ran.out) if ran.out else [], ran.err


def test_compare_runs_all_at_8_bit_unless_told_otherwise(archsim: Run):
    def precisions(*words: str) -> list[tuple[int, int]]:
        documents = json.loads(archsim("compare", "digits_cnn", "--images", "1", "--json", "-", *words).out)
        chosen = [document["mapping"]["settings"]["precision"] for document in documents]
        return [(one["weight_bits"], one["input_bits"]) for one in chosen]

    two = ("--mapping", "isaac", "--mapping", "isaac:copies.policy=none")
    assert precisions(*two) == [(8, 8), (8, 8)]
    assert precisions(*two, "--set", "precision.input_bits=4") == [(8, 4), (8, 4)]
    assert precisions(*two, "--as-published") == [(16, 16), (16, 16)]
    assert precisions("--mapping", "isaac:precision.weight_bits=2", "--set", "precision.weight_bits=4") == [(2, 8)]


def test_compare_marks_the_best_and_simulates_4_images(archsim: Run):
    two = ("--mapping", "isaac:copies.explicit=[4,1]", "--mapping", "isaac:copies.policy=none")
    text = archsim("compare", "digits_cnn", *two).out
    assert "isaac:copies.explicit=[4,1]" in text
    latency = next(line for line in text.splitlines() if line.startswith("latency of the first"))
    assert latency.count("*") == 1
    documents = json.loads(archsim("compare", "digits_cnn", *two, "--json", "-").out)
    assert [document["images"] for document in documents] == [4, 4]
    assert all(document["interval_ns"] is not None for document in documents)


def test_compare_without_mappings_takes_the_published_designs(archsim: Run):
    documents = json.loads(archsim("compare", "digits_cnn", "--images", "1", "--json", "-").out)
    assert [document["mapping"]["name"] for document in documents] == list(api.compared_by_default())


def test_all_stands_for_every_design_that_ships(archsim: Run, monkeypatch: pytest.MonkeyPatch):
    assert choices.named_mappings(["all"]) == api.mapping_names()
    monkeypatch.setattr(choices, "mapping_names", lambda: ("isaac", "other"))
    assert choices.named_mappings(["all:adc.bits=7,chips=1", "mine.yaml:adc.bits=8", "isaac"]) == (
        *("isaac:adc.bits=7,chips=1", "other:adc.bits=7,chips=1"),
        *("mine.yaml:adc.bits=8", "isaac"),
    )


def test_all_works_from_the_command_line_and_from_python(archsim: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(choices, "mapping_names", lambda: ("isaac",))
    code, documents, _ = _compare(archsim, "all:chips=1", "isaac:chips=2")
    assert code == 0
    assert [one["mapping"]["settings"]["chips"] for one in documents] == [1, 2]
    assert [one.chips for one in api.compare("digits_cnn", ["all:chips=3"], images=1)] == [3]


def test_a_design_that_lacks_a_unit_or_room_is_a_column_with_the_reason(archsim: Run):
    mappings = ("isaac", POOLLESS, "isaac:chip.tiles=1,chip.mesh_width=1,pe.arrays=1,tile.pes=1,chips=1")
    code, documents, errors = _compare(archsim, *mappings)
    assert (code, errors) == (0, "")
    ran, poolless, small = documents
    assert ran["reason"] is None
    assert ran["bottleneck"]["unit"] == "arrays"
    assert list(poolless) == list(small) == list(ran)
    assert (poolless["reason"], poolless["latency_ns"], poolless["checks"]) == (NO_POOL, None, None)
    assert poolless["mapping"]["settings"]["sfu"]["pool_lanes"] is None
    assert poolless["mapping"]["peak_tops"] is None
    assert "expected at most 1, the arrays of 1 chip; what would make it fit: chips=6" in small["reason"]


def test_the_table_says_why_and_what_limits_the_others(archsim: Run):
    two = ("--mapping", "isaac:copies.policy=none", "--mapping", "isaac", "--mapping", POOLLESS)
    text = archsim("compare", "digits_cnn", *two).out
    assert f"{POOLLESS}: does not run: {NO_POOL}\n" in text
    # conv1 has 64 windows, on 4 copies of it 16
    assert "isaac is fastest by interval: 4 times as fast as isaac:copies.policy=none\n" in text
    limit = "its arrays (first of all conv1, tile 0), which alone need 100.0 % of the interval"
    assert f"isaac: limited by {limit}\n" in text
    assert f"* {POOLLESS}: does not run: " in archsim("compare", "digits_cnn", *two, "--format", "md").out


def test_if_no_design_runs_all_reasons_are_told_and_the_code_is_2(archsim: Run):
    code, documents, errors = _compare(archsim, POOLLESS, POOLLESS, "isaac:tile.buffer_bytes=16")
    assert (code, documents) == (2, [])
    first, second = errors.splitlines()
    assert first == f"error: {NO_POOL}"
    assert second.startswith("error: digits_cnn: design isaac, layer 'conv")
    with pytest.raises(ValueError, match="got MaxPool"):
        api.compare("digits_cnn", [POOLLESS])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("isac", "error: --mapping: got 'isac', expected "),
        ("isaac:adc.bit=8", "error: --set adc.bit: got unknown key 'bit', expected "),
        ("isaac:copies.policy=optimum", "error: copies.policy: got 'optimum', expected "),
        ("none.yaml", "error: --mapping: got none.yaml, expected a YAML file that exists\n"),
    ],
)
def test_a_mistake_in_one_design_stops_the_whole_comparison(archsim: Run, wrong: str, message: str):
    code, documents, errors = _compare(archsim, "isaac", wrong)
    assert (code, documents) == (2, [])
    assert errors.startswith(message)


def test_a_bad_design_file_or_model_stops_the_whole_comparison(archsim: Run, tmp_path: Path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: [")
    code, _, errors = _compare(archsim, "isaac", str(bad), model="lenet6")
    assert code == 2
    assert [line.split(":")[1].strip() for line in errors.splitlines()] == ["MODEL", str(bad)]


def _stalling(monkeypatch: pytest.MonkeyPatch, chips: int) -> None:
    """Makes runs on that many chips stall."""
    simulate = api.simulate

    def stalled(placement, **options):
        if placement.chips == chips:
            raise StalledError("the simulation cannot proceed; the chain of waiting units:\n  conv1 copy 0")
        return simulate(placement, **options)

    monkeypatch.setattr(api, "simulate", stalled)


def test_a_run_that_stalls_is_a_column_and_the_code_is_1(archsim: Run, monkeypatch: pytest.MonkeyPatch):
    _stalling(monkeypatch, chips=2)
    code, documents, errors = _compare(archsim, "isaac", "isaac:chips=2")
    chain = "the simulation cannot proceed; the chain of waiting units:\n  conv1 copy 0"
    assert (code, errors) == (1, f"error: isaac:chips=2: {chain}\n")
    assert [one["reason"] for one in documents] == [None, chain]
    text = archsim("compare", "digits_cnn", "--mapping", "isaac:chips=2").out
    assert "isaac:chips=2: could not finish: the simulation cannot proceed; the chain of waiting units:\n" in text
    assert "isaac:chips=2: conv1 copy 0\n" in text


def test_python_gives_a_result_or_the_reason_for_each_design(monkeypatch: pytest.MonkeyPatch):
    _stalling(monkeypatch, chips=2)
    ran, poolless, stalled = api.compare("digits_cnn", ["isaac", POOLLESS, "isaac:chips=2"], images=1, ideal=True)
    assert isinstance(ran, Result)
    assert isinstance(poolless, NotRun)
    assert (poolless.images, poolless.ideal, poolless.stalled, poolless.reason) == (1, True, False, NO_POOL)
    assert poolless.model == ran.model
    assert isinstance(stalled, NotRun)
    assert stalled.stalled
    assert stalled.mapping.hash != ran.mapping.hash
