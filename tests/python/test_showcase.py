# SPDX-License-Identifier: MIT
"""The showcase kernels of examples/ beside the best hand-written Metal: no more memory traffic, barriers and index arithmetic.

Each row names an example and makes inputs; NumPy in f64 says what comes out. Both texts run in the stand-in, which shares
no code with the emitter.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import enigma
from example_files import example, hand_written
from msl import standin
from msl.counts import Counts, count


def rms_norm_inputs(rng):
    return [rng.standard_normal((5, 1024), np.float32), rng.random(1024, np.float32)]


def softmax_inputs(rng):
    x = rng.normal(0, 30, (5, 1000)).astype(np.float32)
    x[1] = -1000.0  # nothing but exp() of a large negative number, if the maximum were not subtracted
    x[2, 999] = 500.0
    return [x]


def laplacian_inputs(rng):
    return [rng.random(1000, np.float32)]


def heat_inputs(rng):
    return [np.pad(rng.random((40, 100), np.float32) + np.float32(0.5), ((1, 1), (4, 4)))]


def quantised_matvec_inputs(rng):
    q = rng.integers(-128, 128, (8, 1024), np.int8).view(np.uint32)
    return [q, rng.random((8, 32), np.float32) / 64, rng.random(1024, np.float32)]


def int4_matvec_inputs(rng):
    q = rng.integers(0, 2**32, (8, 128), np.uint32)
    return [q, rng.random((8, 32), np.float32) / 8, rng.random(1024, np.float32)]


def transpose_inputs(rng):
    return [rng.random((64, 96), np.float32)]


def sgemm_inputs(rng):
    return [rng.random(shape, np.float32) for shape in ((128, 64), (64, 192))]


def hgemm_inputs(rng):
    return [rng.random(shape).astype(np.float16) for shape in ((128, 128), (128, 192))]


def flash_attention_inputs(rng):
    q, k, v = rng.standard_normal((3, 2, 128, 64), np.float32) * np.float32(3)
    k[1, 5] *= 20  # scores that are far apart
    return [q, k, np.abs(v)]


@dataclass(frozen=True)
class Case:
    name: str
    sizes: tuple
    """Arguments of the example's compiled_for()."""
    inputs: Callable[[np.random.Generator], list]
    shape: tuple
    tolerance: float
    hand_written: Counts
    """What the hand-written kernel does, so that it cannot get worse unseen."""
    dtype: type = np.float32
    """Of the result."""


SHOWCASE = [
    Case(
        "rms_norm", (5,), rms_norm_inputs, (5, 1024), 2e-6,
        Counts(loads=8, stores=4, wide_loads=8, wide_stores=4, integer=2, local_loads=2, local_stores=1, barriers=1, lanes=1),
    ),
    Case(
        "softmax", (5, 1000), softmax_inputs, (5, 1000), 1e-5,
        Counts(loads=8, stores=8, wide_loads=8, wide_stores=8, integer=2, lanes=2),
    ),
    Case(
        "laplacian", (1000,), laplacian_inputs, (1000,), 5e-6,
        Counts(loads=3, stores=1, wide_loads=1, wide_stores=1, integer=2),
    ),
    Case(
        "heat", (40, 100), heat_inputs, (42, 108), 5e-6,
        Counts(loads=14, stores=4, wide_loads=6, wide_stores=4, integer=2),
    ),
    Case(
        "quantised_matvec", (8, 1024), quantised_matvec_inputs, (8,), 2e-4,
        Counts(loads=48, stores=1, wide_loads=8, wide_stores=1, integer=6, lanes=4),
    ),
    Case(
        "int4_matvec", (8, 1024), int4_matvec_inputs, (8,), 2e-4,
        Counts(loads=16, stores=1, wide_loads=12, wide_stores=1, integer=35, lanes=4),
    ),
    Case(
        "transpose", (64, 96), transpose_inputs, (96, 64), 0.0,
        Counts(loads=1, stores=1, wide_loads=1, wide_stores=1, integer=13, local_loads=4, local_stores=4, barriers=1),
    ),
    Case(
        "sgemm", (128, 192, 64), sgemm_inputs, (128, 192), 5e-6,
        Counts(
            loads=8, wide_loads=8, integer=35, local_stores=8, barriers=2,
            matrix_loads=32, matrix_stores=16, products=64,
        ),
    ),
    Case(
        "hgemm", (128, 192, 128), hgemm_inputs, (128, 192), 1e-3,
        Counts(
            loads=16, integer=35, local_stores=16, barriers=2, matrix_loads=64, matrix_stores=16, products=128
        ),
        np.float16,
    ),
    Case(
        "flash_attention", (128, 64, 2, True), flash_attention_inputs, (2, 128, 64), 5e-5,
        Counts(
            loads=8, wide_loads=8, integer=31, local_stores=8, barriers=2, lanes=4,
            matrix_loads=72, matrix_stores=8, products=64,
        ),
    ),
]  # fmt: skip
NO_MORE = (
    "loads", "stores", "local_loads", "local_stores", "barriers", "lanes", "integer", "divisions", "allocas",
    "matrix_loads", "matrix_stores", "products",
)  # fmt: skip


