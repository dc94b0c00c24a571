# SPDX-License-Identifier: MIT
"""How long `import enigma` takes beyond `import numpy`, and what it adds to the process's memory.

Each run is a fresh interpreter; the fastest of them is printed, because the rest is noise.
The goal is 30 milliseconds.

    PYTHONPATH=build/python python benchmarks/import_time.py
"""

import subprocess
import sys

PROGRAM = """
import resource, sys, time
import numpy
unit = 1024 * 1024 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
start = time.perf_counter()
import enigma
print((time.perf_counter() - start) * 1e3, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit - before)
"""


def main() -> None:
    runs = []
    for _ in range(7):
        run = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
        milliseconds, megabytes = map(float, run.stdout.split())
        runs.append((milliseconds, megabytes))
    milliseconds, megabytes = min(runs)
    print(f"import enigma, beyond NumPy: {milliseconds:.1f} ms (goal 30), {megabytes:.1f} MB more")


if __name__ == "__main__":
    main()
