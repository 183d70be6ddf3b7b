"""Measures archsim against raw SimPy in the same run, so that a slow machine does not matter.

For each network: user-CPU seconds and peak memory of the whole process `archsim simulate`, and the seconds times
the SimPy timeouts that this machine runs in a second: the cost of a run in timeouts. The median of several runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import simpy

TIMEOUTS = 300_000
LIGHT_RESNET50 = "light_resnet50"


def timeouts_per_s() -> float:
    """SimPy timeouts a CPU second, ten processes at a time."""
    env = simpy.Environment()

    def process(count: int) -> object:
        for _ in range(count):
            yield env.timeout(1)

    for _ in range(10):
        env.process(process(TIMEOUTS // 10))  # type: ignore[arg-type]
    began = time.process_time()
    env.run()
    return TIMEOUTS / (time.process_time() - began)


def run(model: str, *settings: str) -> tuple[float, float]:
    """User-CPU seconds and peak memory in MB of one simulation, process start included."""
    command = [sys.executable, "-m", "archsim", "simulate", model, "--mapping", "isaac", "--no-values", "--quiet"]
    command += [word for setting in settings for word in ("--set", setting)]
    child = subprocess.Popen([*command, "--json", os.devnull], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_utime, usage.ru_maxrss / 1024


def path_of(model: str) -> str:
    """A shipped model by name, or one of the onnx package by its path."""
    if model != LIGHT_RESNET50:
        return model
    import onnx

    return str(Path(onnx.__file__).parent / f"backend/test/data/light/{model}.onnx")


def main() -> None:
    """Prints one line a network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["vgg16", "resnet18", LIGHT_RESNET50])
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{'network':16} {'user s':>7} {'MB':>6} {'M timeouts/s':>13} {'cost in M timeouts':>19}")
    for model in arguments.models:
        costs, seconds, memory, rates = [], [], [], []
        for _ in range(arguments.runs):
            before = timeouts_per_s()
            user_s, megabytes = run(path_of(model))
            rate = (before + timeouts_per_s()) / 2
            costs.append(user_s * rate / 1e6)
            seconds.append(user_s)
            memory.append(megabytes)
            rates.append(rate / 1e6)
        median = statistics.median
        print(
            f"{model:16} {median(seconds):7.2f} {max(memory):6.0f} {median(rates):13.2f} {median(costs):19.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
