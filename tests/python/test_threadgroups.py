# SPDX-License-Identifier: MIT
"""Grids that threadgroups do not divide: where each thread stands, on the host and in the Metal text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import enigma
from msl import standin
from operation_kernels import where_1d, where_3d

ROWS = [(1, 1), (1, 256), (31, 32), (33, 32), (1000, 64), (1000, 1000), (1025, 96), (7, 3)]
BOXES = [
    ((37, 5, 1), (16, 4, 1)),
    ((16, 16, 1), (16, 16, 1)),
    ((5, 33, 1), (32, 2, 1)),
    ((5, 7, 3), (4, 2, 2)),
    ((1, 1, 9), (1, 1, 4)),
    ((13, 3, 5), (8, 8, 8)),
    ((3, 3, 3), (3, 3, 3)),
]


def run_on_host(kernel: Any, arrays: list[np.ndarray], grid: Any, threads: Any) -> None:
    enigma.HostRuntime().launch(enigma.compile(kernel), arrays, grid, threads)


def run_metal_text(kernel: Any, arrays: list[np.ndarray], grid: Any, threads: Any) -> None:
    standin.compile(enigma.compile(kernel).metal_source, sanitize=True).run(
        arrays, grid=grid, threads=threads
    )


RUNNERS = pytest.mark.parametrize("run", [run_on_host, run_metal_text], ids=["host", "metal-text"])


@RUNNERS
@pytest.mark.parametrize(("grid", "threads"), ROWS)
def test_threads_of_a_row(run: Any, grid: int, threads: int) -> None:
    position, local, group, size = (np.full(grid, 99999, np.uint32) for _ in range(4))
    run(where_1d, [position, local, group, size], (grid, 1, 1), (threads, 1, 1))
    i = np.arange(grid)
    np.testing.assert_array_equal(position, i)
    np.testing.assert_array_equal(local, i % threads)
    np.testing.assert_array_equal(group, i // threads)
    # The last threadgroup has the threads that are left.
    np.testing.assert_array_equal(size, np.minimum(threads, grid - i // threads * threads))


def packed(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return x + 256 * y + 65536 * z


@RUNNERS
@pytest.mark.parametrize(("grid", "threads"), BOXES)
def test_threads_of_a_box(run: Any, grid: tuple[int, int, int], threads: tuple[int, int, int]) -> None:
    arrays = [np.full(int(np.prod(grid)), 99999, np.uint32) for _ in range(5)]
    run(where_3d, arrays, grid, threads)
    z, y, x = (c.ravel() for c in np.meshgrid(*(np.arange(n) for n in reversed(grid)), indexing="ij"))
    at = [x, y, z]
    groups = [c // t for c, t in zip(at, threads, strict=True)]
    local = [c % t for c, t in zip(at, threads, strict=True)]
    sizes = [np.minimum(t, n - g * t) for t, n, g in zip(threads, grid, groups, strict=True)]
    position, index, group, size, dispatched = arrays
    np.testing.assert_array_equal(position, packed(*at))
    np.testing.assert_array_equal(index, local[0] + sizes[0] * (local[1] + sizes[1] * local[2]))
    np.testing.assert_array_equal(group, packed(*groups))
    np.testing.assert_array_equal(size, packed(*sizes))
    np.testing.assert_array_equal(dispatched, packed(*(np.full_like(x, t) for t in threads)))
