# SPDX-License-Identifier: MIT
"""Where threads must come together: operations on simdgroup matrices, and barriers in rounds of loops.

What can be shown to differ between lanes is an error when the kernel is compiled, on every device; where data
decide, the launch on the host says so at the line, and never hangs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import enigma as en
from marks import marked, notes, refused, sentence

M = np.arange(64, dtype=np.float32).reshape(8, 8)


def launch(kernel: Any, arguments: list[Any], grid: int = 32, threads: int = 32, **options: Any) -> None:
    en.HostRuntime().launch(en.compile(kernel), arguments, grid, threads, timeout=20.0, **options)


def fault(kernel: Any, arguments: list[Any], grid: int = 32, threads: int = 32) -> str:
    with pytest.raises(en.LaunchError) as caught:
        launch(kernel, arguments, grid, threads)
    return str(caught.value)


def test_a_matrix_operation_under_a_condition_of_the_lane_does_not_compile() -> None:
    def k(A: en.f32, Out: en.f32):
        if en.thread_index_in_simdgroup() < 4:
            en.simdgroup_store(en.simdgroup_load(A), Out)

    error = refused(k)
    assert "simdgroup_load: all 32 lanes of a simdgroup must take part" in sentence(error)
    assert marked(error) == "en.simdgroup_load(A)"
    assert "the condition is at" in notes(error)[0]
    assert "simdgroup_index_in_threadgroup" in notes(error)[1]


@pytest.mark.parametrize("how", ["while", "for", "break", "return", "x", "index"])
def test_matrix_operations_that_lanes_leave_early_do_not_compile(how: str) -> None:
    @en.kernel
    def k(A: en.f32, Out: en.f32, HOW: en.Constexpr):
        lane = en.i32(en.thread_index_in_simdgroup())
        m = en.simdgroup_load(A)
        if HOW == "while":
            i = en.i32(0)
            while i < lane:
                m = en.simdgroup_multiply(m, m)
                i = i + 1
        elif HOW == "for":
            for _ in en.range(lane):
                m = en.simdgroup_multiply(m, m)
        elif HOW == "break":
            for _ in en.range(5):
                if lane == 3:
                    break
                m = en.simdgroup_multiply(m, m)
        elif HOW == "return":
            if lane >= 30:
                return
        elif HOW == "x":
            if en.thread_position_in_grid >= 5:
                return
        else:
            if en.thread_index_in_threadgroup() != 5:
                return
        en.simdgroup_store(m, Out)

    with pytest.raises(en.TraceError, match="all 32 lanes of a simdgroup must take part"):
        en.compile(k, HOW=how)


def test_a_place_that_the_lane_is_part_of_does_not_compile() -> None:
    def index(A: en.f32, Out: en.f32):
        en.simdgroup_store(en.simdgroup_load(A), Out, en.thread_position_in_grid * 8)

    def row(A: en.f32, Out: en.f32):
        en.simdgroup_store(en.simdgroup_load(A, 0, en.thread_index_in_simdgroup() + 8), Out)

    error = refused(index)
    assert "the index must be the same in all lanes of a simdgroup" in sentence(error)
    assert notes(error)[-1] == "take that of the first lane: simd_broadcast_first(x)"
    assert "simdgroup_load: the elements_per_row must be the same in all lanes" in sentence(refused(row))


def test_a_variable_that_holds_one_matrix_in_some_lanes_does_not_compile() -> None:
    def branch(A: en.f32, Out: en.f32):
        m, other = en.make_filled_simdgroup_matrix(en.f32, 0), en.simdgroup_load(A)
        if en.thread_index_in_simdgroup() < 4:
            m = other
        en.simdgroup_store(m, Out)

    def loop(A: en.f32, Out: en.f32):
        m, other = en.make_filled_simdgroup_matrix(en.f32, 0), en.simdgroup_load(A)
        for _ in en.range(en.thread_index_in_simdgroup()):
            m, other = other, m
        en.simdgroup_store(m, Out)

    def turn(A: en.f32, Out: en.f32):
        m, other, i = en.make_filled_simdgroup_matrix(en.f32, 0), en.simdgroup_load(A), en.u32(0)
        while i < en.thread_index_in_simdgroup():
            m, other, i = other, m, i + 1
        en.simdgroup_store(m, Out)

    for kernel in (branch, loop, turn):
        assert "cannot differ between them" in sentence(refused(kernel))


def test_what_is_the_same_in_a_simdgroup_compiles_and_runs() -> None:
    @en.kernel
    def k(A: en.f32, Turns: en.i32, Out: en.f32):
        group = en.simdgroup_index_in_threadgroup()
        m = en.simdgroup_load(A)
        zero = en.make_filled_simdgroup_matrix(en.f32, 0)
        if group == 1:
            m = zero
        for _ in en.range(Turns[0]):
            m = en.simdgroup_multiply(m, m)
        # Nothing but the run shows that this is the same in all lanes.
        place = en.thread_position_in_grid // 32 * 64
        en.simdgroup_store(m, Out, place)

    out = np.full((2, 8, 8), np.nan, np.float32)
    launch(k, [M / 64, np.array([1], np.int32), out], 64, 64)
    np.testing.assert_allclose(out[0], M / 64 @ (M / 64), rtol=1e-6)
    np.testing.assert_array_equal(out[1], 0)


def test_y_is_no_lane() -> None:
    """Threadgroups that are 32 wide have one y in a simdgroup."""

    @en.kernel
    def k(A: en.f32, Out: en.f32):
        y = en.thread_position_in_threadgroup("y")
        if y == 1:
            en.simd_barrier()
            en.simdgroup_store(en.simdgroup_load(A), Out)

    out = np.zeros((8, 8), np.float32)
    en.HostRuntime().launch(en.compile(k), [M, out], (32, 2), (32, 2))
    np.testing.assert_array_equal(out, M)


@en.kernel
def by_data(X: en.i32, A: en.f32, Out: en.f32, HOW: en.Constexpr):
    value = X[en.thread_position_in_grid]
    m, other = en.simdgroup_load(A), en.make_filled_simdgroup_matrix(en.f32, 0)
    i = en.i32(0)
    if HOW == "operation":
        if value > 0:
            m = en.simdgroup_multiply(m, other)  # operation
    elif HOW == "loop":
        while i < value:
            i = i + 1
            m = en.simdgroup_multiply(m, other)  # loop
    elif HOW == "place":
        en.simdgroup_store(other, Out, 64 * value)  # place
    elif HOW == "branch":
        if value > 0:  # branch
            m = other
    elif HOW == "for":
        for _ in en.range(value):  # for
            m, other = other, m
    else:
        while i < value:  # while
            m, other, i = other, m, i + 1
    en.simdgroup_store(m, Out)


FAULTS = {
    "operation": "the operation on a simdgroup matrix is reached by 7 of the 32 threads of simdgroup 1",
    "loop": "the operation on a simdgroup matrix is reached by 7 of the 32 threads of simdgroup 1",
    "place": "the place of a simdgroup matrix in memory is the same in 25 of the 32 threads of simdgroup 1",
    "branch": "would hold different matrices: the condition parts 25 of the 32 threads of simdgroup 1",
    "for": "would hold different matrices: the condition parts 7 of the 32 threads of simdgroup 1",
    "while": "would hold different matrices: the condition parts 7 of the 32 threads of simdgroup 1",
}


@pytest.mark.parametrize("how", FAULTS)
def test_data_that_keep_lanes_from_a_matrix_are_reported_by_the_run(how: str) -> None:
    compiled = en.compile(by_data, HOW=how)
    out = np.zeros((2, 8, 8), np.float32)
    x = np.zeros(128, np.int32)
    for same in (0, 1):
        x[:] = same
        en.HostRuntime().launch(compiled, [x, M, out], 128, 64)
        one = 0 * M if same and how not in ("place",) else M
        np.testing.assert_array_equal(out[0], one, err_msg=str(same))
    x[:] = 0
    x[64 + 57 :] = 1
    with pytest.raises(en.LaunchError) as caught:
        en.HostRuntime().launch(compiled, [x, M, out], 128, 64, timeout=20.0)
    text = str(caught.value)
    assert FAULTS[how] + ", threadgroup (1, 0, 0)" in text
    assert f"# {how}" in text


def test_simdgroups_that_meet_at_one_barrier_in_different_rounds() -> None:
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        group = en.simdgroup_index_in_threadgroup()
        for i in en.range(4):
            if X[4 * group + i] > 0:
                en.barrier()  # here
            Out[en.thread_position_in_grid] = i

    out = np.zeros(64, np.int32)
    together = np.array([1, 0, 1, 0, 1, 0, 1, 0], np.int32)
    launch(k, [together, out], 64, 64)
    np.testing.assert_array_equal(out, 3)
    text = fault(k, [np.array([1, 0, 1, 0, 0, 1, 0, 1], np.int32), out], 64, 64)
    assert "the barrier is reached by simdgroup 0 in one round of a loop and by simdgroup 1" in text
    assert "# here" in text


@pytest.mark.parametrize("kind", ["for", "while", "break"])
def test_rounds_of_loops_in_loops(kind: str) -> None:
    """Each simdgroup comes to the barrier three times: 2 + 1 and 1 + 2 rounds are not the same."""

    @en.kernel
    def k(X: en.i32, Out: en.i32, KIND: en.Constexpr):
        group = en.simdgroup_index_in_threadgroup()
        total = en.i32(0)
        for i in en.range(2):
            rounds = X[2 * group + i]
            if KIND == "for":
                for _ in en.range(rounds):
                    en.barrier()
                    total += 1
            elif KIND == "while":
                j = en.i32(0)
                while j < rounds:
                    en.barrier()
                    j = j + 1
                    total += 1
            else:
                for j in en.range(100):
                    if j == rounds:
                        break
                    en.barrier()
                    total += 1
        Out[en.thread_position_in_grid] = total

    compiled = en.compile(k, KIND=kind)
    out = np.zeros(64, np.int32)
    for rounds in ([2, 1, 2, 1], [0, 3, 0, 3], [0, 0, 0, 0]):
        en.HostRuntime().launch(compiled, [np.array(rounds, np.int32), out], 64, 64, timeout=20.0)
        np.testing.assert_array_equal(out, sum(rounds[:2]))
    with pytest.raises(en.LaunchError, match="in one round of a loop"):
        en.HostRuntime().launch(compiled, [np.array([2, 1, 1, 2], np.int32), out], 64, 64, timeout=20.0)


def test_a_barrier_that_each_simdgroup_comes_to_in_each_round_is_right_whatever_the_number() -> None:
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        tile = en.threadgroup_alloc(2, en.i32)
        lid = en.thread_index_in_threadgroup()
        total = en.i32(0)
        for i in en.range(X[0]):
            if i % 2 == 0:
                if lid % 32 == 0:
                    tile[lid // 32] = i + 1
                en.barrier()
                total += tile[1 - lid // 32]
                en.barrier()
        Out[lid] = total

    out = np.zeros(64, np.int32)
    launch(k, [np.array([7], np.int32), out], 64, 64)
    np.testing.assert_array_equal(out, 1 + 3 + 5 + 7)
