# SPDX-License-Identifier: MIT
"""Names that loops and branches bind again, rule by rule, and `while` (control_flow_cases.py)."""

import pytest

from control_flow_cases import Cases

cases = Cases()
case = cases.add


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


@pytest.mark.parametrize("name", cases)
def test_the_kernel_computes_what_python_does(name):
    cases.check(name)
