# SPDX-License-Identifier: MIT
"""A fresh process to its first result, cold (nothing on disk) and warm (an earlier process left its code), and then in
a running process a kernel from the disk to callable. Medians of fresh processes, in milliseconds.

    PYTHONPATH=build/python python benchmarks/start_time.py
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

PROGRAM = """
import json, time
import numpy as np
import enigma
from kernels import best_us, chain, saxpy
from enigma._enigma import clear_cache

n = 1024
x, out = np.ones(n, np.float32), np.empty(n, np.float32)
rt = enigma.HostRuntime()
times = {}

def step(name, run):
    start = time.perf_counter()
    result = run()
    times[name] = 1e3 * (time.perf_counter() - start)
    return result

saxpy.prepare()  # reads the source and imports what rewrites it: that is not compiling
compiled = step("saxpy to MSL", lambda: enigma.compile(saxpy))
step("first launch (code for the CPU)", lambda: rt.launch(compiled, [x, 2.0, x, out], n, 256))
assert (out == 3).all()
times["MLIR contexts"] = enigma.cache.info().contexts
times["from the disk"] = enigma.cache.info().disk.hits

def again():
    clear_cache()
    rt.launch(enigma.compile(saxpy), [x, 2.0, x, out], n, 256)

times["running process: trace, compile, launch"] = best_us(again) / 1e3
times["running process: all known already"] = best_us(
    lambda: rt.launch(enigma.compile(saxpy), [x, 2.0, x, out], n, 256)) / 1e3
print(json.dumps(times))
"""


def run(folder, runs):
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.pathsep.join([here, *map(os.path.abspath, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "ENIGMA_CACHE": "1", "ENIGMA_CACHE_DIR": folder}
    with tempfile.NamedTemporaryFile("w", suffix=".py") as program:
        program.write(PROGRAM)
        program.flush()
        command = [sys.executable, program.name]
        results = [
            json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
            for _ in range(runs)
        ]
    return {name: statistics.median(result[name] for result in results) for name in results[0]}


def main():
    with tempfile.TemporaryDirectory() as root:
        colds = [run(os.path.join(root, str(i)), 1) for i in range(5)]
        cold = {name: statistics.median(one[name] for one in colds) for name in colds[0]}
        warm = run(os.path.join(root, "0"), 5)
    print(f"{'':42}    cold    warm")
    for name, value in cold.items():
        print(f"{name:42}{value:8.2f}{warm[name]:8.2f}")
    print("goal: from the disk to callable 1 ms")


if __name__ == "__main__":
    main()
