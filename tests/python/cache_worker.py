# SPDX-License-Identifier: MIT
"""One of several processes that share a cache folder: python cache_worker.py <seed> <compiles>.

Compiles kernels in random order, forgetting what is in memory, so that each comes from the folder or from the
compiler; runs each and compares with NumPy. Each kernel has a result of its own, so code of another one shows.
Prints what the disk cache did.
"""

import json
import random
import sys

import numpy as np
from enigma._enigma import clear_cache

import enigma

KERNELS = 24


@enigma.kernel
def straight(A: enigma.i32, Out: enigma.i32, n: enigma.Constexpr(int)):
    i = enigma.thread_position_in_grid
    Out[i] = (A[i] ^ (n * 2654435 & 0xFFFF)) * (n + 3) - n


@enigma.kernel
def looped(A: enigma.i32, Out: enigma.i32, n: enigma.Constexpr(int)):
    i = enigma.thread_position_in_grid
    total = enigma.i32(n)
    for k in enigma.range(A[i] & 15):
        total += k * n
    Out[i] = total


def expected(a, number):
    n = number // 2
    if number % 2:
        k = a & 15
        return n + n * (k * (k - 1) // 2)
    return (a ^ (n * 2654435 & 0xFFFF)) * (n + 3) - n


def main():
    seed, compiles = map(int, sys.argv[1:])
    chance = random.Random(seed)
    runtimes = [enigma.HostRuntime(), enigma.HostRuntime(check=False)]
    a = np.arange(64, dtype=np.int32) * 7
    for turn in range(compiles):
        number = chance.randrange(KERNELS)
        compiled = enigma.compile(looped if number % 2 else straight, n=number // 2)
        text = compiled.metal_source
        assert compiled.kernel_name in text and text.endswith("}\n"), text
        out = np.full(64, -1, np.int32)
        runtimes[chance.randrange(2)].launch(compiled, [a, out], grid=64, threads=32)
        assert np.array_equal(out, expected(a, number)), (turn, number, out)
        clear_cache()
    print(json.dumps(enigma.cache.info().disk._asdict()))


if __name__ == "__main__":
    main()
