# SPDX-License-Identifier: MIT
"""Lists and objects with several names, classes, and functions with effects: as Python has them, or refused.

A branch makes one list of two. Where one of the two lives on and something changes later, a kernel could not do what
Python does, and is refused; where all are only read, and where the old ones are dead, it is right.
"""

import numpy as np
import pytest

import enigma as en
from three_ways import both

N = 16
DATA = (np.arange(N, dtype=np.int32) * 5) % 9


class State:
    def __init__(self, x):
        self.x = x

    def add(self, k):
        self.x += k
        return self.x


def kernel(function):
    @en.kernel
    def k(A: en.i32, Out: en.i32):
        t = en.i32(en.thread_position_in_grid)
        Out[t] = function(A, t)

    return k


# ---- What is right

RIGHT, REFUSED = [], {}


def right(function):
    RIGHT.append(function)
    return function


def refused(name):
    def add(function):
        REFUSED[function.__name__] = function, name
        return function

    return add


@right
def lists_that_swap_names(A, t):
    v, q = [t, t + 1], [t * 2, t * 3]
    if A[t] % 2 == 0:
        v, q = q, v
    v[0] += 5
    return v[0] * 100 + q[0]


@right
def two_names_that_stay_one_list(A, t):
    v = [t, t + 1]
    p = v
    for _ in range(A[t] % 4):
        p[0] = p[0] + v[1]
    return v[0]


@right
def two_names_bound_together(A, t):
    v, p = [t, 1], [5, 6]
    if A[t] > 3:
        v = p = [t, t]
    else:
        v = p = [1, 1]
    p[0] += 10
    return v[0] * 100 + p[0]


@right
def a_list_of_which_the_old_one_is_dead(A, t):
    v = [t, 1]
    if A[t] > 3:
        v = [2, t]
    v[0] += 1
    return v[0] * 100 + v[1]


@right
def a_choice_of_lists_that_is_only_read(A, t):
    v, q = [t, 1], [2, t]
    p = v if A[t] > 3 else q
    return p[0] + q[0] * 1000 + p[1]


@right
def a_list_from_a_function_that_is_only_read(A, t):
    def pick(a, b):
        if A[t] > 3:
            return a
        return b

    v, q = [t, 1], [2, t]
    return pick(v, q)[0] + q[0] * 1000


@right
def two_buffers_that_change_roles(A, t):
    a, b = [t, 1], [2, t]
    for _ in range(A[t] % 5):
        b[0], b[1] = a[0] + 1, a[1] * 2
        a, b = b, a
    return a[0] * 100 + a[1] + b[0] * 7


@right
def a_list_of_rounds_that_is_only_read(A, t):
    v, q, s = [t, 1], [2, t], 0
    p = v
    for _ in range(A[t] % 4):
        s += p[0]
        p = q
    return s + p[1]


# What one side of a condition does happens there only, also where it is all arithmetic.


@right
def a_method_with_an_effect_in_a_conditional_expression(A, t):
    s = State(t)
    r = s.add(1) if A[t] % 2 == 0 else 7
    q = s.add(3) if A[t] > 5 else s.x
    return s.x * 100 + r * 10 + q


@right
def both_sides_of_a_conditional_expression_have_an_effect(A, t):
    d = {"x": t}

    def up():
        d["x"] *= 2
        return 1

    def down():
        d["x"] -= 1
        return 2

    r = up() if A[t] > 4 else down()
    return d["x"] * 10 + r


@right
def a_variable_of_the_caller_in_a_conditional_expression(A, t):
    a = t

    def g():
        nonlocal a
        a = a + 1
        return a

    r = g() if A[t] > 3 else 0
    return a * 100 + r


@right
def effects_behind_and_or_not(A, t):
    v = [t, A[t]]

    def g(k):
        v[1] = v[1] + k
        return v[1] > 7

    r = g(2) and g(3) and not g(4)
    s = g(2) or g(3) or g(4)
    return v[1] * 100 + (10 if r else 0) + (1 if s else 0)


@right
def an_effect_behind_a_chained_comparison(A, t):
    v = [A[t]]

    def g():
        v[0] += 1
        return v[0]

    r = 3 < t < g()
    return v[0] * 10 + (1 if r else 0)


@right
def effects_in_the_order_of_arguments(A, t):
    v = [t]

    def g(k):
        v[0] = v[0] * 2 + k
        return v[0]

    def h(a, b, c):
        return a * 100 + b * 10 + c

    return h(g(1) if A[t] > 3 else 1, g(2), g(3) if A[t] < 6 else v[0])


@right
def a_list_that_all_objects_of_a_class_share(A, t):
    class P:
        items = [0, 0]  # noqa: RUF012

        def add(self, k):
            self.items[0] += k

    p = P()
    if A[t] > 3:
        p.add(t)
    return P.items[0]


@right
def a_class_that_changes_outside_of_blocks(A, t):
    class P:
        x = 1

    P.x = t
    y = P.x + 1 if A[t] > 3 else 2
    return P.x + y


