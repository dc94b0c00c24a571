# SPDX-License-Identifier: MIT
"""The rules of the language, one test each, on programs that try to break them: Python, the host, the Metal text.

 1 literals are weakly typed            9 vec_width is unrolling
 2 same types keep their type          10 grids and partial threadgroups
 3 operators mean what Python means    11 arithmetic is the same on both devices
 4 nothing is dropped silently         12 accesses out of bounds are masked and reported
 5 rebinding is carried                13 32 lanes in lockstep
 6 both arms of if_                    14 barriers that threads skip
 7 false masks touch no memory         15 compile never returns a stale kernel
 8 where and select_

MORE names the tests that go into each rule further; they are looked up, so that none is named in vain.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import enigma as en
from marks import marked, refused, sentence
from three_ways import both

N = 64
I = np.arange(N, dtype=np.int32)

MORE = {
    1: ["test_a_whole_literal_takes_the_type_of_the_value", "test_numpy_scalars_are_weak_on_either_side",
        "test_a_float_literal_keeps_floats_and_turns_integers_to_f32", "test_literals_out_of_range_are_refused"],
    2: ["test_arithmetic_of_two_types", "test_the_table_is_symmetric", "test_same_types_wrap_as_in_numpy",
        "test_f16_with_bf16_is_refused", "test_logical_operators_on_b1_stay_b1", "test_arithmetic_on_b1_is_i32"],
    3: ["test_floor_division_and_modulo_are_pythons", "test_float_floor_division_and_modulo_are_pythons",
        "test_true_division_of_integers_is_a_fraction", "test_comparisons_of_different_signs_are_of_numbers",
        "test_unsigned_comparisons_are_of_bits", "test_integer_power"],
    4: ["test_truth_that_no_rewriting_reaches_is_still_refused", "test_indexing_a_list_with_a_value_is_refused",
        "test_assert_is_refused", "test_a_value_as_dict_key_is_refused", "test_iterating_a_value_is_refused"],
    5: ["test_the_kernel_computes_what_python_does", "test_random_kernels_leave_the_memory_that_the_reference_leaves",
        "test_a_list_that_grows_in_a_loop", "test_a_typed_value_that_changes_its_type_in_a_loop",
        "test_a_number_takes_the_type_of_the_body", "test_init_as_documented",
        "test_the_position_is_i32_unless_dtype_says_otherwise", "test_range_makes_a_loop_and_python_s_range_unrolls",
        "test_range_constexpr_needs_python_ints", "test_a_matrix_that_a_loop_rebinds_stays_what_its_columns_say"],
    6: ["test_both_arms_by_their_names", "test_else_after_if", "test_else_without_if_is_refused"],
    7: ["test_a_false_mask_makes_any_index_legal", "test_predicated_stores_cover_padded_domains"],
    8: ["test_where_takes_the_false_value_first_and_select_the_condition",
        "test_where_with_the_condition_first_shows_the_order"],
    9: ["test_a_thread_of_several_positions_computes_what_one_of_each_does", "test_vec_width_4_uses_vectors",
        "test_vec_width_refuses_barriers_and_threadgroup_memory", "test_several_positions_in_one_thread_are_an_error"],
    10: ["test_threads_of_a_row", "test_threads_of_a_box", "test_sizes_without_a_component_are_products",
         "test_sizes_that_no_device_has_are_refused"],
    11: ["test_operation_on_the_host", "test_operations_in_metal_text", "test_contract_decides_on_fma",
         "test_shift_counts_are_taken_modulo_the_width", "test_math_functions_have_fast_and_precise_forms"],
    12: ["test_an_index_past_the_end_is_masked_and_raised", "test_an_access_past_the_end_of_registers_is_reported",
         "test_the_report_of_a_huge_launch_does_not_depend_on_scheduling"],
    13: ["test_lanes_on_the_host", "test_lanes_in_metal_text", "test_lanes_that_left_a_loop_are_not_counted"],
    14: ["test_a_barrier_under_a_condition_that_differs_between_threads", "test_ctrl_c_stops_a_launch",
         "test_simdgroups_that_meet_at_one_barrier_in_different_rounds", "test_a_time_out_stops_a_launch",
         "test_data_that_keep_lanes_from_a_matrix_are_reported_by_the_run"],
    15: ["test_a_changed_attribute_counts", "test_an_unchanged_kernel_is_found_in_the_cache",
         "test_two_kernels_of_one_text_keep_their_own_lines"],
}  # fmt: skip


def test_every_rule_has_a_test_of_its_name_and_the_others_exist() -> None:
    names = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        names |= set(re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE))
    for rule, others in MORE.items():
        assert [n for n in names if n.startswith(f"test_rule_{rule:02d}_")], rule
        assert set(others) <= names, set(others) - names
    assert list(MORE) == list(range(1, 16))


def test_rule_01_literals_are_weakly_typed() -> None:
    @en.kernel
    def k(H: en.f16, U: en.u32, B: en.u8, OutH: en.f16, OutU: en.u32, OutF: en.f32, OutB: en.u8):
        i = en.thread_position_in_grid
        OutH[i] = 2 * H[i] * 0.1 + 1  # each step in f16
        OutU[i] = U[i] * 512 - 1  # stays u32, and wraps
        OutF[i] = U[i] * 0.5
        OutB[i] = 255 - B[i] * 2  # stays u8

    h = np.linspace(-3, 3, N).astype(np.float16)
    u = (np.arange(N, dtype=np.uint64) * 0x5000000 % 2**32).astype(np.uint32)
    b = (np.arange(N) * 4).astype(np.uint8)
    outs = [np.zeros(N, t) for t in (np.float16, np.uint32, np.float32, np.uint8)]
    oh, ou, of, ob = both(k, [h, u, b, *outs], N, contract=False)[3:]
    np.testing.assert_array_equal(oh, np.float16(2) * h * np.float16(0.1) + np.float16(1))
    np.testing.assert_array_equal(ou, u * np.uint32(512) - np.uint32(1))
    np.testing.assert_array_equal(of, u.astype(np.float32) * np.float32(0.5))
    np.testing.assert_array_equal(ob, np.uint8(255) - b * np.uint8(2))

    def large(B: en.u8):
        B[0] = B[1] + 256

    assert "256" in sentence(refused(large))
    assert marked(refused(large)) in ("B[1] + 256", "+", "256")


def test_rule_02_same_types_keep_their_type_and_mixed_ones_follow_the_table() -> None:
    @en.kernel
    def k(A: en.i8, B: en.u8, H: en.f16, Same: en.i8, Mixed: en.u8, Wide: en.i16, Real: en.f16, Bits: en.u8):
        i = en.thread_position_in_grid
        Same[i] = A[i] + A[i] * A[i]
        Mixed[i] = A[i] - B[i]
        Wide[i] = A[i] * en.i16(300)
        Real[i] = A[i] + H[i]
        flag = (A[i] > 0) & (B[i] < 200) | ~(A[i] < 50)
        Bits[i] = en.u8((A[i] > 0) + (B[i] > 9) + flag)  # b1 in arithmetic is i32

    a = (np.arange(N) * 7 - 128).astype(np.int8)
    b = (np.arange(N) * 11).astype(np.uint8)
    h = np.linspace(-2, 2, N).astype(np.float16)
    outs = [np.zeros(N, t) for t in (np.int8, np.uint8, np.int16, np.float16, np.uint8)]
    same, mixed, wide, real, bits = both(k, [a, b, h, *outs], N)[3:]
    np.testing.assert_array_equal(same, a + a * a)
    np.testing.assert_array_equal(mixed, a.astype(np.uint8) - b)
    np.testing.assert_array_equal(wide, a.astype(np.int16) * np.int16(300))
    np.testing.assert_array_equal(real, a.astype(np.float16) + h)
    flag = (a > 0) & (b < 200) | ~(a < 50)
    np.testing.assert_array_equal(bits, (a > 0).astype(np.uint8) + (b > 9) + flag)


def test_rule_03_operators_mean_what_python_means() -> None:
    @en.kernel
    def k(A: en.i32, B: en.i32, U: en.u32, Div: en.f32, Ints: en.i32, Less: en.u8):
        i = en.thread_position_in_grid
        Div[i] = A[i] / B[i]
        Ints[i] = A[i] // B[i] * 1000 + A[i] % B[i] * 10 + A[i] ** 2
        Less[i] = en.u8(A[i] < U[i]) + 2 * en.u8(en.cmp_ult(A[i], U[i])) + 4 * en.u8(en.i32(-1) < U[i])

    a, b = I - 32, np.where(I % 2 == 0, 3, -5).astype(np.int32)
    u = np.full(N, 5, np.uint32)
    outs = [np.zeros(N, t) for t in (np.float32, np.int32, np.uint8)]
    div, ints, less = both(k, [a, b, u, *outs], N)[3:]
    np.testing.assert_array_equal(div, a.astype(np.float32) / b.astype(np.float32))
    pairs = [(int(x), int(y)) for x, y in zip(a, b, strict=True)]
    np.testing.assert_array_equal(ints, [x // y * 1000 + x % y * 10 + x**2 for x, y in pairs])
    np.testing.assert_array_equal(less, [(x < 5) + 2 * (x % 2**32 < 5) + 4 for x, _ in pairs])


def test_rule_04_nothing_is_dropped_silently() -> None:
    """Where the syntax tree is not ours (a library's function, eval, a comprehension's if) truth is an error."""
    import functools

    def by_reduce(A: en.f32):
        A[0] = functools.reduce(lambda x, y: x if bool(x > y) else y, [A[0], A[1]])

    def by_sorting(A: en.f32):
        A[0] = sorted([A[0], A[1]])[0]

    def by_filter(A: en.f32):
        A[0] = sum(x for x in [A[0], A[1]] if x > 0)

    def by_eval(A: en.f32):
        A[0] = 1.0 if eval("x and 1", {"x": A[0]}) else 0.0

    def by_index(A: en.i32):
        A[0] = (10, 20, 30)[A[1]]

    def by_slice(A: en.i32):
        A[0] = [1, 2, 3][: A[1]][0]

    for kernel in (by_reduce, by_sorting, by_filter, by_eval, by_index, by_slice):
        error = refused(kernel)
        assert isinstance(error, TypeError), kernel
        assert error.line is not None


def test_rule_05_rebinding_is_carried() -> None:
    """Swaps, aliases, containers, an attribute, a helper, names of nested blocks, a Python number that takes its
    type from the body, all at once."""

    class Box:
        def __init__(self, value: Any) -> None:
            self.value = value

    def bump(box: Any, by: Any) -> None:
        box.value = box.value + by

    @en.kernel
    def k(A: en.i32, Out: en.i32, n: en.Scalar(en.i32)):
        i = en.thread_position_in_grid
        a, b = A[i], 1
        alias = a
        box, pair = Box(a), [a, a * 2]
        count = 0
        with en.for_range(0, n) as j:
            a, b = b, a
            pair[0], pair[1] = pair[1], pair[0] + j
            with en.if_(a > b):
                bump(box, a)
                with en.if_(j == 2):
                    count = count + 10
            with en.else_():
                count += 1
        with en.while_(lambda: count > 3):
            count = count - 3
            alias = alias + 1
        Out[i] = a + 3 * b + 5 * pair[0] + 7 * pair[1] + 11 * box.value + 13 * count + 17 * alias

    def python(x: int, n: int) -> int:
        a, b = x, 1
        alias, value, pair, count = a, a, [a, a * 2], 0
        for j in range(n):
            a, b = b, a
            pair = [pair[1], pair[0] + j]
            if a > b:
                value += a
                if j == 2:
                    count += 10
            else:
                count += 1
        while count > 3:
            count -= 3
            alias += 1
        return a + 3 * b + 5 * pair[0] + 7 * pair[1] + 11 * value + 13 * count + 17 * alias

    for n in (0, 1, 3, 6):
        out = both(k, [I - 5, np.zeros_like(I), n], N)[1]
        np.testing.assert_array_equal(out, [python(int(x), n) for x in I - 5])


def test_rule_06_both_arms_of_if() -> None:
    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        x = A[i]
        with en.if_(x % 2 == 0) as (then, otherwise):
            with then:
                y = x * 2
                x = x + 1
            with otherwise:
                y = -x
        with en.if_(x > 40):
            y = y + x
        with en.else_():
            y = y - x
        Out[i] = y

    def python(x: int) -> int:
        y, x = (x * 2, x + 1) if x % 2 == 0 else (-x, x)
        return y + x if x > 40 else y - x

    np.testing.assert_array_equal(both(k, [I, np.zeros_like(I)], N)[1], [python(int(x)) for x in I])


def test_rule_07_a_false_mask_touches_no_memory() -> None:
    @en.kernel
    def k(A: en.i32, Out: en.i32, n: en.Scalar(en.i32)):
        i = en.i32(en.thread_position_in_grid)
        left = en.load_if(A, i - 1, i > 0, -1)
        far = en.load_if(A, i * 100000000, i == 0, 5)
        en.store_if(Out, i - 3, left + far, i >= 3)
        en.store_if(Out, -1000000, 7, i > n)

    a = I * 2
    out = both(k, [a, np.full(N - 3, 99, np.int32), N], N)[1]
    np.testing.assert_array_equal(
        out, [(a[i - 1] if i else -1) + (a[0] if i == 0 else 5) for i in range(3, N)]
    )


def test_rule_08_where_and_select() -> None:
    @en.kernel
    def k(A: en.f32, W: en.f32, S: en.f32):
        i = en.thread_position_in_grid
        W[i] = en.where(0.0, A[i], A[i] > 1)
        S[i] = en.select_(A[i] > 1, A[i], 0.0)

    a = np.linspace(-3, 3, N).astype(np.float32)
    a[5] = np.nan
    w, s = both(k, [a, np.ones_like(a), np.ones_like(a)], N)[1:]
    np.testing.assert_array_equal(w, np.where(a > 1, a, np.float32(0)))
    np.testing.assert_array_equal(s, w)

    def order(A: en.f32):
        A[0] = en.where(A[0] > 1, A[1], A[2])

    assert "where(false_value, true_value, condition)" in str(refused(order))


def test_rule_09_vec_width_is_unrolling() -> None:
    """Neighbours, unaligned rows, a store that a later load of the same place must see."""

    @en.kernel
    def k(A: en.u8, Out: en.u8, n: en.Scalar(en.u32)):
        i = en.thread_position_in_grid
        x = A[i] * 3 + A[i + 1]
        for j in en.range(n, dtype=en.u32):
            x = x ^ A[i + j * 7]
        Out[i] = x
        if x > 100:
            Out[i] = Out[i] - 100

    a = np.random.default_rng(8).integers(0, 256, 200).astype(np.uint8)
    want = []
    for i in range(N):
        x = (int(a[i]) * 3 + int(a[i + 1])) & 255
        for j in range(5):
            x ^= int(a[i + j * 7])
        want.append(x - 100 if x > 100 else x)
    for width in (0, 2, 4):
        out = both(k, [a, np.zeros(N, np.uint8), 5], N // (width or 1), vec_width=width)[1]
        np.testing.assert_array_equal(out, want)


def test_rule_10_the_last_threadgroup_may_be_partial() -> None:
    @en.kernel
    def k(Out: en.u32):
        i = en.thread_position_in_grid
        size, full = en.threads_per_threadgroup("x"), en.arch.block_dim()[0]
        group = en.threadgroup_position_in_grid("x")
        Out[i] = size + 1000 * full + 100000 * group + 10000000 * en.threadgroups_per_grid("x")

    out = both(k, [np.zeros(70, np.uint32)], 70, 32)[0]
    want = [(6 if i >= 64 else 32) + 32000 + 100000 * (i // 32) + 30000000 for i in range(70)]
    np.testing.assert_array_equal(out, want)
    for grid, threads in ((0, 32), (32, 0), (-1, 32), (2048, 2048)):
        with pytest.raises(en.EnigmaError):
            en.HostRuntime().launch(en.compile(k), [np.zeros(70, np.uint32)], grid, threads)


def test_rule_11_arithmetic_is_the_same_on_both_devices() -> None:
    """Compiled with the sanitizer for undefined behaviour: wrapping, shifts past the width, INT_MIN / -1, fusing."""

    @en.kernel
    def k(A: en.i32, B: en.i32, F: en.f32, Sum: en.i32, Quotient: en.i32, Shift: en.i32, Fused: en.f32):
        i = en.thread_position_in_grid
        Sum[i] = A[i] * A[i] - (-A[i]) + 2147483647
        Quotient[i] = A[i] // B[i] + A[i] % B[i]
        Shift[i] = (A[i] << (B[i] + 33)) ^ (A[i] >> 40 % 33)
        Fused[i] = F[i] * F[i] + 0.1

    low = -(2**31)
    a = np.array([low, low, 2**31 - 1, -1, 0, 12345, -99999, low + 1] * 8, np.int32)
    b = np.array([-1, 1, -1, 7, -3, 10, 1000, -1] * 8, np.int32)
    f = np.linspace(0.1, 9.7, N).astype(np.float32)
    outs = [np.zeros(N, t) for t in (np.int32, np.int32, np.int32, np.float32)]
    total, quotient, shift, fused = both(k, [a, b, f, *outs], N)[3:]

    def wrap(x: int) -> int:
        return (x + 2**31) % 2**32 - 2**31

    pairs = [(int(x), int(y)) for x, y in zip(a, b, strict=True)]
    np.testing.assert_array_equal(total, [wrap(x * x + x + 2**31 - 1) for x, _ in pairs])
    np.testing.assert_array_equal(quotient, [wrap(wrap(x // y) + x % y) for x, y in pairs])
    np.testing.assert_array_equal(shift, [wrap(x << ((y + 33) % 32)) ^ (x >> 7) for x, y in pairs])
    exact = f.astype(np.float64) ** 2 + np.float64(np.float32(0.1))  # the product is exact in f64
    np.testing.assert_array_equal(fused, exact.astype(np.float32))


def test_rule_12_an_access_out_of_bounds_is_masked_and_reported() -> None:
    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        Out[i] = A[i + 3] + 1  # here

    out = np.zeros(N, np.int32)
    with pytest.raises(en.OutOfBoundsError) as caught:
        en.HostRuntime().launch(en.compile(k), [I, out], N, 32)
    text = str(caught.value)
    assert "k: load from parameter A is out of bounds: index 64, size 64, thread (61, 0, 0)" in text
    assert "# here" in text
    np.testing.assert_array_equal(out, [*(I[3:] + 1), 1, 1, 1])


def test_rule_13_inactive_lanes_take_no_part() -> None:
    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        total = en.i32(0)
        if A[i] % 3 == 0:
            total = en.simd_sum(A[i])
        for j in en.range(A[i] % 4):
            total += en.simd_sum(en.i32(1)) * (j + 1)
        Out[i] = total

    a = (I * 7) % 50
    want = np.zeros(N, np.int32)
    for first in (0, 32):
        group = a[first : first + 32]
        for lane, x in enumerate(group):
            here = sum(int(y) for y in group if y % 3 == 0) if x % 3 == 0 else 0
            here += sum((j + 1) * sum(1 for y in group if y % 4 > j) for j in range(x % 4))
            want[first + lane] = here
    np.testing.assert_array_equal(both(k, [a, np.zeros_like(a)], N)[1], want)


def test_rule_14_a_barrier_that_threads_skip_is_an_error() -> None:
    def returned(A: en.i32, n: en.Scalar(en.u32)):
        if en.thread_position_in_grid >= n:
            return
        en.barrier()
        A[0] = 1

    def hidden(A: en.i32):
        def wait() -> None:
            en.barrier()

        lid = en.thread_position_in_threadgroup("x")
        for _ in en.range(3):
            if not (lid < 7 or lid > 9):
                continue
            wait()
        A[0] = 1

    for kernel in (returned, hidden):
        assert sentence(refused(kernel)).startswith("barrier: not all threads come here")

    @en.kernel
    def data(A: en.i32):
        if A[en.thread_position_in_grid] > 0:
            en.barrier()
        A[en.thread_position_in_grid] = 7

    with pytest.raises(en.LaunchError, match="the barrier is reached by 31 of the 32 threads"):
        en.HostRuntime().launch(en.compile(data), [I % 32], 32, 32, timeout=20.0)


def test_rule_15_compile_never_returns_a_stale_kernel() -> None:
    table, scale = [1, 2], 3

    class Settings:
        offset = 10

    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        Out[i] = A[i] * scale + Settings.offset + table[-1]

    def run() -> Any:
        return both(k, [I, np.zeros_like(I)], N)[1]

    np.testing.assert_array_equal(run(), I * 3 + 12)
    scale = 4
    np.testing.assert_array_equal(run(), I * 4 + 12)
    Settings.offset = -1
    np.testing.assert_array_equal(run(), I * 4 + 1)
    table.append(100)
    np.testing.assert_array_equal(run(), I * 4 + 99)
