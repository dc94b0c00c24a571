# SPDX-License-Identifier: MIT
"""From a Python function to Metal text: the first compile of a process, a warm one, and one that is known already. Without
the cache on disk, which start_time.py measures.

A warm compile traces and compiles text that is in no cache. The goals are the project's own.
"""

import os
import subprocess
import sys

os.environ["ENIGMA_CACHE"] = "0"

FIRST = """
import time, numpy, enigma
from kernels import saxpy
start = time.perf_counter()
enigma.compile(saxpy)
print(time.perf_counter() - start)
"""


def main():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    first = min(
        float(
            subprocess.run(
                [sys.executable, "-c", FIRST], capture_output=True, text=True, check=True, env=environment
            ).stdout
        )
        for _ in range(7)
    )
    print(f"saxpy, first compile of a process  {1e3 * first:8.2f} ms   goal 3 ms")

    from enigma._enigma import clear_cache
    from kernels import best_us, chain, saxpy, tiles

    import enigma

    for kernel, name, goal in (
        (saxpy, "saxpy", "0.5 ms"),
        (tiles, "4 x 4 tiles", "0.7 ms"),
        (chain, "10,000 operations", "60 ms"),
    ):

        def warm(kernel=kernel):
            clear_cache()
            enigma.compile(kernel)

        compiled = enigma.compile(kernel)
        operations = compiled.ir_source.count("\n") - 2
        print(f"{name}, warm {best_us(warm) / 1e3:8.3f} ms   goal {goal}")
        hit = best_us(lambda kernel=kernel: enigma.compile(kernel))
        print(
            f"{name}, known already {hit:8.2f} us   goal {3 + 0.15 * operations:.1f} us (3 + 0.15 for each of {operations} operations)"
        )


if __name__ == "__main__":
    main()
