# SPDX-License-Identifier: MIT
"""Atomic operations and simdgroup matrices in threadgroup memory, on the host and as Metal text."""

import numpy as np
import pytest

import enigma
from marks import refused, sentence
from msl import standin

N, THREADS = 1000, 96


@enigma.kernel
def histogram(Values: enigma.u32, Bins: enigma.u32):
    own = enigma.threadgroup_alloc(8, enigma.u32)
    lid = enigma.thread_position_in_threadgroup("x")
    if lid < 8:
        enigma.atomic_store(own, lid, 0)
    enigma.barrier()
    enigma.atomic_fetch_add(own, Values[enigma.thread_position_in_grid] % 8, 1)
    enigma.barrier()
    if lid < 8:
        enigma.atomic_fetch_add(Bins, lid, enigma.atomic_load(own, lid))


@enigma.kernel
def twice(A: enigma.f32, Out: enigma.f32):
    tile = enigma.threadgroup_alloc(64, enigma.f32)
    lid = enigma.thread_position_in_threadgroup("x")
    tile[lid] = A[lid]
    tile[lid + 32] = A[lid + 32]
    enigma.barrier()
    m = enigma.simdgroup_load(tile, 0, 8, transpose=True)
    enigma.barrier()
    enigma.simdgroup_store(enigma.simdgroup_multiply(m, m), tile)
    enigma.barrier()
    Out[lid] = tile[lid]
    Out[lid + 32] = tile[lid + 32]


def on_host(kernel, arrays, grid, threads):
    enigma.HostRuntime().launch(enigma.compile(kernel), arrays, (grid, 1, 1), (threads, 1, 1))


def in_metal_text(kernel, arrays, grid, threads):
    source = enigma.compile(kernel).metal_source
    standin.compile(source, sanitize=True).run(arrays, grid=grid, threads=threads)


BOTH = pytest.mark.parametrize("run", [on_host, in_metal_text], ids=["host", "metal-text"])


@BOTH
def test_a_histogram_that_threadgroups_count_first(run):
    values = np.random.default_rng(1).integers(0, 1 << 32, N, dtype=np.uint32)
    bins = np.zeros(8, np.uint32)
    run(histogram, [values, bins], N, THREADS)
    np.testing.assert_array_equal(bins, np.bincount(values % 8, minlength=8))


@BOTH
def test_a_matrix_in_threadgroup_memory(run):
    a = np.random.default_rng(2).integers(-4, 5, (8, 8)).astype(np.float32)
    out = np.zeros((8, 8), np.float32)
    run(twice, [a, out], 32, 32)
    np.testing.assert_array_equal(out, a.T @ a.T)


def test_floats_have_no_atomics_in_threadgroup_memory():
    def k(Out: enigma.f32):
        own = enigma.threadgroup_alloc(8, enigma.f32)
        Out[0] = enigma.atomic_fetch_add(own, 0, 1.0)

    want = "atomic_fetch_add: in threadgroup memory Metal has it on i32, u32 and b1, got f32"
    assert sentence(refused(k)) == want
