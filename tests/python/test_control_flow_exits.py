# SPDX-License-Identifier: MIT
"""`break`, `continue` and early `return`, rule by rule (control_flow_cases.py)."""

import pytest

from control_flow_cases import Cases

cases = Cases()
case = cases.add


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


@pytest.mark.parametrize("name", cases)
def test_the_kernel_computes_what_python_does(name):
    cases.check(name)
