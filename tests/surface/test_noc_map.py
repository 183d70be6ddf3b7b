"""`simulate --noc-map` and `--noc-png`: how busy the links of the mesh were, and how long messages took."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from archsim.noc import fast
from tests.surface.conftest import Run

SPREAD = ("--set", "tile.pes=1", "--set", "pe.arrays=4", "--set", "noc.concentration=1", "--set", "noc.model=vct")


def test_the_map_shows_links_and_latencies_and_the_json_has_them(archsim: Run, tmp_path: Path) -> None:
    ran = archsim("simulate", "digits_cnn", *SPREAD, "--noc-map", "--json", tmp_path / "a.json")
    assert "Latencies of messages" in ran.out
    assert "Chip 0: Links between routers, the busier direction of each" in ran.out
    noc = json.loads((tmp_path / "a.json").read_text())["noc"]
    assert noc["model"] == "vct"
    assert noc["routers"] == [14, 12]
    (links,) = noc["links"]
    assert sum(link["flits"] for link in links) == noc["link_flits"]
    assert max(link["utilisation"] for link in links) == noc["max_link_utilisation"]
    deliveries = sum(each["deliveries"] for each in noc["latencies"])
    assert deliveries >= noc["packets"] / 2
    assert 0 < noc["waited_ns"] < noc["mean_latency_ns"] * deliveries


def test_without_the_map_the_json_leaves_single_links_out(archsim: Run) -> None:
    ran = archsim("simulate", "digits_cnn", *SPREAD, "--json", "-")
    assert "links" not in json.loads(ran.out)["noc"]


@pytest.mark.parametrize("option", ["--noc-map", "--noc-png=a.png"])
def test_a_run_without_a_mesh_has_no_map(option: str, archsim: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    name = option.partition("=")[0]
    monkeypatch.setattr("archsim.report.check_pictures", lambda _: None)
    ideal = archsim("simulate", "digits_cnn", "--ideal", option)
    assert (ideal.code, ideal.err) == (
        2, f"error: {name}: expected no --ideal with it: nothing goes over the network then\n"
    )  # fmt: skip
    for model in ("noc=null", "noc.model=bus"):
        ran = archsim("simulate", "digits_cnn", "--set", model, option)
        wanted = "a design with a mesh between its tiles, which isaac has not"
        assert (ran.code, ran.err) == (2, f"error: {name}: expected {wanted}\n")


def test_a_picture_needs_matplotlib(archsim: Run, tmp_path: Path) -> None:
    ran = archsim("simulate", "digits_cnn", *SPREAD, "--noc-png", tmp_path / "a.png")
    if importlib.util.find_spec("matplotlib") is None:
        assert ran.code == 2
        assert "error: --noc-png: expected matplotlib, which is not installed" in ran.err
        assert not (tmp_path / "a.png").exists()
    else:
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(("compiles", "vcs", "model"), [(True, 1, "wormhole"), (False, 1, "vct"), (False, 2, "flit")])
def test_the_model_follows_what_is_installed_and_the_result_says_which_ran(
    compiles: bool, vcs: int, model: str, archsim: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiles and not fast.can_compile():
        pytest.skip("numba is not installed")
    monkeypatch.setattr(fast, "can_compile", lambda: compiles)
    ran = archsim("simulate", "digits_cnn", "--set", f"noc.vcs={vcs}", "--json", "-")
    result = json.loads(ran.out)
    assert result["noc"]["model"] == model
    assert result["mapping"]["settings"]["noc"]["model"] is None
    noted = [note for note in result["notes"] if note.startswith("noc.model vct, whose buffers are never full")]
    assert len(noted) == (model == "vct")
