# SPDX-License-Identifier: MIT
"""Expressions that choose, Python values, containers, objects and helper functions in loops and branches (control_flow_cases.py)."""

import math
from collections import namedtuple
from dataclasses import dataclass

import pytest

from control_flow_cases import Cases

cases = Cases()
case = cases.add


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


@pytest.mark.parametrize("name", cases)
def test_the_kernel_computes_what_python_does(name):
    cases.check(name)
