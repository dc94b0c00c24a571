# SPDX-License-Identifier: MIT
"""What a loop or branch cannot carry is refused at the user's line."""

import numpy as np
import pytest

import enigma as en
from marks import marked, notes, refused, sentence

F = en.f32


# ---- Types


def test_a_typed_value_that_changes_its_type_in_a_loop():
    def k(A: en.f16, n: en.Scalar(en.i32), Out: F):
        x = A[0]
        for i in range(n):
            x = x * en.f32(2.0)
        Out[0] = x

    error = refused(k)
    assert sentence(error) == "x changes its type in the loop: it starts as f16 and becomes f32"
    assert marked(error) == "x = x * en.f32(2.0)"
    assert notes(error) == ["convert it: x = enigma.f16(...)"]


def test_a_literal_that_the_carried_type_does_not_hold():
    def k(n: en.Scalar(en.i32), Out: F):
        x = en.u8(1)
        for i in range(n):
            x = 0.5
        Out[0] = x

    error = refused(k)
    assert sentence(error) == "x changes its type in the loop: it starts as u8 and becomes 0.5"
    assert marked(error) == "x = 0.5"


def test_a_number_takes_the_type_of_the_body():
    def k(A: en.f16, n: en.Scalar(en.i32), Out: F):
        acc = 0.0
        for i in range(n):
            acc = acc + A[i]
        Out[0] = acc

    assert "^(%i: i32, %acc.1: f16)" in en.compile(en.kernel(k)).ir_source


def test_a_number_that_the_type_of_the_body_does_not_hold():
    def k(A: en.i32, n: en.Scalar(en.i32), Out: F):
        x = 0.5
        for i in range(n):
            x = A[i]
        Out[0] = x

    error = refused(k)
    assert sentence(error) == "x changes its type in the loop: it starts as 0.5 and becomes i32"
    assert marked(error) == "x = A[i]"


def test_arms_of_different_types():
    def k(A: F, B: en.i32, Out: F):
        if A[0] > 0:
            x = A[0]
        else:
            x = B[0]
        Out[0] = x

    error = refused(k)
    assert sentence(error) == "x is f32 in one arm and i32 in the other"
    assert marked(error) == "x = B[0]"
    assert notes(error) == ["convert one of them: enigma.f32(...)"]


def test_a_typed_value_that_changes_in_one_arm():
    def k(A: F, B: en.i32, Out: F):
        x = A[0]
        if x > 0:
            x = B[0]
        Out[0] = x

    assert sentence(refused(k)) == "x is i32 in one arm and f32 in the other"


def test_a_conditional_expression_of_two_types():
    def k(A: F, B: en.i32, Out: F):
        Out[0] = A[0] if A[0] > 0 else B[0]

    error = refused(k)
    assert sentence(error) == "the value is f32 in one arm and i32 in the other"
    assert marked(error) == "A[0] if A[0] > 0 else B[0]"


# ---- Names


def test_a_name_bound_in_one_arm_only():
    def k(A: F, Out: F):
        if A[0] > 0:
            x = A[1]
        Out[0] = x

    error = refused(k)
    assert sentence(error).startswith("x has a value in one arm of the branch at line")
    assert marked(error) == "x"
    assert notes(error) == ["assign x in both arms, or before the branch"]


def test_a_name_bound_in_one_arm_only_may_stay_unused():
    def k(A: F, Out: F):
        if A[0] > 0:
            x = A[1]
            Out[1] = x
        Out[0] = 1

    assert en.compile(en.kernel(k)).metal_source


def test_a_name_bound_in_a_loop_that_may_not_run():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        for i in range(n):
            x = A[i]
        Out[0] = x

    error = refused(k)
    assert sentence(error).startswith("x gets its value in the loop at line")
    assert sentence(error).endswith("which may not run at all")
    assert marked(error) == "x"


def test_a_name_read_before_the_loop_binds_it():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        for i in range(n):
            if i > 0:
                Out[i] = previous
            previous = A[i]

    error = refused(k)
    assert sentence(error) == "previous has no value here: nothing was assigned to it on the way"
    assert marked(error) == "previous"


def test_an_outer_variable_that_changes_in_a_block():
    count = 0

    def k(A: F, Out: F):
        nonlocal count
        if A[0] > 0:
            count = 1
        Out[0] = 1

    error = refused(k)
    assert sentence(error) == "the outer variable count cannot change under a traced condition"
    assert marked(error) == "count = 1"
    assert count == 0


# ---- Python objects


def test_a_python_object_that_depends_on_a_traced_condition():
    def k(A: F, B: F, Out: F):
        source = A
        if A[0] > 0:
            source = B
        Out[0] = source[1]

    error = refused(k)
    assert sentence(error).startswith("source is a buffer in one arm of the branch and a buffer in the other")
    assert marked(error) == "source = B"


def test_text_that_depends_on_a_traced_condition():
    def k(A: F, Out: F):
        mode = "a"
        if A[0] > 0:
            mode = "b"
        Out[0] = 1 if mode == "a" else 2

    assert sentence(refused(k)).startswith("mode is 'b' in one arm of the branch and 'a' in the other")


