# SPDX-License-Identifier: MIT
"""Loops and branches, rule by rule: each case is a plain function that a kernel calls and that Python runs unchanged on NumPy scalars.

The kernel's Metal text is executed; its results are those of Python for every thread.
"""

import math
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import enigma as en
from msl import standin

THREADS = 16
A_DATA = np.array([3, -1, 4, -1, 5, -9, 2, 6, -5, 3, 5, -8, 9, 7, -9, 3], np.float32)
B_DATA = np.array([2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5], np.int32)
CASES = {}


def case(function):
    """f(A, B, t, n): A is 16 floats, B 16 ints, t the thread (i32), n = 6 (i32)."""
    CASES[function.__name__] = function
    return function


def compiled(function):
    @en.kernel
    def k(A: en.f32, B: en.i32, n: en.Scalar(en.i32), Out: en.f32):
        t = en.thread_position_in_grid
        Out[t] = en.f32(function(A, B, en.i32(t), n))

    return en.compile(k)


@pytest.fixture(scope="module")
def texts():
    sources = {}
    for name, function in CASES.items():
        try:
            sources[name] = compiled(function).metal_source
        except Exception as error:
            sources[name] = error
    good = {name: text for name, text in sources.items() if isinstance(text, str)}
    return sources | {name: (text, library) for (name, text), library in _libraries(good)}


def _libraries(sources):
    library = standin.compile_many(sources)
    return [((name, text), library[name]) for name, text in sources.items()]


# ---- Early exits after earlier ones


@case
def a_return_in_a_loop_after_a_return_under_a_condition(A, B, t, n):
    if t > 3:
        b = B[t]
        if b > 5:
            return -1.0
    b = 1
    for j in range(n):
        b = (b + B[j]) % 97
        if not (t > 2):
            return b * 1.0
        b = (b + j) % 101
    return b * 2.0


@case
def a_break_in_a_second_loop_that_shares_its_flag(A, B, t, n):
    total = 0
    for k in range(2):
        for j in range(n):
            if B[j] == t:
                break
            total += B[j] + k
        else:
            if total > 30:
                return total * 0.5
    return total * 1.0


# ---- Rebinding


@case
def a_name_assigned_in_an_if_is_merged(A, B, t, n):
    x = A[t]
    if x > 2:
        x = x + 1
    return x


@case
def both_arms_assign(A, B, t, n):
    if A[t] > 2:
        y = A[t] * 2
    else:
        y = A[t] - 2
    return y


@case
def elif_chain(A, B, t, n):
    x = A[t]
    if x > 4:
        y = 1.0
    elif x > 2:
        y = 2.0
    elif x > 0:
        y = 3.0
    else:
        y = x
    return y


@case
def each_arm_starts_from_what_was_before(A, B, t, n):
    x = A[t]
    if x > 0:
        x = x * 0 + 5
        r = x
    else:
        r = x
    return r


@case
def a_sum_is_carried(A, B, t, n):
    acc = 0.0
    for i in range(n):
        acc = acc + A[i] * t
    return acc


@case
def augmented_assignment_is_carried(A, B, t, n):
    acc = 0.0
    for i in range(1, n, 2):
        acc += A[i]
        acc *= 2
    return acc


@case
def a_swap_in_a_loop(A, B, t, n):
    a, b = A[t], A[0]
    for _ in range(n):
        a, b = b, a + b
    return a - 2 * b


@case
def three_names_rotate(A, B, t, n):
    a, b, c = A[0], A[1], A[t]
    for _ in range(n - 1):
        a, b, c = c, a, b
    return a * 100 + b * 10 + c


@case
def two_names_of_one_value_part(A, B, t, n):
    x = y = A[t]
    for _ in range(n):
        x = x + 1
    return x * 100 + y


@case
def two_names_of_one_value_in_an_if(A, B, t, n):
    x = A[t]
    y = x
    if x > 0:
        y = y * 2
    return x + 100 * y


@case
def fibonacci_on_python_numbers(A, B, t, n):
    a, b = 0, 1
    for _ in range(t):
        a, b = b, a + b
    return a


@case
def a_python_int_becomes_a_float_later(A, B, t, n):
    best = 0
    last = 0
    for i in range(n):
        last = best
        best = A[i] + t
    return last * 1000 + best


@case
def a_python_number_assigned_in_one_arm(A, B, t, n):
    flag = 0
    if A[t] > 2:
        flag = 1
    return flag


