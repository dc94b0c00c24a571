# SPDX-License-Identifier: MIT
"""Programs with operations among lanes, written as a user would: scans, loops that lanes leave, lazy operands, errors."""

import numpy as np
import pytest

import enigma as en
from marks import marked, notes, refused, sentence
from msl import standin


def both(kernel, arrays, grid, threads):
    """The arrays after the host's run; the Metal text gives the same."""
    compiled = en.compile(kernel)
    host = [a.copy() for a in arrays]
    en.HostRuntime().launch(compiled, host, (grid, 1, 1), (threads, 1, 1))
    text = [a.copy() for a in arrays]
    standin.compile(compiled.metal_source, sanitize=True).run(text, grid=grid, threads=threads)
    for h, t in zip(host, text, strict=True):
        np.testing.assert_allclose(h, t, rtol=1e-5)
    return host


def test_a_prefix_scan_over_simdgroups_is_a_cumulative_sum():
    @en.kernel
    def totals(A: en.u32, Sums: en.u32):
        i = en.thread_position_in_grid
        total = en.simd_sum(A[i])
        if en.simd_is_first():
            Sums[i // 32] = total

    @en.kernel
    def scan_sums(Sums: en.u32, Before: en.u32):
        i = en.thread_position_in_grid
        Before[i] = en.simd_prefix_exclusive_sum(Sums[i])

    @en.kernel
    def scan(A: en.u32, Before: en.u32, Out: en.u32):
        i = en.thread_position_in_grid
        Out[i] = Before[i // 32] + en.simd_prefix_inclusive_sum(A[i])

    n = 1000
    a = np.random.default_rng(1).integers(0, 1 << 32, n, dtype=np.uint32)
    groups = -(-n // 32)
    _, sums = both(totals, [a, np.zeros(groups, np.uint32)], n, 128)
    _, before = both(scan_sums, [sums, np.zeros(groups, np.uint32)], groups, 32)
    *_, out = both(scan, [a, before, np.zeros(n, np.uint32)], n, 128)
    np.testing.assert_array_equal(out, np.cumsum(a, dtype=np.uint32))


def test_lanes_that_left_a_loop_are_not_counted():
    @en.kernel
    def k(N: en.u32, Out: en.u32):
        i = en.thread_position_in_grid
        round = en.u32(0)
        seen = en.u32(0)
        while round < N[i]:
            seen = seen + en.popcount(en.simd_active_threads_mask())
            round = round + 1
        Out[i] = seen

    n = 70
    rounds = np.random.default_rng(2).integers(0, 9, n).astype(np.uint32)
    _, out = both(k, [rounds, np.zeros(n, np.uint32)], n, 64)
    group = [rounds[i // 64 * 64 + i % 64 // 32 * 32 :][:32] for i in range(n)]
    group = [g[: min(64, n - i // 64 * 64) - i % 64 // 32 * 32] for i, g in enumerate(group)]
    want = [sum(int((g > r).sum()) for r in range(rounds[i])) for i, g in enumerate(group)]
    np.testing.assert_array_equal(out, want)


def test_all_lanes_take_part_in_what_a_select_chooses_for_some():
    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        Out[i] = en.select_(A[i] > 0, en.simd_sum(A[i]), 0)
        en.store_if(Out, i, en.simd_max(A[i]), A[i] == 0)

    a = np.random.default_rng(3).integers(-3, 4, 64).astype(np.int32)
    _, out = both(k, [a, np.zeros(64, np.int32)], 64, 64)
    half = a.reshape(2, 32)
    sums, most = half.sum(1).repeat(32), half.max(1).repeat(32)
    np.testing.assert_array_equal(out, np.where(a > 0, sums, np.where(a == 0, most, 0)))


def test_an_early_return_leaves_the_rest_of_the_simdgroup():
    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        if A[i] < 0:
            return
        Out[i] = en.simd_sum(A[i]) + en.simd_broadcast_first(en.i32(i))

    a = np.random.default_rng(4).integers(-3, 9, 40).astype(np.int32)
    _, out = both(k, [a, np.full(40, -1, np.int32)], 40, 40)
    for part in (slice(0, 32), slice(32, 40)):
        on = a[part] >= 0
        want = a[part][on].sum() + part.start + np.flatnonzero(on)[0]
        np.testing.assert_array_equal(out[part], np.where(on, want, -1))


def test_simdgroups_of_a_box_count_threads_with_x_fastest():
    @en.kernel
    def k(Out: en.u32):
        x = en.thread_position_in_grid_xyz("x")
        y = en.thread_position_in_grid_xyz("y")
        Out[y * 10 + x] = en.simd_sum(en.u32(1)) * 1000 + en.simd_min(y * 10 + x)

    compiled = en.compile(k)
    out, text = np.zeros(70, np.uint32), np.zeros(70, np.uint32)
    en.HostRuntime().launch(compiled, [out], (10, 7, 1), (5, 8, 1))
    standin.compile(compiled.metal_source).run([text], grid=(10, 7), threads=(5, 8))
    np.testing.assert_array_equal(out, text)
    # Groups of 5 x 7 threads: a simdgroup of 32 and one of 3.
    for x0 in (0, 5):
        places = [y * 10 + x0 + x for y in range(7) for x in range(5)]
        np.testing.assert_array_equal(out[places[:32]], 32000 + x0)
        np.testing.assert_array_equal(out[places[32:]], 3000 + places[32])


def test_simdgroups_and_quadgroups_go_together():
    @en.kernel
    def k(A: en.f32, Out: en.f32):
        i = en.thread_position_in_grid
        Out[i] = en.simd_sum(A[i]) - en.quad_max(A[i])

    a = np.arange(8, dtype=np.float32)
    _, out = both(k, [a, np.zeros(8, np.float32)], 8, 8)
    np.testing.assert_array_equal(out, [25] * 4 + [21] * 4)


# ---- Errors


def test_a_lane_that_does_not_exist_is_an_error():
    def k(A: en.f32, Out: en.f32):
        Out[0] = en.simd_shuffle(A[0], 32)

    error = refused(k)
    assert sentence(error) == "simd_shuffle: lane must be an integer from 0 to 31, got 32"
    assert notes(error) == ["a simdgroup has 32 lanes"]
    assert marked(error) == "en.simd_shuffle(A[0], 32)"


def test_a_float_lane_is_an_error():
    def k(A: en.f32, Out: en.f32):
        Out[0] = en.simd_shuffle_down(A[0], A[1])

    assert sentence(refused(k)) == "simd_shuffle_down: lane must be an integer, got f32"

    def number(A: en.f32, Out: en.f32):
        Out[0] = en.simd_shuffle_down(A[0], 0.5)

    assert sentence(refused(number)) == "simd_shuffle_down: lane must be an integer from 0 to 31, got 0.5"


@pytest.mark.parametrize("modulo", [3, 64, 0, -8, 2.0])
def test_a_modulo_is_a_power_of_two(modulo):
    def k(A: en.f32, Out: en.f32):
        Out[0] = en.simd_shuffle_and_fill_up(A[0], A[1], 1, modulo)

    want = f"simd_shuffle_and_fill_up: modulo must be 2, 4, 8, 16 or 32, got {modulo}"
    assert sentence(refused(k)) == want


def test_bits_of_floats_are_an_error():
    def k(A: en.f32, Out: en.f32):
        Out[0] = en.simd_xor(A[0])

    assert sentence(refused(k)) == "simd_xor: needs an integer or b1, got f32"


def test_several_positions_in_one_thread_are_an_error():
    @en.kernel
    def k(A: en.f32, Out: en.f32):
        i = en.thread_position_in_grid
        Out[i] = en.simd_sum(A[i])

    with pytest.raises(en.CompileError, match="vec_width: simd_sum has no form for 4 positions"):
        en.compile(k, vec_width=4)


def test_a_function_newer_than_the_target_is_an_error():
    @en.kernel
    def k(A: en.f32, Out: en.f32):
        i = en.thread_position_in_grid
        Out[i] = en.simd_shuffle_and_fill_up(A[i], A[i], 1)

    assert en.compile(k).metal_source.startswith("// MSL 2.4\n")
    with pytest.raises(en.UnsupportedError, match=r"MSL 2.4"):
        en.compile(k, msl_version="2.3")
