"""Measures reading a crossbar against numpy's float32 products in the same run, and whole networks through crossbars.

The matrix is that of a 3 x 3 convolution of 128 to 128 channels, 1152 x 128, read by 196 vectors: 8-bit weights on
2-bit cells, 8-bit inputs bit by bit, arrays of 128 rows, `offset` encoding. Every conversion evaluated, that is nine
products of 1568 x 128 by 128 x 512; where nothing can be lost, one of 196 x 1152 by 1152 x 128. One thread; the best of
several runs, because what else the machine does only adds.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from archsim.crossbar import CrossbarSpec, DeviceErrors, popcount, program

SPEC = CrossbarSpec(
    rows=128, columns=128, cell_bits=2, dac_bits=1, weight_bits=8, input_bits=8, signed_inputs=False,
    sign="offset", adc_bits=8, adc_step=1, rows_per_read=128,
)  # fmt: skip
ROWS, OUTPUTS, VECTORS = 1152, 128, 196
NETWORKS = ("resnet18", "vgg16")
ADC_BITS = (8, 6)
DEVICES = {
    "programming error": DeviceErrors(sigma=0.05),
    "noise of reads": DeviceErrors(read_sigma=0.05, read_error_model="constant"),
    "noise that depends on the state": DeviceErrors(read_sigma=0.05),
}


def best_s(work: Callable[[], object], runs: int) -> float:
    """CPU seconds of the fastest run, after one to warm up."""
    work()
    seconds = []
    for _ in range(runs):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def reads(runs: int) -> None:
    """One line for conversions, with the share of the rate of the products, and one for the product."""
    rng = np.random.default_rng(0)
    weights, inputs = rng.integers(-128, 128, (ROWS, OUTPUTS)), rng.integers(0, 256, (VECTORS, ROWS), dtype=np.int32)
    left, right = rng.random((VECTORS * 8, 128), np.float32), rng.random((128, OUTPUTS * 4), np.float32)
    plain, cells = inputs.astype(np.float32), weights.astype(np.float32)
    out = np.empty((len(left), right.shape[1]), np.float32)
    wide = program(weights, SPEC)

    def nine_products() -> None:
        for _ in range(ROWS // 128):
            np.matmul(left, right, out=out)

    peak_s, plain_s = best_s(nine_products, runs), best_s(lambda: plain @ cells, runs)
    print(f"{'read':34} {'ms':>7} {'float32 ms':>11} {'ratio':>6}")
    for how, conversions in (("lossy, ones counted (numba)", 0), ("lossy, rate of the products", sys.maxsize)):
        popcount.WORTH_LOADING = conversions
        narrow = program(weights, replace(SPEC, adc_bits=6))
        lossy_s = best_s(partial(narrow.read, inputs), runs)
        print(f"{how:34} {lossy_s * 1e3:7.2f} {peak_s * 1e3:11.2f} {peak_s / lossy_s:6.2f}")
    every_s = best_s(lambda: wide.read_all_conversions(inputs), runs)
    print(f"{'all conversions, rate of the same':34} {every_s * 1e3:7.2f} {peak_s * 1e3:11.2f} {peak_s / every_s:6.2f}")
    exact_s = best_s(lambda: wide.read(inputs), runs)
    print(f"{'lossless, time of one product':34} {exact_s * 1e3:7.2f} {plain_s * 1e3:11.2f} {exact_s / plain_s:6.2f}")
    print(f"{'devices':34} {'ms':>7} {'ideal ms':>11} {'ratio':>6}")
    for name, devices in DEVICES.items():
        real = program(weights, SPEC, devices=devices)
        real_s = best_s(partial(real.read, inputs), runs)
        print(f"{name:34} {real_s * 1e3:7.2f} {every_s * 1e3:11.2f} {real_s / every_s:6.2f}")


def networks() -> None:
    """One line a network and ADC: user-CPU seconds and peak memory in MB of `archsim evaluate` on one image."""
    print(f"{'network':16} {'ADC bits':>8} {'user s':>7} {'MB':>6}")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "image.npz"
        np.savez(data, images=np.random.default_rng(0).random((1, 3, 224, 224), np.float32))
        for network in NETWORKS:
            for bits in ADC_BITS:
                user_s, megabytes = evaluate(network, data, bits)
                print(f"{network:16} {bits:8} {user_s:7.2f} {megabytes:6.0f}", flush=True)


def evaluate(network: str, data: Path, adc_bits: int) -> tuple[float, float]:
    """User-CPU seconds and peak memory in MB, process start included."""
    command = [sys.executable, "-m", "archsim", "evaluate", network, "--data", str(data), "--mapping", "isaac"]
    command += ["--random-weights", "0", "--quiet", "--json", os.devnull]
    for setting in ("precision.weight_bits=8", "precision.input_bits=8", f"adc.bits={adc_bits}"):
        command += ["--set", setting]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_utime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    reads(parser.parse_args().runs)
    networks()
