# SPDX-License-Identifier: MIT
"""Thread queries on partial threadgroups in one, two and three dimensions, against their definitions."""

import numpy as np
import pytest

import enigma as en

SIZES = [((100, 1, 1), (32, 1, 1)), ((37, 5, 1), (16, 2, 1)), ((9, 5, 4), (4, 3, 2)), ((7, 3, 3), (64, 1, 1))]


def measure(query, grid, threads):
    """The query of every thread as an array [z, y, x]."""

    def k(Out: en.u32, width: en.Constexpr, height: en.Constexpr):
        x, y, z = (en.thread_position_in_grid_xyz(c) for c in "xyz")
        Out[(z * height + y) * width + x] = query()

    gx, gy, gz = grid
    compiled = en.compile(en.kernel(k), width=gx, height=gy)
    return en.HostRuntime().execute(compiled, [], output_shapes=(gz, gy, gx), grid=grid, threads=threads)


def positions(grid):
    z, y, x = np.meshgrid(*(np.arange(n) for n in reversed(grid)), indexing="ij")
    return x, y, z


def partial(grid, threads, axis):
    """Threads along an axis in the threadgroup of each thread: fewer in the last one."""
    p = positions(grid)[axis]
    return np.minimum(threads[axis], grid[axis] - p // threads[axis] * threads[axis])


@pytest.mark.parametrize(("grid", "threads"), SIZES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_positions_and_sizes_along_each_axis(grid, threads, axis):
    c, p = "xyz"[axis], positions(grid)[axis]
    groups = -(-grid[axis] // threads[axis])
    assert np.array_equal(measure(lambda: en.thread_position_in_grid_xyz(c), grid, threads), p)
    assert np.array_equal(
        measure(lambda: en.thread_position_in_threadgroup(c), grid, threads), p % threads[axis]
    )
    assert np.array_equal(
        measure(lambda: en.threadgroup_position_in_grid(c), grid, threads), p // threads[axis]
    )
    assert (measure(lambda: en.threads_per_grid(c), grid, threads) == grid[axis]).all()
    assert (measure(lambda: en.threadgroups_per_grid(c), grid, threads) == groups).all()
    assert (measure(lambda: en.dispatch_threads_per_threadgroup(c), grid, threads) == threads[axis]).all()
    assert np.array_equal(
        measure(lambda: en.threads_per_threadgroup(c), grid, threads), partial(grid, threads, axis)
    )


@pytest.mark.parametrize(("grid", "threads"), SIZES)
def test_sizes_without_a_component_are_products(grid, threads):
    here = partial(grid, threads, 0) * partial(grid, threads, 1) * partial(grid, threads, 2)
    assert np.array_equal(measure(en.threads_per_threadgroup, grid, threads), here)
    assert (measure(en.dispatch_threads_per_threadgroup, grid, threads) == np.prod(threads)).all()
    assert (measure(en.threads_per_grid, grid, threads) == np.prod(grid)).all()


@pytest.mark.parametrize(("grid", "threads"), SIZES)
def test_indices_in_the_threadgroup(grid, threads):
    inside = [p % t for p, t in zip(positions(grid), threads)]
    sizes = [partial(grid, threads, axis) for axis in range(3)]
    index = (inside[2] * sizes[1] + inside[1]) * sizes[0] + inside[0]
    total = sizes[0] * sizes[1] * sizes[2]
    assert np.array_equal(measure(en.thread_index_in_threadgroup, grid, threads), index)
    assert np.array_equal(measure(en.thread_index_in_simdgroup, grid, threads), index % 32)
    assert np.array_equal(measure(en.simdgroup_index_in_threadgroup, grid, threads), index // 32)
    assert np.array_equal(measure(en.simdgroups_per_threadgroup, grid, threads), -(-total // 32))
    assert (measure(en.threads_per_simdgroup, grid, threads) == 32).all()
    assert np.array_equal(measure(en.thread_index_in_quadgroup, grid, threads), index % 4)
    assert np.array_equal(measure(en.quadgroup_index_in_threadgroup, grid, threads), index // 4)


@pytest.mark.parametrize(("grid", "threads"), SIZES)
def test_arch_gives_triples(grid, threads):
    for axis in range(3):
        p = positions(grid)[axis]
        assert np.array_equal(
            measure(lambda a=axis: en.arch.thread_idx()[a], grid, threads), p % threads[axis]
        )
        assert np.array_equal(
            measure(lambda a=axis: en.arch.block_idx()[a], grid, threads), p // threads[axis]
        )
        assert (measure(lambda a=axis: en.arch.block_dim()[a], grid, threads) == threads[axis]).all()
        assert (
            measure(lambda a=axis: en.arch.grid_dim()[a], grid, threads) == -(-grid[axis] // threads[axis])
        ).all()


def test_the_position_without_a_call_is_x():
    grid, threads = SIZES[2]
    assert np.array_equal(measure(lambda: en.thread_position_in_grid, grid, threads), positions(grid)[0])
    assert np.array_equal(
        measure(lambda: en.thread_position_in_grid * 2 + 1, grid, threads), positions(grid)[0] * 2 + 1
    )
