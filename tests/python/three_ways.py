# SPDX-License-Identifier: MIT
"""Runs a kernel on the host and its Metal text in the stand-in, and wants the same bytes of both.

out = both(kernel, [a, 2.0, np.zeros_like(a)], grid=n)[-1]      # to be compared with NumPy
"""

from typing import Any

import numpy as np

import enigma
from msl import standin


def as_arrays(arguments: list[Any], compiled: Any) -> list[np.ndarray]:
    """Arguments as the stand-in takes them: scalars and vectors as arrays, vectors of 3 with their gap."""
    out = []
    for value, (_, dtype, is_buffer, _, _) in zip(arguments, compiled.params, strict=True):
        if is_buffer:
            out.append(value.copy())
            continue
        array = np.zeros(dtype.itemsize // dtype.element.itemsize, enigma.dtypes.numpy_dtype(dtype))
        array[: dtype.lanes] = value
        out.append(array)
    return out


def both(
    kernel: Any,
    arguments: list[Any],
    grid: Any,
    threads: Any = 32,
    *,
    either_zero: bool = False,
    **options: Any,
) -> list[np.ndarray]:
    """The arguments after the launch. `either_zero`: the sign of a zero is nobody's promise."""
    compiled = enigma.compile(kernel, **options)
    arrays = as_arrays(arguments, compiled)
    standin.compile(compiled.metal_source, sanitize=True).run(arrays, grid=grid, threads=threads)
    mine = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    enigma.HostRuntime().launch(compiled, mine, grid, threads)
    for host, text in zip(mine, arrays, strict=True):
        if isinstance(host, np.ndarray):
            same = (lambda x: x) if either_zero else (lambda x: x.view(np.uint8))
            np.testing.assert_array_equal(same(host), same(text))
    return mine


def both_ways(
    kernel: Any, inputs: list[Any], out: np.ndarray, grid: Any, threads: Any, **options: Any
) -> np.ndarray:
    """What host and Metal text make of `out`, the last of the parameters."""
    return both(kernel, [*inputs, out], grid, threads, **options)[-1]


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Small whole numbers as f32, so that sums and products of them are exact."""
    return np.random.default_rng(seed).integers(-8, 9, shape).astype(np.float32)
