# SPDX-License-Identifier: MIT
"""Takes thousands of random kernels through typed_check.py, with a bar that shows how far it is.

    python tests/python/fuzz_kernels.py --count 5000 --first 0 --jobs 2

Ends with 1 if any disagree; each is printed as it is found, cut to the part that matters.
"""

import argparse
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

os.environ["ENIGMA_CACHE"] = "0"
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from typed_check import BATCH, failures  # noqa: E402

WIDTH = 40


class Bar:
    """One line that changes on a terminal; in a file, a line for each tenth."""

    def __init__(self, total):
        self.total, self.done, self.found, self.start, self.tenth = total, 0, 0, time.monotonic(), -1

    def show(self):
        part = self.done / self.total
        minutes = (time.monotonic() - self.start) / 60
        left = f", {minutes * (1 - part) / part:.0f} left" if part else ""
        text = f"{self.done}/{self.total} kernels, {self.found} disagree, {minutes:.0f} min{left}"
        if sys.stderr.isatty():
            print(f"\r[{'#' * int(part * WIDTH):{WIDTH}}] {text}  ", end="", file=sys.stderr, flush=True)
        elif int(part * 10) > self.tenth:
            self.tenth = int(part * 10)
            print(f"[{'#' * int(part * WIDTH):{WIDTH}}] {text}", file=sys.stderr, flush=True)


def batches(first, count):
    return [range(at, min(at + BATCH, first + count)) for at in range(first, first + count, BATCH)]


def outcome(future, seeds):
    try:
        return future.result()
    except BrokenProcessPool:
        return [f"the process died on one of seeds {seeds.start} to {seeds.stop - 1}, or a neighbour"], 0
    except Exception as error:
        return [f"seeds {seeds.start} to {seeds.stop - 1}: {error!r}"], 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="random kernels")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    bar, compared = Bar(options.count), 0
    waiting = batches(options.first, options.count)[::-1]
    bar.show()
    # A process ends after some batches, and with it what was compiled.
    pools = [ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=4) for _ in range(options.jobs)]
    running = {}
    while waiting or running:
        for k, pool in enumerate(pools):
            if waiting and all(k != at for at, _ in running.values()):
                seeds = waiting.pop()
                running[pool.submit(failures, seeds)] = k, seeds
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            k, seeds = running.pop(future)
            found, number = outcome(future, seeds)
            if isinstance(future.exception(), BrokenProcessPool):
                pools[k] = ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=4)
            bar.done, bar.found, compared = bar.done + len(seeds), bar.found + len(found), compared + number
            for text in found:
                print(f"\n{text}", flush=True)
            bar.show()
    last = options.first + options.count - 1
    print(f"\nseeds {options.first} to {last}: {compared} kernels compared, {bar.found} disagree")
    return 1 if bar.found else 0


if __name__ == "__main__":
    sys.exit(main())