@pytest.mark.parametrize("case", SHOWCASE, ids=lambda c: c.name)
def test_generated_kernel_does_no_more_than_the_hand_written_one(case):
    theirs = count(hand_written(case.name))
    assert theirs == case.hand_written
    ours = count(example(case.name).compiled_for(*case.sizes).metal_source)
    for what in NO_MORE:
        assert getattr(ours, what) <= getattr(theirs, what), (what, ours, theirs)
    assert (ours.wide_loads, ours.wide_stores) == (theirs.wide_loads, theirs.wide_stores)


@pytest.mark.parametrize("case", SHOWCASE, ids=lambda c: c.name)
def test_both_texts_are_strict_metal_and_give_what_numpy_gives(case):
    module = example(case.name)
    compiled = module.compiled_for(*case.sizes)
    arrays = case.inputs(np.random.default_rng(1))
    more = case.sizes[3:] if case.name == "flash_attention" else ()
    right = module.reference(*arrays, *more)
    for text in (compiled.metal_source, hand_written(case.name)):
        assert standin.check(text) == []
        kernel = standin.compile(text)
        for reverse in (False, True):  # the order of the threads makes no difference
            out = np.zeros(case.shape, case.dtype)
            kernel.run([*arrays, out], grid=compiled.grid, threads=compiled.block, reverse=reverse)
            np.testing.assert_allclose(out, right, rtol=case.tolerance, atol=case.tolerance / 10)


RAGGED = {"softmax": (3, 333), "laplacian": (37,), "transpose": (100, 36)}


@pytest.mark.parametrize("name", RAGGED)
def test_sizes_that_the_tile_does_not_divide_run_in_the_stand_in(name):
    module = example(name)
    compiled = module.compiled_for(*RAGGED[name])
    assert standin.check(compiled.metal_source) == []
    x = np.random.default_rng(2).random(RAGGED[name], np.float32)
    right = module.reference(x)
    out = np.full(right.shape, np.nan, np.float32)
    standin.compile(compiled.metal_source).run([x, out], grid=compiled.grid, threads=compiled.block)
    np.testing.assert_allclose(out, right, rtol=1e-5, atol=1e-6)


def products(name, dtype):
    module, rng = example(name), np.random.default_rng(3)
    a, b = (rng.random(shape).astype(dtype) for shape in ((67, 36), (36, 70)))
    return module.compiled_for(67, 70, 36), [a, b], module.reference(a, b), dtype


def attention(d, causal, dtype=np.float32):
    module, rng = example("flash_attention"), np.random.default_rng(4)
    arrays = list(rng.standard_normal((3, 2, 43, d), np.float32).astype(dtype))
    compiled = module.compiled_for(43, d, 2, causal, enigma.f32 if dtype is np.float32 else enigma.f16)
    return compiled, arrays, module.reference(*arrays, causal), dtype


@pytest.mark.parametrize(
    "make",
    [
        lambda: products("sgemm", np.float32),
        lambda: products("hgemm", np.float16),
        lambda: attention(64, False),
        lambda: attention(128, True),
        lambda: attention(64, True, np.float16),
    ],
    ids=["sgemm", "hgemm", "attention-64", "causal-attention-128", "attention-of-f16"],
)
def test_ragged_products_and_attention_run_in_the_stand_in(make):
    compiled, arrays, right, dtype = make()
    out = np.zeros(right.shape, dtype)
    standin.compile(compiled.metal_source, sanitize=True).run(
        [*arrays, out], grid=compiled.grid, threads=compiled.block
    )
    few = dtype == np.float16
    np.testing.assert_allclose(out, right, rtol=1e-3 if few else 1e-5, atol=2e-3 if few else 1e-5)