@case
def a_bool_flag_in_a_loop(A, B, t, n):
    found = False
    for i in range(n):
        if A[i] == A[t]:
            found = True
    return 1 if found else 0


@case
def a_name_first_bound_in_both_arms_of_a_nest(A, B, t, n):
    if A[t] > 0:
        if B[t] > 4:
            z = 1
        else:
            z = 2
    else:
        z = 3
    return z


@case
def a_name_first_bound_in_a_loop_that_runs(A, B, t, n):
    for i in range(4):
        last = A[i] + t
    return last


@case
def a_temporary_in_a_block_does_not_leave_it(A, B, t, n):
    x = A[t]
    for i in range(n):
        tmp = A[i] * 2
        x = x + tmp
    if x > 0:
        tmp = B[t]
        x = x + tmp
    return x


@case
def nested_loops(A, B, t, n):
    total = 0
    for i in range(n):
        row = 0
        for j in range(i + 1):
            row = row + B[j] * t
        total = total + row
    return total


@case
def a_branch_in_a_loop_in_a_branch(A, B, t, n):
    x = 0.0
    if t > 3:
        for i in range(t):
            if A[i] > 0:
                x += A[i]
            else:
                x -= 1
    else:
        x = -100.0
    return x


@case
def a_loop_variable_after_its_loop(A, B, t, n):
    i = -5
    for i in range(t, n):
        pass
    return i


@case
def a_loop_variable_that_the_body_assigns(A, B, t, n):
    s = 0
    for i in range(n):
        i = i * 2
        s += i
    return s + t


@case
def counting_down(A, B, t, n):
    s = 0
    for i in range(n, -2, -2):
        s = s * 10 + i
    return s + t


@case
def a_traced_step(A, B, t, n):
    s = 0
    for i in range(0, 20, t + 1):
        s = s * 3 + i
    return s % 1000


@case
def a_traced_negative_step(A, B, t, n):
    s = 0
    for i in range(20, 0, -1 - t):
        s = s + i
    return s


@case
def an_empty_range_changes_nothing(A, B, t, n):
    x = A[t]
    for i in range(n, 0):
        x = x + A[i]
    return x


# ---- while


@case
def a_while_with_a_traced_condition(A, B, t, n):
    i = 0
    while i < n:
        i = i + 1
    return i * 10 + t


@case
def collatz(A, B, t, n):
    x = t + 1
    steps = 0
    while x != 1:
        if x % 2 == 0:
            x = x // 2
        else:
            x = 3 * x + 1
        steps += 1
    return steps


@case
def a_while_that_does_not_run(A, B, t, n):
    x = A[t]
    while x > 100:
        x = x - 1
    return x


@case
def a_while_with_an_assignment_expression(A, B, t, n):
    i = 0
    s = 0
    while (v := B[i + t % 3]) != 8:
        s += v
        i += 1
    return s * 10 + v


@case
def a_while_with_two_conditions(A, B, t, n):
    i = t
    while i < 16 and A[i] > -5:
        i += 1
    return i


@case
def newton(A, B, t, n):
    x = A[t] * A[t] + 1
    g = x
    while abs(g * g - x) > 0.0078125 * x:
        g = 0.5 * (g + x / g)
    return g > 1


@case
def while_and_else(A, B, t, n):
    i = 0
    while i < n:
        if B[i] == t:
            break
        i += 1
    else:
        i = -1
    return i


# ---- break, continue, return


@case
def break_leaves_a_loop(A, B, t, n):
    s = 0.0
    for i in range(16):
        if A[i] < -t:
            break
        s += A[i]
    return s


@case
def continue_skips_the_rest(A, B, t, n):
    s = 0
    for i in range(16):
        if B[i] == t:
            continue
        if B[i] == 8:
            s = s + 100
            continue
        s += B[i]
    return s


@case
def break_and_continue_in_one_loop(A, B, t, n):
    s = 0
    i = 0
    while True:
        i += 1
        if i > 14:
            break
        if B[i] % 2 == 0:
            continue
        s += B[i]
        if s > 3 * t:
            break
    return s * 100 + i


@case
def break_of_the_inner_loop_only(A, B, t, n):
    s = 0
    for i in range(n):
        for j in range(16):
            if B[j] > i + t:
                break
            s += 1
        s += 100
    return s


