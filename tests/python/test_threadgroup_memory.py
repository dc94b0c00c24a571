# SPDX-License-Identifier: MIT
"""Threadgroup memory and barriers as users write them: the host, the Metal text and NumPy agree.

A tree reduction, a block reversal and more are in show_kernels.py.
"""

import numpy as np
import pytest

import enigma as en
from three_ways import both_ways, numbers


@en.kernel
def transpose(X: en.f32, rows: en.Scalar(en.u32), columns: en.Scalar(en.u32), Out: en.f32, B: en.Constexpr):
    tile = en.threadgroup_alloc((B, B + 1), en.f32)
    lx, ly, _ = en.arch.thread_idx()
    bx, by, _ = en.arch.block_idx()
    row, column = by * B + ly, bx * B + lx
    tile[ly, lx] = en.load_if(X, row * columns + column, (row < rows) & (column < columns))
    en.barrier()
    row, column = bx * B + ly, by * B + lx
    en.store_if(Out, row * rows + column, tile[lx, ly], (row < columns) & (column < rows))


@pytest.mark.parametrize(("rows", "columns", "block"), [(64, 64, 32), (70, 45, 16), (33, 1, 8), (9, 100, 32)])
def test_a_transpose_through_a_tile(rows, columns, block):
    x = numbers(rows, columns)
    grid = (-(-columns // block) * block, -(-rows // block) * block, 1)
    args = [x, np.uint32(rows), np.uint32(columns)]
    out = both_ways(transpose, args, np.zeros((columns, rows), np.float32), grid, (block, block, 1), B=block)
    np.testing.assert_array_equal(out, x.T)


@en.kernel
def heat(T: en.f32, h: en.Scalar(en.i32), w: en.Scalar(en.i32), Out: en.f32):
    """One explicit step of the heat equation; the halo of a 16 x 8 tile is in threadgroup memory too."""
    tile = en.threadgroup_alloc((10, 18), en.f32)
    lx = en.i32(en.thread_position_in_threadgroup("x"))
    ly = en.i32(en.thread_position_in_threadgroup("y"))
    left = en.i32(en.threadgroup_position_in_grid("x")) * 16
    top = en.i32(en.threadgroup_position_in_grid("y")) * 8
    at = ly * 16 + lx
    while at < 180:
        y, x = top + at // 18 - 1, left + at % 18 - 1
        inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
        tile[at // 18, at % 18] = en.load_if(T, y * w + x, inside)
        at = at + 128
    en.threadgroup_barrier(en.mem_flags.mem_threadgroup)
    y, x = top + ly, left + lx
    c = tile[ly + 1, lx + 1]
    around = tile[ly, lx + 1] + tile[ly + 2, lx + 1] + tile[ly + 1, lx] + tile[ly + 1, lx + 2]
    en.store_if(Out, y * w + x, c + 0.125 * (around - 4.0 * c), (y < h) & (x < w))


@pytest.mark.parametrize(("h", "w"), [(32, 64), (37, 41), (8, 16), (1, 3)])
def test_a_heat_step_with_its_halo(h, w):
    t = numbers(h, w)
    p = np.pad(t, 1)
    around = p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:]
    grid = (-(-w // 16) * 16, -(-h // 8) * 8, 1)
    args = [t, np.int32(h), np.int32(w)]
    out = both_ways(heat, args, np.zeros((h, w), np.float32), grid, (16, 8, 1))
    np.testing.assert_array_equal(out, t + np.float32(0.125) * (around - 4 * t))


@en.kernel
def scan(X: en.i32, Out: en.i32):
    """Inclusive prefix sums of each group, with two arrays that take turns: 16 rounds, two barriers each."""
    a = en.threadgroup_alloc(512, en.i32)
    b = en.threadgroup_alloc(512, en.i32)
    lid = en.i32(en.thread_position_in_threadgroup("x"))
    gid = en.thread_position_in_grid
    a[lid] = X[gid]
    en.barrier()
    for k in en.range(9):
        d = en.i32(1) << k
        b[lid] = a[lid] + en.load_if(a, lid - d, lid >= d)
        en.barrier()
        a[lid] = b[lid]
        en.barrier()
    Out[gid] = a[lid]


@pytest.mark.parametrize(("n", "threads"), [(1024, 512), (1000, 512), (96, 32), (130, 100)])
def test_a_scan_with_barriers_in_a_loop(n, threads):
    x = numbers(n).astype(np.int32)
    out = both_ways(scan, [x], np.zeros(n, np.int32), n, threads)
    wanted = np.concatenate([np.cumsum(x[at : at + threads]) for at in range(0, n, threads)])
    np.testing.assert_array_equal(out, wanted)


@en.kernel
def many_types(X: en.i32, Out: en.f32):
    flags = en.threadgroup_alloc(64, en.b1)
    small = en.threadgroup_alloc((8, 8), en.f16)
    wide = en.threadgroup_alloc(64, en.u64)
    bytes_ = en.threadgroup_alloc(64, "uchar")
    brain = en.threadgroup_alloc((2, 4, 8), en.bf16)
    t = en.thread_index_in_threadgroup()
    v = X[t]
    flags[t] = v > 0
    small[t // 8, t % 8] = en.f16(v)
    wide[t] = en.u64(v) << 40
    bytes_[t] = en.u8(v)
    brain[t // 32, t // 8 % 4, t % 8] = en.bf16(v)
    en.barrier()
    o = 63 - t
    a = en.f32(small[o // 8, o % 8]) + en.f32(brain[o // 32, o // 8 % 4, o % 8])
    b = en.f32(en.i64(wide[o]) >> 40) + en.f32(bytes_[o])
    Out[t] = en.select_(flags[o], a, a * 100.0) + b * 1000.0


@pytest.mark.parametrize("threads", [(64, 1, 1), (8, 8, 1), (4, 4, 4), (1, 1, 64)])
def test_several_arrays_of_several_types_in_groups_of_1_2_and_3_dimensions(threads):
    x = numbers(64, seed=3).astype(np.int32)
    o = x[::-1].astype(np.float64)
    wanted = np.where(o > 0, 2 * o, 200 * o) + 1000 * (o + x[::-1].astype(np.uint8))
    out = both_ways(many_types, [x], np.zeros(64, np.float32), threads, threads)
    np.testing.assert_array_equal(out, wanted.astype(np.float32))


def test_an_early_return_of_whole_groups_before_a_barrier():
    @en.kernel
    def k(X: en.i32, groups: en.Scalar(en.u32), Out: en.i32):
        tile = en.threadgroup_alloc(64, en.i32)
        lid = en.thread_position_in_threadgroup("x")
        gid = en.thread_position_in_grid
        if en.threadgroup_position_in_grid("x") >= groups:
            return
        tile[lid] = X[gid]
        en.barrier()
        Out[gid] = tile[63 - lid]

    x = np.arange(256, dtype=np.int32)
    out = both_ways(k, [x, np.uint32(2)], np.zeros(256, np.int32), 256, 64)
    np.testing.assert_array_equal(out, np.r_[np.arange(64)[::-1], np.arange(64, 128)[::-1], np.zeros(128)])


def test_a_condition_of_the_data_that_holds_for_all_threads_of_a_group():
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        tile = en.threadgroup_alloc(64, en.i32)
        lid = en.thread_position_in_threadgroup("x")
        gid = en.thread_position_in_grid
        n = X[en.threadgroup_position_in_grid("x") * 64]
        tile[lid] = X[gid]
        i = 0
        while i < n:
            en.barrier()
            v = tile[(lid + 1) % 64]
            en.barrier()
            tile[lid] = v
            i = i + 1
        if n > 2:
            en.barrier()
        Out[gid] = tile[lid]

    x = np.arange(256, dtype=np.int32)
    x[[0, 64, 128, 192]] = [3, 0, 1, 70]
    out = both_ways(k, [x], np.zeros(256, np.int32), 256, 64)
    wanted = np.concatenate([np.roll(part, -part[0]) for part in x.reshape(4, 64)])
    np.testing.assert_array_equal(out, wanted)


def test_memory_of_a_helper_and_of_a_loop():
    def exchange(value, lid):
        tile = en.threadgroup_alloc(32, en.i32)
        tile[lid] = value
        en.barrier()
        out = tile[31 - lid]
        en.barrier()
        return out

    @en.kernel
    def k(X: en.i32, Out: en.i32):
        lid = en.thread_position_in_threadgroup("x")
        gid = en.thread_position_in_grid
        v = exchange(exchange(X[gid], lid) * 2, lid) + 1
        for i in en.range(3):
            turn = en.threadgroup_alloc(32, en.i32)
            turn[lid] = v
            en.barrier()
            v = turn[(lid + 1) % 32] + i
            en.barrier()
        Out[gid] = v

    x = np.arange(64, dtype=np.int32)
    out = both_ways(k, [x], np.zeros(64, np.int32), 64, 32)
    wanted = np.concatenate([np.roll(part * 2 + 1, -3) + 3 for part in x.reshape(2, 32)])
    np.testing.assert_array_equal(out, wanted)
    assert en.compile(k).metal_source.count("threadgroup int ") == 3


def test_exchange_through_device_memory():
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        gid = en.thread_position_in_grid
        lid = en.thread_position_in_threadgroup("x")
        Out[gid] = X[gid] * 2
        en.barrier()
        other = Out[gid - lid + (127 - lid)]
        en.barrier()
        Out[gid] = other

    compiled = en.compile(k)
    assert "threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);" in compiled.metal_source
    x = np.arange(256, dtype=np.int32)
    out = both_ways(k, [x], np.zeros(256, np.int32), 256, 128)
    np.testing.assert_array_equal(out, np.r_[np.arange(128)[::-1], np.arange(128, 256)[::-1]] * 2)


def test_simd_barrier_orders_the_lanes_of_a_simdgroup():
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        tile = en.threadgroup_alloc((4, 32), en.i32)
        gid = en.thread_position_in_grid
        lane, row = en.thread_index_in_simdgroup(), en.simdgroup_index_in_threadgroup()
        if row < 3:
            tile[row, lane] = X[gid]
            en.simd_barrier(en.mem_flags.mem_threadgroup)
            Out[gid] = tile[row, 31 - lane]

    assert "simdgroup_barrier(mem_flags::mem_threadgroup);" in en.compile(k).metal_source
    x = np.arange(256, dtype=np.int32)
    out = both_ways(k, [x], np.zeros(256, np.int32), 256, 128)
    wanted = x.reshape(2, 4, 32)[:, :, ::-1].copy()
    wanted[:, 3] = 0
    np.testing.assert_array_equal(out, wanted.ravel())


def test_threadgroup_memory_without_a_barrier_starts_as_zero_on_the_host():
    @en.kernel
    def k(Out: en.i32):
        tile = en.threadgroup_alloc(96, en.i32)
        lid = en.thread_position_in_threadgroup("x")
        Out[en.thread_position_in_grid] = tile[lid]
        tile[lid] = 7

    out = np.full(960, 3, np.int32)
    en.HostRuntime().launch(en.compile(k), [out], 960, 96)
    assert not out.any()


def test_a_host_launch_with_barriers_can_be_stopped():
    @en.kernel
    def k(Out: en.i32):
        i = en.i32(0)
        while i >= 0:
            en.barrier()
            i = i ^ 1
        Out[en.thread_position_in_grid] = i

    with pytest.raises(en.LaunchError, match="time-out"):
        en.HostRuntime().launch(en.compile(k), [np.zeros(64, np.int32)], 64, 64, timeout=0.2)
