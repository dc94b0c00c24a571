# SPDX-License-Identifier: MIT
"""What emitted kernels do, counted after `clang -O2`: as much memory traffic as the problem needs, and no index arithmetic beside."""

import numpy as np
import pytest

import enigma
from example_files import example, hand_written
from msl import standin
from msl.counts import Counts, count


@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    tid = enigma.thread_position_in_grid
    Out[tid] = alpha * X[tid] + Y[tid]


@enigma.kernel
def matscale(A: enigma.f32, C: enigma.f32):
    row = enigma.thread_position_in_grid_xyz("y")
    col = enigma.thread_position_in_grid_xyz("x")
    idx = row * 512 + col
    C[idx] = A[idx] * 2.0


@enigma.kernel
def halves(A: enigma.f16, C: enigma.f16):
    tid = enigma.thread_position_in_grid
    C[tid] = A[tid] + A[tid]


@enigma.kernel
def neighbours(A: enigma.f32, C: enigma.f32):
    tid = enigma.thread_position_in_grid
    C[tid] = A[tid] + A[tid + 1]


@enigma.kernel
def tiles(A: enigma.i32, C: enigma.i32):
    """Row and column of 16 x 16 tiles, and back: powers of two leave no division."""
    tid = enigma.thread_position_in_grid
    C[(tid // 16) * 16 + tid % 16] = A[tid]


def test_counting_sees_what_a_kernel_does():
    hand_written = """
#include <metal_stdlib>
using namespace metal;
kernel void k(const device float4* A [[buffer(0)]], device float4* C [[buffer(1)]], constant uint& n [[buffer(2)]],
              uint i [[thread_position_in_grid]]) {
    float4 v = A[i / n];
    C[3 * i + 1] = v + v;
}
"""
    assert count(hand_written) == Counts(
        loads=1, stores=1, wide_loads=1, wide_stores=1, integer=3, divisions=1
    )


def test_saxpy_loads_twice_stores_once_and_computes_no_index():
    assert count(enigma.compile(saxpy).metal_source) == Counts(loads=2, stores=1)


def test_saxpy_with_vec_width_moves_float4_and_scales_the_index_once():
    source = enigma.compile(saxpy, vec_width=4).metal_source
    assert "float4" in source
    assert count(source) == Counts(loads=2, stores=1, wide_loads=2, wide_stores=1, integer=1)


def test_row_major_index_is_one_multiplication_and_one_addition():
    assert count(enigma.compile(matscale).metal_source) == Counts(loads=1, stores=1, integer=2)


def test_rows_of_a_multiple_of_four_are_read_as_float4():
    counts = count(enigma.compile(matscale, vec_width=4).metal_source)
    assert (counts.wide_loads, counts.wide_stores, counts.loads, counts.stores, counts.divisions) == (
        1,
        1,
        1,
        1,
        0,
    )


def test_equal_loads_are_one():
    assert count(enigma.compile(halves).metal_source).loads == 1


def test_unaligned_neighbours_cost_one_load_beside_the_vector_that_holds_the_others():
    source = enigma.compile(neighbours, vec_width=4).metal_source
    assert source.count("A[") == 4  # no vector access where alignment is not proven
    counts = count(source)
    assert (counts.wide_loads, counts.loads, counts.wide_stores) == (1, 2, 1)


@pytest.mark.parametrize("vec_width", [0, 4])
def test_tiles_of_a_power_of_two_need_no_division(vec_width):
    source = enigma.compile(tiles, vec_width=vec_width).metal_source
    assert "/" not in source.split("{", 1)[1] and "%" not in source
    assert count(source).divisions == 0


def test_tiled_add_does_what_the_hand_written_one_does():
    compiled = example("tiled_add").compiled_for(256, 512)
    ours, theirs = count(compiled.metal_source), count(hand_written("tiled_add"))
    assert (theirs.loads, theirs.wide_loads, theirs.stores, theirs.wide_stores) == (8, 8, 4, 4)
    for what in ("loads", "stores", "integer", "divisions", "allocas"):
        assert getattr(ours, what) <= getattr(theirs, what), what
    assert ours.integer <= 5

    a, b = np.random.default_rng(0).random((2, 256, 512), np.float32)
    results = []
    for text in (compiled.metal_source, hand_written("tiled_add")):
        results.append(np.zeros_like(a))
        standin.compile(text).run([a, b, results[-1]], grid=compiled.grid, threads=compiled.block)
    assert (results[0] == a + b).all() and (results[1] == a + b).all()
