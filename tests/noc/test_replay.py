"""Replays of packets: the latency of an idle network against BookSim 2, link loads, and what is refused."""

from __future__ import annotations

import csv
import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.noc import Mesh, packets
from archsim.noc.network import Network
from archsim.noc.packets import Packets, read_packets
from archsim.noc.replay import check, link_flits, replay, zero_load_latency

ZERO_LOAD = Path(__file__).parents[2].parent / "shared" / "noc" / "zero_load.csv"
HEADER = "pid,src,dst,flits,create\n"


def table(*rows: tuple[int, int, int, int, int]) -> Packets:
    return Packets(*np.array(rows, dtype=np.int64).T)


def zero_load(hops: int, flits: int, **router: int | bool) -> int:
    return int(zero_load_latency(np.array([hops]), np.array([flits]), Network(8, 8, "ideal", **router))[0])


# BookSim 2, commit 28f43299: (hops, flits, buffer_flits, routing_delay, speculative, packet_latency)
@pytest.mark.parametrize(
    ("hops", "flits", "buffer", "routing", "speculative", "latency"),
    [
        (0, 1, 8, 0, False, 6),
        (6, 4, 8, 0, False, 33),
        (14, 8, 8, 1, False, 84),
        (3, 8, 4, 0, False, 27),
        (3, 8, 4, 1, False, 31),
        (3, 8, 4, 0, True, 23),
        (14, 1, 16, 0, True, 47),
    ],
)
def test_an_idle_network_has_the_latency_of_booksim(
    hops: int, flits: int, buffer: int, routing: int, speculative: bool, latency: int
):
    router = {"buffer_flits": buffer, "routing_delay": routing, "speculative": speculative}
    assert zero_load(hops, flits, **router) == latency


@pytest.mark.shared
@pytest.mark.skipif(not ZERO_LOAD.is_file(), reason="BookSim's zero-load table is not here")
def test_an_idle_network_has_the_latency_of_booksim_on_every_row():
    rows = list(csv.DictReader(ZERO_LOAD.open()))
    assert len(rows) == 1782
    for row in rows:
        router = {
            "buffer_flits": int(row["vc_buf_size"]),
            "routing_delay": int(row["routing_delay"]),
            "speculative": row["speculative"] == "1",
        }
        assert zero_load(int(row["hops"]), int(row["packet_flits"]), **router) == int(row["packet_latency"])


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14), st.integers(1, 9)), min_size=1, max_size=20))
def test_link_flits_are_those_of_the_ways_of_all_packets(drawn: list[tuple[int, int, int]]):
    found = link_flits(table(*[(pid, *row, 0) for pid, row in enumerate(drawn)]), 5, 3)
    expected = np.zeros((4, 3, 5), dtype=np.int64)
    for source, destination, flits in drawn:
        for (x0, y0), (x1, y1) in Mesh(15, 5).links(source, destination):
            direction = {(1, 0): 0, (-1, 0): 1, (0, 1): 2, (0, -1): 3}[x1 - x0, y1 - y0]
            expected[direction, min(y0, y1), min(x0, x1)] += flits
    assert np.array_equal(found, expected)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(1, 9)), min_size=1, max_size=20))