def test_a_list_that_grows_in_a_loop():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        values = []
        for i in range(n):
            values.append(A[i])
        Out[0] = 1

    error = refused(k)
    assert sentence(error) == "values gets other elements in a loop on the GPU"
    assert marked(error) == "values.append(A[i])"


def test_a_list_that_grows_in_a_branch():
    def k(A: F, Out: F):
        values = [A[0]]
        if A[0] > 0:
            values.append(A[1])
        Out[0] = values[0]

    error = refused(k)
    assert sentence(error) == "values gets other elements in one arm of the branch than in the other"
    assert marked(error) == "values.append(A[1])"
    assert len(notes(error)) == 1


def test_a_dict_that_gets_a_key_in_a_branch():
    def k(A: F, Out: F):
        d = {}
        if A[0] > 0:
            d["x"] = A[1]
        Out[0] = len(d)

    error = refused(k)
    assert sentence(error) == "d gets other elements in one arm of the branch than in the other"
    assert marked(error) == 'd["x"]'


def test_a_set_that_changes_in_a_branch():
    def k(A: F, Out: F):
        seen = set()
        if A[0] > 0:
            seen.add(1)
        Out[0] = len(seen)

    assert sentence(refused(k)) == "seen is changed under a traced condition"


def test_an_array_that_changes_in_a_loop():
    table = np.zeros(3)

    def k(A: F, n: en.Scalar(en.i32), Out: F):
        for i in range(n):
            table[0] += 1
        Out[0] = table[0]

    assert sentence(refused(k)) == "table is changed in a loop on the GPU"


LOG = []


def note(x):
    LOG.append(x)


def test_a_global_list_that_a_helper_changes():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        for i in range(n):
            note(i)
        Out[0] = len(LOG)

    assert sentence(refused(k)) == "LOG is changed in a loop on the GPU"
    LOG.clear()


def test_a_value_that_escapes_its_block():
    class Box:
        pass

    boxes = iter([Box()])

    def k(A: F, n: en.Scalar(en.i32), Out: F):
        box = None
        for i in range(n):
            Box.kept = A[i]
        Out[0] = Box.kept

    error = refused(k)
    assert sentence(error) == "Box is changed in a loop on the GPU"
    assert marked(error) == "Box.kept"
    assert boxes


def test_a_value_of_a_pass_that_was_given_up():
    class Box:
        kept = None

    def k(A: F, n: en.Scalar(en.i32), Out: F):
        s = 0.0
        for i in range(n):
            if Box.kept is None:
                Box.kept = A[i]
            s = s + Box.kept
        Out[0] = s

    assert sentence(refused(k)) == "Box is changed in a loop on the GPU"


def test_an_exception_that_leaves_a_block_and_is_caught():
    def k(A: F, Out: F):
        try:
            if A[0] > 0:
                raise ValueError("no")
        except ValueError:
            pass
        Out[0] = 1

    assert "an exception left a loop or branch and was caught outside of it" in sentence(refused(k))


@pytest.mark.parametrize("same", [lambda a, b: a is b, lambda a, b: a is not b, lambda a, b: (a > b) is True])
def test_traced_values_have_no_identity(same):
    def k(A: F, Out: F):
        if same(A[0], A[1]):
            Out[0] = 1

    error = refused(k)
    assert sentence(error) == "`is` compares Python objects, got a traced value"
    assert "write ==" in str(error)


def test_a_traced_value_is_not_none():
    def k(A: F, Out: F):
        a, b = A[0], None
        Out[0] = (1 if a is None else 2) + (10 if b is None else 20) + (100 if a is not None else 200)

    out = np.zeros(1, np.float32)
    en.HostRuntime().launch(en.compile(en.kernel(k)), [np.ones(1, np.float32), out], 1, 1)
    assert out[0] == 112


def test_a_loop_that_python_cannot_count_is_not_left_under_a_traced_condition():
    def k(A: F, Out: F):
        import itertools

        for i in itertools.count():
            if A[i] > 0:
                break
        Out[0] = 1

    assert sentence(refused(k)).startswith("the loop is left under a traced condition")


def test_a_function_that_returns_a_value_on_some_paths_only():
    def find(A):
        if A[0] > 0:
            return A[1]

    def k(A: F, Out: F):
        Out[0] = find(A)

    assert sentence(refused(k)) == "the function returns a value on some paths and none on others"


# ---- What stays Python's


def test_truth_that_no_rewriting_reaches_is_still_refused():
    def k(A: F, Out: F):
        values = [x for x in (A[0], A[1]) if x > 0]
        Out[0] = values[0]

    error = refused(k)
    assert sentence(error).startswith("the `if` of a comprehension decides once while tracing")


def test_forms_outside_of_a_with_are_refused():
    def k(A: F, Out: F):
        block = en.if_(A[0] > 0)
        with block:
            Out[0] = 1

    assert sentence(refused(k)).startswith("if_: works in the body of a kernel")


def test_a_buffer_is_no_condition():
    def k(A: F, Out: F):
        if A:
            Out[0] = 1

    error = refused(k)
    assert "needs a condition, got a buffer" in sentence(error)
    assert marked(error) == "A"
