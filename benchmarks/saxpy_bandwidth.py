# SPDX-License-Identifier: MIT
"""saxpy on 16 Mi elements beside a C loop in the same process, run in turn. Bounds checks are on.

The C loop is compiled by clang with -O3 -march=native and runs on as many threads of a pool, each on its part.
"""

import ctypes
import os
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from kernels import saxpy

import enigma

N = 1 << 24


def plain_c(folder):
    library = Path(folder) / "plain_saxpy.so"
    compiler = os.environ.get("CC", "clang-22")
    subprocess.run(
        [compiler, "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC",
         str(Path(__file__).with_name("plain_saxpy.c")), "-o", str(library)], check=True)  # fmt: skip
    return ctypes.CDLL(str(library)).plainSaxpy


def main():
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    rng = np.random.default_rng(0)
    x, y = rng.random(N, dtype=np.float32), rng.random(N, dtype=np.float32)
    ours, theirs = np.zeros_like(x), np.zeros_like(x)
    rt = enigma.HostRuntime()
    compiled = enigma.compile(saxpy)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(threads) as pool:
        loop = plain_c(folder)
        bounds = [N * t // threads for t in range(threads + 1)]

        def part(t):
            address = lambda a: ctypes.c_void_p(a.ctypes.data + 4 * bounds[t])  # noqa: E731
            loop(
                address(x),
                ctypes.c_float(2.5),
                address(y),
                address(theirs),
                ctypes.c_size_t(bounds[t + 1] - bounds[t]),
            )

        def c():
            list(pool.map(part, range(threads)))

        def enigma_run():
            rt.launch(compiled, [x, 2.5, y, ours], (N, 1, 1), (256, 1, 1))

        ratios, best = [], {"C": 1e9, "Enigma": 1e9}
        for _ in range(25):
            times = {}
            for name, run in (("C", c), ("Enigma", enigma_run)):
                start = time.perf_counter()
                run()
                times[name] = time.perf_counter() - start
                best[name] = min(best[name], times[name])
            ratios.append(times["C"] / times["Enigma"])
        np.testing.assert_array_equal(ours, theirs)
    rate = {name: 12 * N / seconds / 1e9 for name, seconds in best.items()}
    print(
        f"{threads} threads: C {rate['C']:.1f} GB/s, Enigma {rate['Enigma']:.1f} GB/s (best of 25 each, in turn)"
    )
    print(
        f"of C: best {rate['Enigma'] / rate['C']:.2f}, median of the pairs {statistics.median(ratios):.2f}   goal 0.95"
    )


if __name__ == "__main__":
    main()