@case
def the_loop_variable_after_a_break(A, B, t, n):
    for i in range(16):
        if B[i] >= t:
            break
    return i


@case
def for_and_else(A, B, t, n):
    r = 0
    for i in range(n):
        if B[i] == t:
            r = i
            break
    else:
        r = -1
    return r


@case
def break_with_a_wide_step(A, B, t, n):
    s = 0
    for i in range(0, 2147483647, 1073741823):
        s += 1
        if s > t + 1:
            break
    return s


@case
def break_with_a_traced_step_down(A, B, t, n):
    s = 0
    for i in range(15, 0, -1 - t % 4):
        if A[i] > 6:
            break
        s += i
    return s


@case
def an_early_return(A, B, t, n):
    if A[t] < 0:
        return -1.0
    return A[t] * 2


@case
def early_returns_in_a_nest(A, B, t, n):
    if A[t] < 0:
        if B[t] > 4:
            return 1
        x = 2
    elif B[t] == 8:
        return 3
    else:
        x = 4
    if x == 4 and t > 5:
        return 5
    return x


@case
def a_return_from_a_loop(A, B, t, n):
    for i in range(16):
        if B[i] == t:
            return i
    return -1


@case
def a_return_from_nested_loops(A, B, t, n):
    for i in range(n):
        for j in range(n):
            if B[i] + B[j] == t + 2:
                return i * 10 + j
    return -1


@case
def a_return_from_a_while_true(A, B, t, n):
    i = 0
    while True:
        i += 1
        if i * i > t * 4:
            return i


@case
def several_values_are_returned(A, B, t, n):
    def minmax(x, y):
        if x < y:
            return x, y
        return y, x

    low, high = minmax(A[t], B[t] * 1.0)
    return low * 100 + high


# ---- Expressions


@case
def a_conditional_expression(A, B, t, n):
    return A[t] if A[t] > 0 else -A[t]


@case
def a_conditional_expression_reads_only_its_arm(A, B, t, n):
    return A[t - 8] if t >= 8 else 0.0


@case
def conditional_expressions_nest(A, B, t, n):
    return 1 if A[t] > 3 else 2 if A[t] > 0 else 3


@case
def and_or_not(A, B, t, n):
    x, y = A[t] > 0, B[t] > 4
    r = 0
    if x and y:
        r += 1
    if x or y:
        r += 10
    if not x:
        r += 100
    if not (x and not y) or t == 3:
        r += 1000
    return r


@case
def and_reads_its_right_side_only_where_needed(A, B, t, n):
    r = 0
    if t < 12 and A[t + 4] > 0:
        r = 1
    if t >= 12 or A[t + 4] > 0:
        r += 10
    return r


@case
def and_or_give_their_operands(A, B, t, n):
    return (A[t] and A[0]) + (B[t] - 8 or 100)


@case
def a_chained_comparison(A, B, t, n):
    r = 0
    if 0 < A[t] < 5:
        r = 1
    if -2 <= A[t] < B[t] <= 8 != t:
        r += 10
    return r


@case
def numbers_as_conditions(A, B, t, n):
    r = 0
    if B[t] - 8:
        r = 1
    if not A[t] - 3:
        r += 10
    return r


# ---- Python values keep Python's behaviour


@case
def python_conditions_choose_while_tracing(A, B, t, n):
    width = 4
    if width > 3:
        x = A[t]
    else:
        x = "never"
    while width:
        x = x + 1
        width -= 1
    return x


@case
def a_list_unrolls(A, B, t, n):
    s = A[t]
    for scale, shift in [(2, 1), (3, 0), (0.5, -1)]:
        s = s * scale + shift
    return s


@case
def a_python_range_unrolls_and_breaks(A, B, t, n):
    s = 0
    for i in [0, 1, 2, 3, 4, 5]:
        if B[i] == t:
            break
        if i == 4:
            continue
        s += B[i]
    else:
        s += 1000
    return s


@case
def lists_are_built_while_tracing(A, B, t, n):
    values = [A[i] + t for i in range(4)]
    total = 0
    for i in range(4):
        total = total + values[i] * (i + 1)
    return total


# ---- Containers and objects

Pair = namedtuple("Pair", "a b")


@dataclass
class State:
    low: object
    high: object


class Counter:
    def __init__(self, value):
        self.value = value

    def add(self, x):
        if x > 0:
            self.value = self.value + x
        return self


