"""Arrays come out of .npz files as numpy would read them; hostile files are one clear message."""

import zipfile

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.values import load_arrays, network_inputs
from tests.values.networks import linear


def test_arrays_are_read_as_numpy_reads_them(tmp_path):
    arrays = {
        "images": np.arange(12, dtype=np.uint8).reshape(3, 4),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">i4"),
        "one": np.float32(2.5),
        "none": np.zeros((0, 3)),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        read = load_arrays(tmp_path / "a.npz")
        assert read.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array)
            assert read[name].dtype == array.dtype


def header(shape, dtype="<f4"):
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def write(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)


def test_a_hand_made_member_is_read(tmp_path):
    write(tmp_path / "a.npz", x=header((2,)) + np.array([1, 2], "<f4").tobytes())
    assert load_arrays(tmp_path / "a.npz")["x"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (header((3,)) + bytes(8), r"x.npy: got 8 bytes, expected 12 for shape \(3,\)"),
        (header((1,)) + bytes(8), r"x.npy: got more bytes, expected 4 for shape \(1,\)"),
        (header((10**15,)) + bytes(8), "got 8 bytes, expected 4000000000000000"),
        (header((2,), "|O") + bytes(16), "x.npy: got type object, expected an array of real numbers"),
        (header((2,), "<U2") + bytes(16), "x.npy: got type <U2, expected an array of real numbers"),
        (header((-1,)) + bytes(8), "expected"),
        (header("__import__('os')") + bytes(8), "expected a .npz archive of numpy arrays"),
        (b"not an array at all", "expected a .npz archive of numpy arrays"),
        (b"\x93NUMPY\x09\x00", "an array of format version"),
        (b"", "expected a .npz archive of numpy arrays"),
    ],
)
def test_members_that_lie_are_refused(tmp_path, member, message):
    write(tmp_path / "a.npz", x=member)
    with pytest.raises(InputError, match=message):
        load_arrays(tmp_path / "a.npz")


def test_a_pickle_is_refused_and_not_run(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="got type object, expected an array of real numbers"):
        load_arrays(tmp_path / "a.npz")


def test_a_file_that_is_no_archive_or_not_there_is_refused(tmp_path):
    (tmp_path / "a.npz").write_text("labels")
    with pytest.raises(InputError, match=r"a.npz: got File is not a zip file, expected a .npz archive"):
        load_arrays(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"b.npz: got No such file or directory, expected a readable .npz file"):
        load_arrays(tmp_path / "b.npz")
    with pytest.raises(InputError, match="Is a directory"):
        load_arrays(tmp_path)


def test_a_broken_archive_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(10000))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[200:260] = bytes(60)
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(InputError, match=r"expected a .npz archive of numpy arrays"):
        load_arrays(tmp_path / "a.npz")


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10**6))
    monkeypatch.setattr("archsim.values.arrays.MAX_BYTES", 10**6)
    with pytest.raises(InputError, match="got 8000128 bytes of arrays, expected at most 1000000"):
        load_arrays(tmp_path / "a.npz")
    monkeypatch.setattr("archsim.values.arrays.MAX_ARRAYS", 0)
    with pytest.raises(InputError, match="got 1 members, expected at most 0 arrays"):
        load_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["images", "inputs", "x"])
def test_a_single_input_takes_images_inputs_or_its_own_name(name):
    array = np.ones((1, 3))
    assert network_inputs(linear(np.ones((3, 1))), {name: array, "labels": array}, "a.npz") == {"x": array}


def test_a_missing_array_says_what_is_there_and_what_would_do():
    graph = linear(np.ones((3, 1)))
    with pytest.raises(InputError, match=r"a.npz: got X, labels, expected an array named 'images' or 'inputs' or 'x'"):
        network_inputs(graph, {"X": np.ones(3), "labels": np.ones(3)}, "a.npz")
    with pytest.raises(InputError, match=r"a.npz: got no arrays, expected"):
        network_inputs(graph, {}, "a.npz")


def test_images_beside_inputs_are_ambiguous_unless_the_input_is_named():
    graph, arrays = linear(np.ones((3, 1))), {"images": np.ones((1, 3)), "inputs": np.zeros((1, 3))}
    with pytest.raises(InputError) as caught:
        network_inputs(graph, arrays, "a.npz")
    assert str(caught.value) == "a.npz: got both 'images' and 'inputs', expected one of them, or an array named 'x'"
    named = np.full((1, 3), 2)
    assert network_inputs(graph, {**arrays, "x": named}, "a.npz") == {"x": named}
