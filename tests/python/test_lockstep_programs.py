# SPDX-License-Identifier: MIT
"""Random kernels with barriers, operations among lanes and memory of their own: host, Metal text and Python agree."""

import os

import numpy as np
import pytest

import enigma as en
import lockstep
from msl import standin

FIRST = int(os.environ.get("ENIGMA_LOCKSTEP_FIRST", "0"))
PROGRAMS = int(
    os.environ.get(
        "ENIGMA_LOCKSTEP_PROGRAMS", "1000" if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else "16"
    )
)
GRID, THREADS, WIDTH = 72, 40, 32


def active(lane):
    """What an inactive lane gives is any number."""
    return (en.simd_active_threads_mask() >> en.u32(lane)) % 2 == 1


LANES = {
    "sum": en.simd_sum, "max": en.simd_max, "min": en.simd_min, "or": en.simd_or, "xor": en.simd_xor,
    "first": en.simd_broadcast_first, "before": en.simd_prefix_exclusive_sum,
    "through": en.simd_prefix_inclusive_sum, "quad_sum": en.quad_sum, "quad_max": en.quad_max,
    "any": en.simd_any, "all": en.simd_all, "quad_any": en.quad_any,
    "shuffle": lambda x, lane: en.select_(active(lane), en.simd_shuffle(x, lane), 0),
    "flipped": lambda x, bits: en.select_(
        active(en.i32(en.thread_index_in_simdgroup()) ^ bits), en.simd_shuffle_xor(x, bits), 0
    ),
}  # fmt: skip


def typed(x):
    return x if not isinstance(x, int) else en.b1(x) if isinstance(x, bool) else en.i32(x)


def lane(call):
    name, x, *lanes = call
    return LANES[name](typed(x), *lanes)


def kernel(program):
    traced = program.traced({"loop": en.range, "lane": lane, "barrier": en.barrier})

    @en.kernel
    def k(B: en.i32, n: en.Scalar(en.i32), W: en.i32, Out: en.i32):
        T = en.threadgroup_alloc(lockstep.SLOTS, en.i32)
        t = en.i32(en.thread_position_in_grid)
        lid = en.i32(en.thread_position_in_threadgroup("x"))
        u = en.i32(en.threadgroup_position_in_grid("x"))
        r = en.register_tensor(4, en.i32, 0)
        for i in range(4):
            r[i] = u
        if lid < 32:  # as many as the last threadgroup has
            T[lid], T[lid + 32] = 0, 0
        en.barrier()
        Out[t] = en.i32(traced(B, W, T, r, t, lid, n, u))

    return k


def arrays():
    w = np.array(lockstep.start(GRID), np.int32)
    return [np.array(lockstep.DATA, np.int32), 6, w, np.zeros(GRID, np.int32)]


def results(a):
    return a[3].tolist(), a[2].tolist()


@pytest.mark.hypothesis  # ./dev fuzz takes more
def test_random_programs_agree():
    programs = {str(seed): lockstep.Program(seed) for seed in range(FIRST, FIRST + PROGRAMS)}
    compiled = {seed: en.compile(kernel(program)) for seed, program in programs.items()}
    library = standin.compile_many({seed: c.metal_source for seed, c in compiled.items()})
    for seed, program in programs.items():
        want = lockstep.run(program, GRID, THREADS, WIDTH)
        host, text = arrays(), arrays()
        en.HostRuntime().launch(compiled[seed], host, grid=GRID, threads=THREADS)
        library[seed].run(text, grid=GRID, threads=THREADS)
        story = f"seed {seed}\n{program.shown}\n{compiled[seed].metal_source}"
        assert results(host) == tuple(want), f"host: {story}"
        assert results(text) == tuple(want), f"Metal: {story}"