@case
def tuples_are_carried_by_element(A, B, t, n):
    state = (0.0, A[t])
    for i in range(n):
        low, high = state
        state = (low + A[i], high * 0.5)
    return state[0] * 10 + state[1]


@case
def named_tuples_are_carried(A, B, t, n):
    p = Pair(A[t], 1)
    if A[t] > 0:
        p = Pair(p.b * 2.0, 3)
    return p.a * 10 + p.b


@case
def list_elements_change_in_a_loop(A, B, t, n):
    acc = [0, 0]
    for i in range(n):
        acc[0] = acc[0] + B[i]
        acc[1] = acc[1] + acc[0] * t
    return acc[0] + acc[1] * 10


@case
def list_elements_change_in_a_branch(A, B, t, n):
    acc = [A[t], A[0]]
    other = acc
    if A[t] > 0:
        acc[1] = acc[0] * 3
    return other[1]


@case
def dict_elements_change(A, B, t, n):
    d = {"sum": 0.0, "count": 0}
    for i in range(n):
        if A[i] > 0:
            d["sum"] += A[i]
            d["count"] += 1
    return d["sum"] * 10 + d["count"] + t


@case
def attributes_change(A, B, t, n):
    s = State(A[t], A[t])
    for i in range(n):
        if A[i] < s.low:
            s.low = A[i]
        if A[i] > s.high:
            s.high = A[i]
    return s.low * 100 + s.high


@case
def methods_change_attributes(A, B, t, n):
    c = Counter(0.0)
    for i in range(n):
        c.add(A[i])
    return c.value + t


@case
def a_list_is_replaced(A, B, t, n):
    v = [A[t], 1.0]
    for i in range(n):
        v = [v[1] + A[i], v[0]]
    return v[0] * 10 + v[1]


@case
def an_object_is_replaced(A, B, t, n):
    s = State(A[t], 0)
    for i in range(n):
        s = State(s.low + 1, s.high + i)
    return s.low * 100 + s.high


# ---- Helpers


def relu(x):
    if x > 0:
        return x
    return x * 0


def total(A, lower, upper, scale=1.0, *, skip=None):
    s = 0.0
    for i in range(lower, upper):
        if skip is not None and A[i] == skip:
            continue
        s += A[i] * scale
    return s


def iterate(f, x, times):
    for _ in range(times):
        x = f(x)
    return x


@case
def helpers_are_rewritten(A, B, t, n):
    return relu(A[t]) * 100 + relu(-A[t])


magnitude = lambda x: x if x > 0 else -x  # noqa: E731


@case
def lambdas_are_rewritten(A, B, t, n):
    return magnitude(A[t]) * 10 + (lambda x: x and A[0])(A[t])


@case
def classes_in_a_kernel(A, B, t, n):
    class Total:
        value = 0.0

    total = Total()
    total.value = 0.0
    for i in range(n):
        total.value += A[i]
    return total.value + t


@case
def helpers_with_defaults(A, B, t, n):
    return total(A, 0, t) + total(A, 0, n, 2.0) * 100 + total(A, 0, n, skip=4.0)


@case
def functions_are_passed(A, B, t, n):
    k = A[0]

    def step(x):
        return x * 0.5 + k if x > k else x + 1

    return iterate(step, A[t], 3) + iterate(lambda x: x + 1 if x < 0 else x - 1, A[t], n)


@case
def a_nonlocal_changes_in_a_loop(A, B, t, n):
    count = 0

    def tick(x):
        nonlocal count
        if x > 0:
            count = count + 1

    for i in range(n):
        tick(A[i])
    return count * 10 + t


@case
def math_on_python_numbers_in_a_branch(A, B, t, n):
    x = A[t]
    if x > 0:
        x = x * math.floor(2.5)
    return x


@pytest.mark.parametrize("name", CASES)
def test_the_kernel_computes_what_python_does(name, texts):
    if isinstance(texts[name], Exception):
        raise texts[name]
    text, program = texts[name]
    out = np.zeros(THREADS, np.float32)
    program.run([A_DATA.copy(), B_DATA.copy(), 6, out], grid=THREADS, threads=THREADS)
    with np.errstate(all="ignore"):
        expected = [float(CASES[name](A_DATA, B_DATA, np.int32(t), np.int32(6))) for t in range(THREADS)]
    np.testing.assert_array_equal(out, np.array(expected, np.float32), err_msg=text)
