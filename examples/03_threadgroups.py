# SPDX-License-Identifier: MIT
"""Threads that work together: sums of blocks by a tree, and blocks turned around, in threadgroup memory."""

import time

import numpy as np

import enigma

BLOCK = 256


@enigma.kernel
def tree_sum(X: enigma.f32, n: enigma.Scalar(enigma.u32), Out: enigma.f32):
    """Half of the threads add in each round; all of them come to the barrier."""
    tile = enigma.threadgroup_alloc(BLOCK, enigma.f32)
    lid = enigma.thread_position_in_threadgroup("x")
    gid = enigma.thread_position_in_grid
    tile[lid] = enigma.load_if(X, gid, gid < n)
    enigma.barrier()
    step = enigma.i32(BLOCK // 2)
    while step > 0:
        if lid < step:
            tile[lid] += tile[lid + step]
        enigma.barrier()
        step = step // 2
    if lid == 0:
        Out[enigma.threadgroup_position_in_grid("x")] = tile[0]


@enigma.kernel
def reverse_blocks(X: enigma.f32, Out: enigma.f32):
    """The last threadgroup may be partial: threads_per_threadgroup says how many threads it has."""
    tile = enigma.threadgroup_alloc(BLOCK, enigma.f32)
    lid = enigma.thread_position_in_threadgroup("x")
    gid = enigma.thread_position_in_grid
    last = enigma.threads_per_threadgroup("x") - 1
    tile[lid] = X[gid]
    enigma.barrier()
    Out[gid] = tile[last - lid]


def best_of(run, repeats=10):
    """Seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    n = (1 << 22) + 100  # no multiple of the block
    blocks = -(-n // BLOCK)
    x = np.random.default_rng(0).integers(-8, 9, n).astype(np.float32)  # sums of small integers are exact
    rt = enigma.default_runtime()

    summing = enigma.compile(tree_sum)
    print(summing.metal_source)
    sums = np.empty(blocks, np.float32)
    seconds = best_of(lambda: rt.launch(summing, [x, n, sums], blocks * BLOCK, BLOCK))
    np.testing.assert_array_equal(sums, np.add.reduceat(x, np.arange(0, n, BLOCK)))
    print(f"sums of {blocks} blocks agree with NumPy's: {x.nbytes / seconds / 1e9:.1f} GB/s")

    turning = enigma.compile(reverse_blocks)
    print(turning.metal_source)
    out = np.empty_like(x)
    seconds = best_of(lambda: rt.launch(turning, [x, out], n, BLOCK))
    for at in (0, BLOCK, (blocks - 1) * BLOCK):
        np.testing.assert_array_equal(out[at : at + BLOCK], x[at : at + BLOCK][::-1])
    print(f"{n} elements turned around in blocks: {2 * x.nbytes / seconds / 1e9:.1f} GB/s")


if __name__ == "__main__":
    main()