def test_no_packet_is_faster_with_contention_than_without(drawn: list[tuple[int, int, int]]):
    sent = table(*[(pid, *row, pid // 3) for pid, row in enumerate(drawn)])
    contended, ideal = (replay(sent, Network(4, 3, model)) for model in ("wormhole", "ideal"))
    assert (contended.latencies >= ideal.latencies).all()
    assert contended.checks == {"packets": True, "flits": True}


def test_utilisation_is_of_the_busiest_link_from_the_first_creation_to_the_last_arrival():
    """5 flits go from node 0 to node 1 within 4 + 6 + 5 - 1 cycles, and come from nowhere before cycle 100."""
    found = replay(table((0, 0, 1, 5, 100), (1, 1, 0, 2, 100)), Network(2, 1, "ideal"))
    assert found.max_link_utilisation == 5 / 14
    assert found.tail_arrive.tolist() == [114, 111]


def test_packets_within_their_nodes_use_no_link():
    assert replay(table((0, 0, 0, 5, 0)), Network(1, 1, "wormhole")).max_link_utilisation == 0


def test_progress_tells_how_many_packets_have_arrived():
    heard: list[tuple[int, int]] = []
    sent = table(*[(pid, 0, 1, 1, 10 * pid) for pid in range(2001)])
    replay(sent, Network(2, 1, "wormhole"), lambda *counts: heard.append(counts))
    assert heard == [(0, 2001), (1000, 2001), (2000, 2001)]


def test_many_packets_of_one_cycle_leave_in_the_order_of_their_numbers():
    found = replay(table(*[(pid, 0, 1, 1, pid % 2) for pid in range(100)]), Network(2, 1, "wormhole"))
    for cycle in (0, 1):
        in_order = found.tail_arrive[cycle::2].tolist()
        assert in_order == sorted(in_order)


@pytest.mark.parametrize("model", ["ideal", "wormhole"])
def test_packets_of_one_cycle_and_source_leave_in_the_order_of_their_numbers(model: str, tmp_path: Path):
    file = tmp_path / "packets.csv"
    file.write_text("create,extra,flits,dst,src,pid\n3,x,2,1,0,9\n3,,2,1,0,4\n\n0,,1,0,1,7\n")
    found = replay(read_packets(file, 2), Network(2, 1, model))
    assert found.packets.pid.tolist() == [4, 7, 9]
    # the second finds the link free 2 + 1 cycles after the first took it
    assert found.tail_arrive.tolist() == [14, 10, 14 if model == "ideal" else 17]


def test_a_compressed_file_is_read_like_a_plain_one(tmp_path: Path):
    text = HEADER + "0,0,1,2,3\n"
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    plain, packed = (read_packets(tmp_path / name, 2) for name in ("a.csv", "a.csv.gz"))
    assert [column.tolist() for column in (plain.pid, plain.source, plain.destination, plain.flits, plain.create)] == [
        [0], [0], [1], [2], [3],
    ]  # fmt: skip
    assert packed.create.tolist() == [3]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0,4,1,1,0", "row 3, src: got '4', expected a whole number from 0 to 3"),
        ("0,0,-1,1,0", "row 3, dst: got '-1', expected a whole number from 0 to 3"),
        ("0,0,1,0,0", "row 3, flits: got '0', expected a whole number from 1 to 10000000"),
        ("0,0,1,1,1.5", "row 3, create: got '1.5', expected a whole number from 0 to 1000000000000000"),
        ("0,0,1,1,-2", "row 3, create: got '-2', expected a whole number from 0 to 1000000000000000"),
        ("0,0,1,1", "row 3, create: got '', expected a whole number from 0 to 1000000000000000"),
        ("5,0,1,1,0", "row 3, pid: got 5, expected each pid once"),
        ("x" * 60 + ",0,1,1,0", f"row 3, pid: got '{'x' * 40}...', expected a whole number from 0 to 1000000000000000"),
        ("0,٣,1,1,0", "row 3, src: got '٣', expected a whole number from 0 to 3"),
    ],
)
def test_a_wrong_row_is_told_with_its_number(row: str, message: str, tmp_path: Path):
    file = tmp_path / "packets.csv"
    file.write_text(HEADER + "5,0,1,1,0\n" + row + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_packets(file, 4)
    assert str(caught.value) == f"{file}: {message}"


def test_the_first_twenty_wrong_rows_are_told_together(tmp_path: Path):
    file = tmp_path / "packets.csv"
    file.write_text(HEADER + "0,9,9,1,0\n" * 100)
    with pytest.raises(InputError) as caught:
        read_packets(file, 4)
    assert [problem.place for problem in caught.value.problems] == [f"row {row}, src" for row in range(2, 22)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "row 1: got 0 columns 'pid', expected a header with pid,src,dst,flits,create, each once"),
        ("a.csv", b"pid,src,dst,flits\n", "row 1: got 0 columns 'create', expected a header with "),
        ("a.csv", b"pid,src,dst,flits,create,src\n", "row 1: got 2 columns 'src', expected a header with "),
        ("a.csv", HEADER.encode(), "expected at least one packet"),
        ("a.csv", HEADER.encode() + b"\xff\n", "byte 25: expected a text in UTF-8"),
        ("a.csv", HEADER.encode() + b'"' + b"0" * 200_000, "row 2: expected CSV (field larger than field limit"),
        ("a.csv", HEADER.encode() + b"0,0,1,9999999,0\n1,0,1,9,0\n", "got 10,000,008 flits in all, expected at most"),
        ("a.csv.gz", HEADER.encode(), "expected a file that can be read (Not a gzipped file"),
        ("a.csv.gz", gzip.compress(HEADER.encode() * 99, mtime=0)[:-12], "expected a file that can be read ("),
    ],
)
def test_a_file_that_is_no_list_of_packets_is_told(name: str, content: bytes, message: str, tmp_path: Path):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_packets(file, 4)
    assert str(caught.value).startswith(f"{file}: {message}")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("", "a file that exists"),
        ("missing.csv", "a file that exists"),
        ("packets.txt", "a .csv or .csv.gz file"),
        ("x" * 300 + ".csv", "a file that exists"),
        ("nul\0.csv", "a file that exists"),
    ],
)
def test_something_else_than_a_csv_file_is_told(name: str, wanted: str, tmp_path: Path):
    (tmp_path / "packets.txt").write_text(HEADER)
    with pytest.raises(InputError, match=rf"^PACKETS: got .*, expected {re.escape(wanted)}$"):
        read_packets(tmp_path / name, 4)


