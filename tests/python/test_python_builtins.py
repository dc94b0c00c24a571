# SPDX-License-Identifier: MIT
"""Python's own functions and operators on traced values: what they compute, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import enigma as en
from marks import marked, notes, refused, sentence
from three_ways import both

NAN, INF = np.float32("nan"), np.float32("inf")
# Every pair of what floats can be, the two zeros and NaN on either side included.
SPECIAL = np.array([NAN, -INF, -2.5, -0.0, 0.0, 1.0, INF, NAN], np.float32)
LEFT, RIGHT = (g.ravel().copy() for g in np.meshgrid(SPECIAL, SPECIAL))
SMALL = np.arange(-8, 24, dtype=np.int32)


def by_python(function: Any, *columns: np.ndarray, dtype: Any = None) -> np.ndarray:
    return np.array([function(*row) for row in zip(*columns, strict=True)], dtype or columns[0].dtype)


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(np.uint32)


def test_min_and_max_of_floats_are_pythons_also_for_nan_and_zeros() -> None:
    @en.kernel
    def k(A: en.f32, B: en.f32, Low: en.f32, High: en.f32, Three: en.f32):
        i = en.thread_position_in_grid
        Low[i] = min(A[i], B[i])
        High[i] = max(A[i], B[i])
        Three[i] = max([A[i], 0.5, B[i]])

    zeros = [np.zeros_like(LEFT) for _ in range(3)]
    low, high, three = both(k, [LEFT, RIGHT, *zeros], len(LEFT))[2:]
    np.testing.assert_array_equal(bits(low), bits(by_python(min, LEFT, RIGHT)))
    np.testing.assert_array_equal(bits(high), bits(by_python(max, LEFT, RIGHT)))
    half = np.full_like(LEFT, 0.5)
    np.testing.assert_array_equal(bits(three), bits(by_python(max, LEFT, half, RIGHT)))


def test_min_and_max_of_integers_and_python_numbers() -> None:
    @en.kernel
    def k(A: en.i32, Out: en.i32, Clamped: en.i32, Known: en.i32, At: en.u32):
        i = en.thread_position_in_grid
        Out[i] = max(A[i], -A[i], 3)
        Clamped[i] = min(max(0, A[i]), 10)
        Known[i] = max(3, 4) + min([5, 6])
        At[i] = min(i, 7)

    zeros = [np.zeros_like(SMALL) for _ in range(3)]
    out, clamped, known, at = both(k, [SMALL, *zeros, np.zeros(32, np.uint32)], 32)[1:]
    np.testing.assert_array_equal(out, by_python(lambda a: max(a, -a, 3), SMALL))
    np.testing.assert_array_equal(clamped, np.clip(SMALL, 0, 10))
    np.testing.assert_array_equal(known, 9)
    np.testing.assert_array_equal(at, np.minimum(np.arange(32), 7))
    assert "Clamped[i] = min(max(" in en.compile(k).metal_source


def test_min_under_another_name_and_in_a_helper() -> None:
    smaller = min

    def least(values: list[Any]) -> Any:
        return smaller(values)

    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        Out[i] = least([A[i], 2 * A[i], en.i32(5)])

    out = both(k, [SMALL, np.zeros_like(SMALL)], 32)[1]
    np.testing.assert_array_equal(out, by_python(lambda a: min(a, 2 * a, 5), SMALL))


def test_a_users_own_max_stays_his() -> None:
    def max(a: Any, b: Any) -> Any:
        return a * 100 + b

    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        Out[i] = max(A[i], 1)

    np.testing.assert_array_equal(both(k, [SMALL, np.zeros_like(SMALL)], 32)[1], SMALL * 100 + 1)


def test_max_refuses_what_it_cannot_compare_exactly() -> None:
    def mixed(A: en.i32, B: en.u32):
        A[0] = max(A[0], B[0])

    def vector(A: en.float2):
        A[0] = max(A[0], A[1])

    def key(A: en.i32):
        A[0] = max(A[0], A[1], key=lambda x: -x)

    error = refused(mixed)
    assert sentence(error) == "max(): needs values of one type, got i32 and u32"
    assert marked(error) == "max(A[0], B[0])"
    assert notes(error) == [
        "convert one, enigma.i32(x), or write enigma.max(a, b), which brings both to one type"
    ]
    assert sentence(refused(vector)) == "max(): compares single numbers, got a vector"
    assert sentence(refused(key)) == "max(): key= cannot decide between traced values"


def test_any_and_all_join_conditions() -> None:
    @en.kernel
    def k(A: en.i32, Any: en.i32, All: en.i32, Lazy: en.i32):
        i = en.thread_position_in_grid
        near = [A[i] == t for t in (1, 2, 3)]
        if any(near):
            Any[i] = 1
        if all(A[i] != t for t in range(4)) and A[i] < 9:
            All[i] = 1
        if any([False, A[i] > 3, A[i]]) and not all([True, A[i] % 2 == 0]):
            Lazy[i] = 1

    zeros = [np.zeros_like(SMALL) for _ in range(3)]
    some, every, lazy = both(k, [SMALL, *zeros], 32)[1:]
    np.testing.assert_array_equal(some, by_python(lambda a: a in (1, 2, 3), SMALL))
    np.testing.assert_array_equal(every, by_python(lambda a: a not in range(4) and a < 9, SMALL))
    np.testing.assert_array_equal(lazy, by_python(lambda a: (a > 3 or a != 0) and a % 2 != 0, SMALL))


def test_any_of_a_generator_reads_only_what_it_needs() -> None:
    """As `or` does: behind the first that holds nothing is read, so nothing is read past the end."""

    @en.kernel
    def k(A: en.i32, Out: en.i32, Every: en.i32):
        i = en.thread_position_in_grid
        Out[i] = en.i32(any(A[i + t] >= 31 - 8 for t in range(33)))
        Every[i] = en.i32(all(A[i + t] < 31 - 8 for t in range(33)))

    out, every = both(k, [SMALL, np.zeros_like(SMALL), np.zeros_like(SMALL)], 32)[1:]
    np.testing.assert_array_equal(out, 1)
    np.testing.assert_array_equal(every, 0)


def test_any_ends_at_the_first_python_value_that_decides() -> None:
    seen = []

    @en.kernel
    def k(A: en.i32, Out: en.i32):
        def conditions():
            for t in (False, True, False):
                seen.append(t)
                yield t

        Out[0] = 1 if any(conditions()) else A[0]

    en.compile(k)
    assert seen == [False, True]


IN = {
    "tuple": lambda x: x in (1, 5, -3),
    "list": lambda x: x not in [2, 4],
    "set": lambda x: x in {3, 7},
    "range": lambda x: x in range(-2, 6),
    "steps": lambda x: x in range(1, 20, 3),
    "down": lambda x: x in range(20, -8, -4),
    "nothing": lambda x: x in range(4, 4),
    "one": lambda x: x in range(5, 6, 9),
    "chain": lambda x: -5 < x in (1, 2, 9),
    "chain_in": lambda x: x in (1, 2, 9) != False,
}


@pytest.mark.parametrize("how", [h for h in IN if h != "chain_in"])
def test_in_a_container_of_numbers(how: str) -> None:
    test = IN[how]

    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        if test(A[i]):
            Out[i] = 1

    out = both(k, [SMALL, np.zeros_like(SMALL)], 32)[1]
    np.testing.assert_array_equal(out, by_python(test, SMALL))


def test_a_number_in_a_list_of_values_and_floats_in_a_tuple() -> None:
    @en.kernel
    def k(A: en.f32, B: en.f32, Out: en.i32):
        i = en.thread_position_in_grid
        Out[i] = en.i32(1.0 in [A[i], B[i]]) + 2 * en.i32(A[i] in (-2.5, 0.0)) + 4 * (3 in (1, 2, 3))

    out = both(k, [LEFT, RIGHT, np.zeros(len(LEFT), np.int32)], len(LEFT))[2]
    want = by_python(
        lambda a, b: (a == 1 or b == 1) + 2 * (a in (-2.5, 0.0)) + 4, LEFT, RIGHT, dtype=np.int32
    )
    np.testing.assert_array_equal(out, want)


def test_in_refuses_what_has_no_answer() -> None:
    def fraction(A: en.f32, Out: en.f32):
        Out[0] = en.f32(A[0] in range(3))

    def text(A: en.i32, Out: en.i32):
        Out[0] = en.i32(A[0] in "abc")

    def mapping(A: en.i32, Out: en.i32):
        Out[0] = en.i32(A[0] in {1: 2})

    assert sentence(refused(fraction)) == "`in`: only an integer can be in a range"
    for kernel in (text, mapping):
        with pytest.raises(TypeError):
            en.compile(en.kernel(kernel))


def test_abs_pow_divmod_sum_and_len_ask_the_values() -> None:
    @en.kernel
    def k(A: en.i32, V: en.float2, Out: en.i32, Sum: en.f32):
        i = en.thread_position_in_grid
        q, r = divmod(A[i], 5)
        Out[i] = abs(A[i]) + pow(A[i], 2) + q * 100 + r * 1000
        Sum[i] = sum(V[i]) + len(V[i]) + sum([A[i], 1])

    v = np.stack([SMALL, SMALL * 3], 1).astype(np.float32)
    out, total = both(k, [SMALL, v, np.zeros_like(SMALL), np.zeros(32, np.float32)], 32)[2:]
    want = by_python(lambda a: abs(a) + a**2 + a // 5 * 100 + a % 5 * 1000, SMALL)
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(total, SMALL * 4 + 2 + SMALL + 1)


def test_text_shows_what_is_traced(capsys: Any) -> None:
    @en.kernel
    def k(A: en.f32):
        x = A[0] + 1
        print(f"{x}", x)
        A[1] = x

    en.compile(k)
    shown = capsys.readouterr().out
    assert shown.count("f32") == 2


def test_a_helper_that_calls_itself_is_an_error_at_its_call() -> None:
    def down(x: Any) -> Any:
        if x > 0:
            return down(x - 1)  # here
        return x

    def k(A: en.i32):
        A[0] = down(A[0])

    error = refused(k)
    assert sentence(error).startswith("kernel k: down calls itself without end: ")
    assert marked(error) == "down(x - 1)"
    assert "write a loop: while condition: ..." in notes(error)


def test_a_recursion_that_a_python_value_ends_unrolls() -> None:
    def power(x: Any, n: int) -> Any:
        return 1 if n == 0 else x * power(x, n - 1)

    @en.kernel
    def k(A: en.i32, Out: en.i32, N: en.Constexpr):
        i = en.thread_position_in_grid
        Out[i] = power(A[i], N)

    np.testing.assert_array_equal(both(k, [SMALL, np.zeros_like(SMALL)], 32, N=3)[1], SMALL**3)


def test_two_functions_that_call_each_other_are_an_error() -> None:
    def odd(x: Any) -> Any:
        return even(x - 1)

    def even(x: Any) -> Any:
        return odd(x - 1)

    def k(A: en.i32):
        A[0] = odd(A[0])

    assert "calls itself without end" in sentence(refused(k))


def test_arguments_that_a_function_does_not_take_are_an_error_at_the_line() -> None:
    def layout(A: en.f32):
        A[0] = en.size(en.make_layout(4).draw(1, 2))

    def array(A: en.f32):
        A[0] = en.threadgroup_alloc(shape=4)[0]

    error = refused(layout)
    assert sentence(error) == "draw: does not take these arguments: Layout, int, int"
    assert marked(error) == "en.make_layout(4).draw(1, 2)"
    assert notes(error) == [
        'it is draw(self, format = "text", color = "offset", tile = None, element_bits = 32)'
    ]
    error = refused(array)
    assert sentence(error).startswith(
        "threadgroup_alloc: does not take these arguments: kwargs = { shape: int }"
    )
    assert notes(error) == ["it is threadgroup_alloc(shape, dtype)"]


def test_a_users_own_type_error_passes_unchanged() -> None:
    @en.kernel
    def k(A: en.f32):
        A[0] = 1
        raise TypeError("mine: incompatible")

    with pytest.raises(TypeError, match="mine: incompatible"):
        en.compile(k)
