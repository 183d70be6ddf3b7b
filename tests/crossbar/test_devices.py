"""Cells that are off: mean, deviation, distribution and drift as theory says, and the same in every order."""

import dataclasses
import math
from statistics import NormalDist

import numpy as np
import pytest

from archsim.crossbar import CrossbarSpec, DeviceErrors, encodings, program
from archsim.crossbar.cells import real_cells
from archsim.crossbar.draws import Draws, quantiles
from archsim.crossbar.encodings import Encoded
from archsim.crossbar.ir_drop import effective_conductances
from archsim.errors import InputError

# One cell a weight, of a sign of its own.
PLAIN = CrossbarSpec(
    rows=128, columns=128, cell_bits=3, dac_bits=1, weight_bits=3, input_bits=1, signed_inputs=False,
    sign="pair_arrays", adc_bits=None, adc_step=1, rows_per_read=128,
)  # fmt: skip


def written(level, devices, size=200_000):
    """Cells of one level, which stand in one slice and have no sign."""
    cells = np.full((1, 128, size // 128), level, dtype=np.uint8)
    encoded = Encoded(cells, np.ones((1, size // 128), dtype=np.int64), np.zeros(size // 128, dtype=np.int64))
    return real_cells([encoded], PLAIN, devices, [(5,)])[0]


def conducted(level, devices):
    """What cells of one level conduct, in shares of a cell that is fully on."""
    return written(level, devices).levels.ravel() / PLAIN.largest_cell


def distance(sample, cumulative):
    """Kolmogorov and Smirnov's distance of a sample from a distribution, times the root of its size."""
    ordered = np.sort(sample)
    expected = np.array([cumulative(value) for value in ordered])
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max()) * math.sqrt(len(ordered))


# Exceeded by one in a million samples of the distribution.
FAR = 2.7


def test_normal_numbers_have_mean_0_variance_1_and_the_tails_of_65536_quantiles():
    table = quantiles().astype(np.float64)
    assert abs(table.mean()) < 1e-9
    assert table.var() == pytest.approx(1, abs=1e-6)
    assert table.max() == pytest.approx(NormalDist().inv_cdf(1 - 0.5 / 65536), rel=1e-3)
    assert np.array_equal(table, -table[::-1])
    drawn = Draws(1, 2).normal((40_000,))
    assert distance(drawn, NormalDist().cdf) < FAR


def test_the_numbers_of_a_key_never_change():
    """Fixed once and for all: raw output of PCG64, which numpy keeps as it is."""
    assert Draws(1, 2, 3).uniform((2,)).tolist() == [0.6704722626516632, 0.1110146366693816]
    assert Draws(7).normal((3,)).tolist() == [-0.5499143600463867, 1.5973844528198242, -0.6542034149169922]


@pytest.mark.parametrize("level", [1, 4, 7])
@pytest.mark.parametrize(("model", "share"), [("state_dependent", None), ("constant", 1)])
def test_programming_errors_are_normal_with_the_deviation_asked_for(level, model, share):
    found = conducted(level, DeviceErrors(sigma=0.03, error_model=model))
    wanted = level / 7
    sigma = 0.03 * (wanted if share is None else share)
    assert found.mean() == pytest.approx(wanted, abs=4 * sigma / math.sqrt(len(found)))
    assert found.std() == pytest.approx(sigma, rel=0.01)
    if wanted > 5 * sigma:
        assert distance(found[:20_000], NormalDist(wanted, sigma).cdf) < FAR


def test_a_cell_that_is_off_conducts_nothing_where_the_error_depends_on_its_state():
    assert not conducted(0, DeviceErrors(sigma=0.5)).any()


def test_no_cell_conducts_less_than_nothing_or_more_than_twice_what_one_does_that_is_on():
    found = conducted(7, DeviceErrors(sigma=3.0))
    assert found.min() == 0
    assert found.max() == 2


def test_stuck_cells_are_as_many_as_asked_for_whatever_is_written():
    devices = DeviceErrors(stuck_on=0.02, stuck_off=0.05)
    for level in (0, 3, 7):
        found = conducted(level, devices)
        on, off = (np.mean(np.isclose(found, value)) for value in (1.0, 0.0))
        wanted_on = 1 - 0.05 if level == 7 else 0.02
        wanted_off = 1 - 0.02 if level == 0 else 0.05
        assert on == pytest.approx(wanted_on, abs=0.002)
        assert off == pytest.approx(wanted_off, abs=0.002)
        assert np.isclose(found, 1, atol=1e-12).sum() + np.isclose(found, 0).sum() + (
            np.isclose(found, level / 7).sum() if 0 < level < 7 else 0
        ) == len(found)


def test_off_cells_carry_their_share_unless_it_is_taken_off():
    """With a ratio of 16 a cell at level l of 7 conducts 7/16 + 15/16 l; positive and negative columns leak alike."""
    leaking = DeviceErrors(on_off_ratio=16.0)
    corrected = dataclasses.replace(leaking, off_current_correction=True)
    for level in (0, 3, 7):
        assert conducted(level, leaking) == pytest.approx(1 / 16 + 15 / 16 * level / 7)
        assert conducted(level, corrected) == pytest.approx(level / 7)
    spec = dataclasses.replace(PLAIN, sign="pair")
    weights, inputs = np.zeros((128, 1), dtype=np.int64), np.arange(128)[None] % 2
    weights[:32] = 3
    # 64 rows are driven, 16 of them at level 3: 64 x 7/16 + 48 x 15/16 = 73, less 28 of the negative column
    assert program(weights, spec, devices=leaking).read(inputs).tolist() == [[45]]
    assert program(weights, spec, devices=corrected).read(inputs).tolist() == [[48]]
    noisy = dataclasses.replace(corrected, read_sigma=1e-9)
    assert program(weights, spec, devices=noisy).read(inputs).tolist() == [[48]]


def test_conductances_drift_by_a_power_of_time():
    """The slope of the logarithm of what cells conduct over that of time is the exponent, with its spread."""
    times = [10.0**power for power in range(1, 8)]
    found = [conducted(7, DeviceErrors(drift_exponent=0.05, drift_start_s=1.0, time_s=time)).mean() for time in times]
    slope = np.polyfit(np.log(times), np.log(found), 1)[0]
    assert slope == pytest.approx(-0.05, abs=1e-9)
    spread = conducted(7, DeviceErrors(drift_exponent=0.05, drift_sigma=0.01, drift_start_s=1.0, time_s=1e6))
    exponents = -np.log(spread) / np.log(1e6)
    assert exponents.mean() == pytest.approx(0.05, abs=1e-4)
    assert exponents.std() == pytest.approx(0.01, rel=0.01)
    assert distance(exponents[:20_000], NormalDist(0.05, 0.01).cdf) < FAR


def test_cells_lose_their_state_at_a_constant_rate():
    devices = DeviceErrors(retention_s=1e8, time_s=5e7)
    assert np.mean(conducted(7, devices) == 0) == pytest.approx(1 - math.exp(-0.5), abs=0.004)
    assert np.mean(conducted(7, dataclasses.replace(devices, time_s=0.0)) == 0) == 0


def test_verified_writing_cuts_the_normal_distribution_and_takes_a_geometric_number_of_pulses():
    """Each pulse succeeds with p = P(|e| <= tolerance); after n of them a cell stays as it is."""
    sigma, tolerance = 0.1, 0.05
    once = NormalDist(0, sigma)
    p = once.cdf(tolerance) - once.cdf(-tolerance)
    devices = DeviceErrors(sigma=sigma, verify_tolerance=tolerance, verify_pulses=40)
    cells = written(7, devices)
    errors = cells.levels.ravel() / 7 - 1
    assert np.abs(errors).max() <= tolerance + 1e-9
    assert distance(errors[:20_000], lambda e: (once.cdf(e) - once.cdf(-tolerance)) / p) < FAR
    assert cells.pulses / errors.size == pytest.approx((1 - (1 - p) ** 40) / p, rel=0.01)
    cells = written(7, dataclasses.replace(devices, verify_pulses=2))
    assert cells.pulses / errors.size == pytest.approx(2 - p, rel=0.01)
    assert np.mean(np.abs(cells.levels / 7 - 1) > tolerance) == pytest.approx((1 - p) ** 2, abs=0.004)


def read_errors(devices, level, driven, spec=PLAIN, reads=2000):
    """What sums are off by, before they are converted."""
    weights = np.full((128, 16), level)
    inputs = np.zeros((reads, 128), dtype=np.int64)
    inputs[:, :driven] = 1
    group = program(weights, spec, devices=devices, seed=(3,)).kept[0]
    levels = inputs.astype(group.cells.dtype)
    sums = levels @ group.cells
    ideal = sums.copy()
    group.noise.disturb(sums, levels, 1, Draws(9))
    return (sums - ideal).ravel().astype(np.float64)


@pytest.mark.parametrize("model", ["constant", "state_dependent"])
def test_noise_of_a_read_has_the_law_of_that_of_every_cell_by_itself(model):
    """Against noise drawn for every cell: the same deviation, and a sample that comes from the same distribution."""
    sigma, driven, level = 0.04, 37, 3
    found = read_errors(DeviceErrors(read_sigma=sigma, read_error_model=model), level, driven)
    share = level / 7 if model == "state_dependent" else 1
    # of two cells, one is off: with `constant` it is as noisy
    cells = 1 if model == "state_dependent" else 2
    per_cell = 7 * sigma * share
    apart = per_cell * np.random.default_rng(0).normal(size=(20_000, driven * cells)).sum(axis=1)
    assert found.mean() == pytest.approx(0, abs=4 * found.std() / math.sqrt(len(found)))
    assert found.std() == pytest.approx(per_cell * math.sqrt(driven * cells), rel=0.01)
    assert found.std() == pytest.approx(apart.std(), rel=0.02)
    merged = np.sort(np.concatenate([found, apart]))
    ours, theirs = (np.searchsorted(np.sort(one), merged, side="right") / len(one) for one in (found, apart))
    size = len(found) * len(apart) / (len(found) + len(apart))
    assert np.abs(ours - theirs).max() * math.sqrt(size) < FAR


def test_converters_add_their_own_errors():
    """gain 2 %, offset 3 codes, noise of half a code, all of a code of 4 units."""
    spec = dataclasses.replace(PLAIN, adc_bits=9, adc_step=4, adc_gain_error=0.02, adc_offset=3.0, adc_sigma=0.5)
    weights = np.full((128, 16), 3)
    group = program(weights, spec, seed=(3,)).kept[0]
    levels = np.ones((3000, 128), dtype=group.cells.dtype)
    sums = levels @ group.cells
    group.noise.disturb(sums, levels, 4, Draws(9))
    assert float(sums.mean(dtype=np.float64)) == pytest.approx(128 * 3 * 1.02 + 12, abs=0.05)
    assert sums.std() == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("sign", sorted(encodings()))
def test_without_errors_the_path_of_real_cells_gives_the_same_bits(sign):
    rng = np.random.default_rng(1)
    bits, cell_bits = (1, 1) if sign == "binary" else (8, 2)
    spec = CrossbarSpec(
        rows=64, columns=64, cell_bits=cell_bits, dac_bits=1, weight_bits=bits, input_bits=bits, signed_inputs=False,
        sign=sign, adc_bits=6, adc_step=1, rows_per_read=32,
    )  # fmt: skip
    low, high = spec.weight_range
    weights = rng.choice([low, high], (100, 20)) if sign == "binary" else rng.integers(low, high, (100, 20))
    inputs = rng.integers(0, spec.input_range[1], (12, 100), endpoint=True)
    ideal = program(weights, spec).read_all_conversions(inputs)
    tiny = DeviceErrors(sigma=1e-12, read_sigma=1e-12, stuck_on=1e-12)
    assert np.array_equal(program(weights, spec, devices=tiny).read(inputs), ideal)


@pytest.mark.parametrize("read_error_model", ["constant", "state_dependent"])
def test_sums_do_not_depend_on_the_order_of_rows(read_error_model):
    rng = np.random.default_rng(2)
    spec = dataclasses.replace(PLAIN, sign="offset", cell_bits=2, weight_bits=8, input_bits=8, adc_bits=8)
    weights, inputs = rng.integers(-128, 128, (128, 30)), rng.integers(0, 256, (50, 128))
    devices = DeviceErrors(sigma=0.1, read_sigma=0.05, read_error_model=read_error_model)
    matrix = program(weights, spec, devices=devices, seed=(4,))
    group = matrix.kept[0]
    order = rng.permutation(128)
    noise = group.noise
    if noise.squares is not None:
        noise = dataclasses.replace(noise, squares=np.ascontiguousarray(noise.squares[order]))
    shuffled = dataclasses.replace(group, cells=np.ascontiguousarray(group.cells[order]), noise=noise)
    matrix.kept[0] = shuffled
    moved = matrix.read(inputs[:, order])
    again = program(weights, spec, devices=devices, seed=(4,))
    assert np.array_equal(again.read(inputs), moved), "in another order"
    assert not np.array_equal(again.read(inputs), moved), "every read draws new noise"
    assert not np.array_equal(program(weights, spec, devices=devices, seed=(5,)).read(inputs), moved), "another seed"


def test_cells_that_are_written_again_for_every_read_are_the_same_ones(monkeypatch):
    spec = dataclasses.replace(PLAIN, sign="offset", cell_bits=2, weight_bits=8, input_bits=8, adc_bits=8)
    rng = np.random.default_rng(2)
    weights, inputs = rng.integers(-128, 128, (300, 30)), rng.integers(0, 256, (5, 300))
    devices = DeviceErrors(sigma=0.1, read_sigma=0.1)
    kept = program(weights, spec, devices=devices, seed=(4,))
    monkeypatch.setattr("archsim.crossbar.matrix.CELLS_KEPT", 0)
    matrix = program(weights, spec, devices=devices, seed=(4,))
    assert not matrix.kept
    for _ in range(2):
        assert np.array_equal(matrix.read(inputs), kept.read(inputs))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sigma": -0.1}, r"device\.sigma: got -0\.1, expected a number from 0 up to 10"),
        ({"sigma": math.nan}, r"device\.sigma: got nan"),
        ({"stuck_on": 1.5}, r"device\.stuck_on: got 1\.5, expected a number from 0 up to 1"),
        ({"on_off_ratio": 1.0}, r"device\.on_off_ratio: got 1\.0, expected a number above 1 up to 1e\+09"),
        ({"error_model": "constan"}, r"device\.error_model: got constan, .* \(did you mean 'constant'\?\)"),
        ({"stuck_on": 0.6, "stuck_off": 0.6}, r"device\.stuck_on \+ device\.stuck_off: got 0\.6 \+ 0\.6, expected at"),
        ({"verify_tolerance": 0.1}, r"device\.verify_pulses: got null, expected a number, as device\.verify_tolerance"),
        ({"verify_pulses": 3}, r"device\.verify_tolerance: got null, expected a number, as device\.verify_pulses"),
        ({"off_current_correction": True}, r"device\.on_off_ratio: got null, expected a ratio, for device\.off_curr"),
        ({"time_s": 10.0}, r"device\.time_s: got 10\.0, expected null or 0, or with it device\.drift_exponent, "),
        ({"time_s": 10.0, "drift_exponent": 0.1}, r"device\.drift_start_s: got null, expected the time from which"),
        (
            {"time_s": 1.0, "drift_exponent": 0.1, "drift_start_s": 2.0},
            r"device\.time_s: got 1\.0, expected 0, or at least device\.drift_start_s, 2",
        ),
    ],
)
def test_errors_that_make_no_sense_say_why(given, message):
    with pytest.raises(InputError, match=message):
        DeviceErrors(**given)


def test_all_bad_errors_are_told_at_once():
    with pytest.raises(InputError) as caught:
        DeviceErrors(sigma=-1, read_sigma=-1, verify_pulses=0)
    assert len(caught.value.problems) == 4


def test_wires_are_those_of_a_whole_array_however_few_rows_are_read_at_once():
    """Two arrays of 8 rows and 6 columns, read 4 rows at a time, against arrays solved one by one."""
    spec = dataclasses.replace(PLAIN, rows=8, columns=6, rows_per_read=4, sign="offset", cell_bits=1, weight_bits=3)
    rng = np.random.default_rng(0)
    weights = rng.integers(-4, 4, (16, 4))
    weights[::4] = -4  # a row without ones in each read, so that no column is stored flipped
    matrix = program(weights, spec, devices=DeviceErrors(wire_ratio=0.01, on_off_ratio=20.0))
    levels = np.concatenate([matrix.kept[number].cells for number in range(4)])
    # an output's three bits are three columns; two outputs fill an array
    bits = (weights[:, :, None] + 4) >> np.arange(3) & 1
    for rows in (slice(0, 8), slice(8, 16)):
        for outputs in (slice(0, 2), slice(2, 4)):
            conducted = 1 / 20 + 19 / 20 * bits[rows, outputs].reshape(8, 6)
            expected = effective_conductances(conducted, 0.01).reshape(8, 2, 3)
            found = levels[rows].reshape(8, 3, 4)[:, :, outputs].transpose(0, 2, 1)
            assert found == pytest.approx(expected, abs=2.0**-14)


@pytest.mark.parametrize("sigma", [0.001, 0.03])
@pytest.mark.parametrize(("dac_bits", "cell_bits"), [(1, 2), (3, 4), (6, 2), (8, 2), (8, 4)])
def test_noise_that_depends_on_the_state_is_there_however_small_it_is(sigma, dac_bits, cell_bits):
    """Against the root of the sum of squares over the cells, one by one."""
    spec = dataclasses.replace(
        PLAIN, sign="offset", weight_bits=8, cell_bits=cell_bits, input_bits=8, dac_bits=dac_bits, rows=128
    )
    rng = np.random.default_rng(1)
    weights = rng.integers(-128, 128, (128, 3))
    group = program(weights, spec, devices=DeviceErrors(read_sigma=sigma)).kept[0]
    levels = rng.integers(0, 2**dac_bits, (5, 128)).astype(group.cells.dtype)
    cells = group.cells.astype(np.float64)
    wanted = sigma * np.sqrt(np.square(levels, dtype=np.float64) @ np.square(cells))
    assert group.noise._deviation(levels, 1) == pytest.approx(wanted, rel=2e-3)


def test_what_a_cell_conducts_is_cut_at_twice_and_what_is_taken_off_does_not_cut_it_again():
    """On/off ratio 2, corrected: a cell that is on conducts 1 + 0.5 e, cut at 0 and 2, less 1/2, times 2."""
    devices = DeviceErrors(sigma=0.5, error_model="constant", on_off_ratio=2.0, off_current_correction=True)
    found = conducted(7, devices)
    assert found.max() == pytest.approx(3)
    assert found.min() == pytest.approx(-1)
    assert found.mean() == pytest.approx(1, abs=0.01)