def test_a_file_is_read_up_to_its_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A small .gz file that unpacks to too much is refused before it fills the memory."""
    file = tmp_path / "packets.csv.gz"
    file.write_bytes(gzip.compress((HEADER + "0,0,1,1,0\n" + "1,0,1,1,0\n").encode()))
    monkeypatch.setattr(packets, "MAX_PACKETS", 1)
    with pytest.raises(InputError, match=r"got more than 1 packets, expected at most so many$"):
        read_packets(file, 4)
    monkeypatch.setattr(packets, "MAX_FILE_BYTES", 40)
    with pytest.raises(InputError, match=r"got more than 40 bytes, expected at most so many$"):
        read_packets(file, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vcs": 4}, "--vcs: got 4, expected 1 with --model wormhole (flit and ideal take more)"),
        ({"vcs": 2, "model": "vct"}, "--vcs: got 2, expected 1 with --model vct (flit and ideal take more)"),
        ({"vcs": 17, "model": "flit"}, "--vcs: got 17, expected 1 to 16"),
        (
            {"vcs": 16, "model": "flit", "columns": 64, "rows": 64, "buffer_flits": 1024},
            "--buffer-flits: got 1024, expected at most 9 with 4,096 nodes and 16 virtual channels",
        ),
        ({"vcs": 0}, "--vcs: got 0, expected 1 to 16"),
        (
            {"model": "wormhol"},
            "--model: got 'wormhol', expected ideal or vct or wormhole or flit (did you mean 'wormhole'?)",
        ),
        ({"buffer_flits": 0}, "--buffer-flits: got 0, expected 1 to 1024"),
        ({"routing_delay": 2}, "--routing-delay: got 2, expected 0 to 1"),
        ({"credit_delay": -1}, "--credit-delay: got -1, expected 0 to 1000"),
        ({"columns": 65}, "--mesh: got 65x4, expected sides of 1 to 64"),
        ({"rows": 0}, "--mesh: got 4x0, expected sides of 1 to 64"),
        ({"speculative": True}, "--speculative: expected --model ideal with it"),
    ],
)
def test_a_setting_that_is_not_there_is_told(changes: dict[str, object], message: str):
    with pytest.raises(InputError) as caught:
        check(Network(**{"columns": 4, "rows": 4, "model": "wormhole", **changes}))
    assert str(caught.value) == message