@pytest.mark.parametrize("function", RIGHT, ids=lambda f: f.__name__)
def test_the_kernel_does_what_python_does(function):
    out = both(kernel(function), [DATA, np.zeros(N, np.int32)], N)[-1]
    assert out.tolist() == [int(function(DATA.tolist(), t)) for t in range(N)]


@right
def an_attribute_of_a_function(A, t):
    def h():
        return h.n

    h.n = 1
    if A[t] > 3:
        h.n = t
    return h()


@right
def a_default_value_that_remembers(A, t):
    def h(k, kept=[0]):  # noqa: B006
        kept[0] += k
        return kept[0]

    h(1)
    if A[t] > 3:
        h(5)
    return h(0)


# ---- What is refused


@refused("p")
def a_branch_rebinds_one_of_two_names(A, t):
    v, q = [t, t + 1], [t * 2, t * 3]
    p = v
    if A[t] > 5:
        p = q
    p[0] = 100
    return v[0] + q[0] * 1000 + p[0] * 7


@refused("v")
def a_swap_under_a_third_name(A, t):
    v, q = [t, t + 1], [t * 2, t * 3]
    keep = v
    if A[t] % 2 == 0:
        v, q = q, v
    v[0] += 5
    return v[0] * 100 + keep[0]


@refused("m[0]")
def a_row_of_a_list_becomes_another_row(A, t):
    m = [[t, 0], [5, 6]]
    if A[t] > 3:
        m[0] = m[1]
    m[0][0] += 1
    return m[1][0] * 10 + m[0][0]


@refused("c")
def a_branch_rebinds_an_object(A, t):
    a, b = State(t), State(2)
    c = a
    if A[t] > 3:
        c = b
    c.x += 1
    return a.x * 100 + b.x


@refused("x_0")
def a_list_in_a_tuple(A, t):
    v, w = [t], [3]
    x = (v, 1)
    if A[t] > 3:
        x = (w, 2)
    x[0][0] += 1
    return v[0] * 100 + w[0]


@refused("the value")
def a_conditional_expression_chooses_a_list(A, t):
    v, q = [t, 1], [2, t]
    p = v if A[t] > 3 else q
    p[0] = 100
    return v[0] + q[0] * 1000


@refused("result")
def a_function_gives_one_of_its_lists(A, t):
    def pick(a, b):
        if A[t] > 3:
            return a
        return b

    v, q = [t, 1], [2, t]
    p = pick(v, q)
    p[0] = 100
    return v[0] + q[0] * 1000


@refused("result")
def a_function_gives_its_list_out_of_a_loop(A, t):
    def find(v):
        for i in range(3):
            if i == A[t]:
                return v
        return [9, 9]

    v = [1, 2]
    p = find(v)
    p[0] += 1
    return v[0] * 100 + p[0]


@refused("the value")
def a_function_gives_a_list_of_its_surroundings(A, t):
    v = [t, 0]

    def own():
        return v

    w = own() if A[t] > 3 else [7, 8]
    w[0] += 1
    return w[0] * 10 + v[0]


@refused("p")
def a_loop_changes_what_it_rebinds(A, t):
    v, q = [t, 1], [2, t]
    p = v
    for _ in range(A[t] % 4):
        p[0] += 1
        p = q
    return v[0] + q[0] * 100 + p[1]


@refused("a")
def a_loop_rebinds_one_of_two_names(A, t):
    a = [t, 1]
    b = a
    for i in range(A[t] % 5):
        a = [a[0] + 1, i]
    b[0] = 5
    return a[0] * 100 + b[0]


@refused("p")
def a_while_rebinds_one_of_two_names(A, t):
    p = [t, 1]
    q, i = p, 0
    while i < A[t] % 4:
        p = [p[1], p[0]]
        i += 1
    p[0] += 1
    return p[0] * 100 + q[0]


@pytest.mark.parametrize("name", REFUSED)
def test_a_list_that_may_be_another_one_cannot_change(name):
    function, label = REFUSED[name]
    with pytest.raises(en.TraceError) as caught:
        en.compile(kernel(function))
    text = str(caught.value)
    assert text.startswith(f"{label} is a list or object that has another name too, for some threads only")
    assert "make a copy" in text
    assert en.compile(kernel(RIGHT[0]))  # nothing is left of it


def a_class_that_a_method_changes(A, t):
    class P:
        total = 0

        def add(self, k):
            type(self).total += k

    p = P()
    if A[t] > 3:
        p.add(t)
    return P.total


def a_class_that_a_branch_changes(A, t):
    class P:
        total = 0

    if A[t] > 3:
        P.total = t
    return P.total


@pytest.mark.parametrize("function", [a_class_that_a_method_changes, a_class_that_a_branch_changes])
def test_a_class_cannot_change_under_a_condition(function):
    with pytest.raises(en.TraceError, match="P is changed under a traced condition"):
        en.compile(kernel(function))
