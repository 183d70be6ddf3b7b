"""Kernels compiled by numba are the ones that run as Python."""

from __future__ import annotations

import logging
import random

import numpy as np
import pytest

from archsim.noc import Buffers, Mesh, Router, fast
from archsim.noc.bulk import replay_all
from archsim.noc.packets import Packets
from tests.noc import exact
from tests.noc.exact import MODELS, Messages, all_at_once, as_time_goes_on

compiled_too = pytest.mark.skipif(not fast.can_compile(), reason="numba is not installed")


def random_messages(seed: int, tiles: int) -> Messages:
    draw = random.Random(seed)
    found: Messages = []
    create = 0
    for number in range(150):
        create += draw.choice([0, 0, 1, 4, 200])
        to = tuple(draw.sample(range(tiles), draw.choice([1, 1, 2, 5])))
        found.append((create, number, draw.randrange(tiles), to, draw.randrange(1, 40)))
    return found


@compiled_too
@pytest.mark.parametrize(("model", "vcs"), [("wormhole", 1), ("flit", 1), ("flit", 4)])
@pytest.mark.parametrize("buffer_flits", [1, 8])
def test_compiled_and_plain_give_the_same_deliveries_and_states(model: str, vcs: int, buffer_flits: int):
    for seed in range(4):
        sendings = random_messages(seed, 20)
        router = {"vcs": vcs, "buffer_flits": buffer_flits, "cluster": [(1, 1), (2, 2)][seed % 2], "most": 16}
        plain, compiled = (exact.exact(model, 5, 4, **router, compiled=compiled) for compiled in (False, True))
        assert as_time_goes_on(plain, sendings) == as_time_goes_on(compiled, sendings)
        now = sendings[-1][0] + 10_000
        assert plain.state(now, str) == compiled.state(now, str)
        assert plain.link_flits == compiled.link_flits
        assert plain.traffic == compiled.traffic


@compiled_too
def test_there_is_room_for_as_many_messages_as_are_sent():
    """More than there is room for at first, and than the double."""
    sendings: Messages = [(0, number, number % 16, (5, number % 7), 2) for number in range(2500)]
    for model in MODELS:
        plain, compiled = (
            all_at_once(exact.exact(model, 4, 4, compiled=compiled), sendings) for compiled in (False, True)
        )
        assert plain == compiled


@compiled_too
@pytest.mark.parametrize("model", MODELS)
def test_a_replay_is_the_same_compiled_and_plain_and_one_by_one(model: str):
    draw = np.random.PCG64(7)
    raw = np.asarray(draw.random_raw(5 * 3000), dtype=np.uint64).reshape(5, 3000) >> np.uint64(33)
    pid, source, to, flits, create = (raw % np.array([[1 << 31], [12], [12], [9], [4000]])).astype(np.int64)
    packets = Packets(np.argsort(pid), source, to, flits + 1, create + 10**12)
    mesh, router, buffers = Mesh(12, 4), Router(0, 1, 1, 1, 1, 1, 100), Buffers(1, 3, 1)
    plain, compiled = (
        replay_all(MODELS[model], mesh, router, buffers, packets, compiled=compiled) for compiled in (False, True)
    )
    assert np.array_equal(plain.cycle, compiled.cycle)
    assert np.array_equal(plain.tile, to)
    assert plain.carried_flits == compiled.carried_flits
    alone = exact.exact(model, 4, 3, buffer_flits=3)
    in_order = sorted(zip(create.tolist(), packets.pid.tolist(), range(3000), strict=True))
    found = all_at_once(
        alone,
        [(at, number, int(source[number]), (int(to[number]),), int(flits[number]) + 1) for at, _, number in in_order],
    )
    assert {number: cycle for cycle, number, _ in found} == dict(enumerate((plain.cycle - 10**12).tolist()))


@compiled_too
def test_compiling_is_told_once_and_reading_what_is_compiled_is_not(tmp_path, monkeypatch, caplog):
    import subprocess
    import sys

    program = (
        "import logging; logging.basicConfig(level=logging.INFO, format='%(message)s')\n"
        "from archsim.noc import *\n"
        "mesh = WormholeMesh(Mesh(4, 2), Router(0, 1, 1, 1, 1, 4, 16))\n"
        "mesh.send(0, 1, 0, (3,), 4)\n"
        "print(mesh.run_ahead(100))\n"
    )
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    told = []
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert ended.stdout == "14\n"
        told.append(ended.stderr.splitlines().count(fast.COMPILING))
    assert told == [1, 0]
    assert logging.getLogger("archsim.noc").name == fast.LOG.name
