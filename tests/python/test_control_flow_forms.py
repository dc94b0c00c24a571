# SPDX-License-Identifier: MIT
"""The forms of the documents: for_range, if_, else_, while_, range, range_constexpr; their names in the emitted text."""

import numpy as np
import pytest

import enigma
import enigma as en
from enigma import for_range, if_, while_
from enigma import for_range as loop
from marks import marked, notes, refused, sentence
from msl import standin

F = en.f32
N = 16
A_DATA = np.array([3, -1, 4, -1, 5, -9, 2, 6, -5, 3, 5, -8, 9, 7, -9, 3], np.float32)


def run(kernel, *scalars, n=N, dtype=np.float32, **options):
    """The output of k(A, scalars..., Out) for 16 threads."""
    compiled = en.compile(en.kernel(kernel), **options)
    out = np.zeros(n, dtype)
    standin.compile(compiled.metal_source).run([A_DATA.copy(), *scalars, out], grid=n, threads=n)
    return out


def metal(kernel, **options):
    return en.compile(en.kernel(kernel), **options).metal_source


# ---- for_range


def test_for_range_as_documented():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        acc = 0.0
        with enigma.for_range(0, n) as i:
            acc = acc + A[i]
        Out[enigma.thread_position_in_grid] = acc

    assert (run(k, 5) == A_DATA[:5].sum()).all()
    assert (run(k, 0) == 0).all()


def test_init_as_documented():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        with enigma.for_range(0, n, init=[enigma.f32(0.0)]) as (i, acc):
            acc = acc + A[i]
        Out[enigma.thread_position_in_grid] = acc

    assert (run(k, 5) == A_DATA[:5].sum()).all()


def test_init_of_several_values_and_python_numbers():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        with en.for_range(0, n, init=[0.0, 1]) as (i, total, product):
            total = total + A[i]
            product = product * 2
        Out[en.thread_position_in_grid] = total + product

    assert (run(k, 5) == A_DATA[:5].sum() + 32).all()


def test_an_init_that_the_block_does_not_assign_stays():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        s = 0.0
        with en.for_range(0, n, init=[2.0]) as (i, scale):
            s = s + A[i] * scale
        Out[en.thread_position_in_grid] = s * scale

    assert (run(k, 3) == A_DATA[:3].sum() * 4).all()


def test_the_number_of_init_values_is_checked():
    def k(A: F, Out: F):
        with en.for_range(0, 3, init=[0.0]) as (i, a, b):
            a = a + A[i]
        Out[0] = a

    assert sentence(refused(k)) == "for_range: init has 1 values for 2 names"


def test_for_range_under_other_names():
    def k(A: F, Out: F):
        s = 0.0
        with for_range(4) as i:
            s = s + A[i]
        with loop(4, 8) as i:
            s = s + A[i]
        Out[en.thread_position_in_grid] = s

    assert (run(k) == A_DATA[:8].sum()).all()


def test_forms_imported_in_the_kernel():
    def k(A: F, Out: F):
        import enigma as inner
        from enigma import if_ as when

        s = 0.0
        with inner.for_range(4) as i:
            s = s + A[i]
        with when(s > 1):
            s = s + 100
        Out[inner.thread_position_in_grid] = s

    # a name that only the kernel knows is taken for what it is when it is Enigma's own
    error = refused(k)
    assert "if_: works in the body of a kernel" in sentence(error)

    def ok(A: F, Out: F):
        import enigma as inner

        s = 0.0
        with inner.for_range(4) as i:
            s = s + A[i]
        with inner.if_(s > 1):
            s = s + 100
        Out[inner.thread_position_in_grid] = s

    assert (run(ok) == A_DATA[:4].sum() + 100).all()


def test_for_range_is_a_loop_even_over_python_ints():
    def k(A: F, Out: F):
        s = 0.0
        with en.for_range(0, 8, 2) as i:
            s = s + A[i]
        Out[en.thread_position_in_grid] = s

    text = metal(k)
    assert "for (int i = 0; i < 8; i += 2)" in text
    assert (run(k) == A_DATA[:8:2].sum()).all()


def test_range_makes_a_loop_and_python_s_range_unrolls():
    def k(A: F, Out: F):
        s = 0.0
        for i in en.range(4):
            s += A[i]
        for j in range(4, 6):
            s += A[j]
        for m in en.range_constexpr(6, 8):
            s += A[m]
        Out[en.thread_position_in_grid] = s

    text = metal(k)
    assert text.count("for (") == 1
    assert "A[7u]" in text
    assert (run(k) == A_DATA[:8].sum()).all()


def test_the_position_is_i32_unless_dtype_says_otherwise():
    def k(A: F, Out: F):
        s = 0.0
        with en.for_range(0, 4) as i:
            s = s + A[i]
        with en.for_range(0, 4, dtype=en.u64) as j:
            s = s + A[j]
        Out[en.thread_position_in_grid] = s

    text = en.compile(en.kernel(k)).ir_source
    assert "^(%i: i32, %s" in text
    assert "^(%j: u64, %s" in text


def test_a_u32_bound_is_taken_by_its_bits():
    def k(A: F, Out: F):
        t = en.thread_position_in_grid
        s = 0.0
        with en.for_range(0, t) as i:
            s = s + A[i]
        for j in range(t):
            s = s + A[j]
        Out[t] = s

    np.testing.assert_array_equal(run(k), [2 * A_DATA[:t].sum() for t in range(N)])


def test_bounds_wider_than_the_position_are_refused():
    def k(A: F, n: en.Scalar(en.i64), Out: F):
        with en.for_range(0, n) as i:
            Out[i] = A[i]

    error = refused(k)
    assert sentence(error) == "for_range: stop is i64 but the position is i32"
    assert marked(error) == "en.for_range(0, n)"
    assert notes(error) == ["give dtype=enigma.i64, or convert it: enigma.i32(x)"]


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ((0.5,), "for_range: stop must be an integer, got 0.5"),
        (("x",), "for_range: stop must be an integer, got str"),
        ((0, 4, 0), "for_range: the step must not be 0"),
        ((), "for_range: needs (stop), (start, stop) or (start, stop, step), got 0 arguments"),
    ],
)
def test_bounds_are_checked(bounds, message):
    def k(A: F, Out: F):
        with en.for_range(*bounds) as i:
            Out[i] = A[i]

    assert sentence(refused(k)) == message


def test_a_float_bound_is_refused():
    def k(A: F, Out: F):
        for i in range(A[0]):
            Out[i] = 1

    error = refused(k)
    assert sentence(error) == "range: stop must be an integer, got f32"
    assert marked(error) == "range(A[0])"


def test_an_unsigned_position_does_not_go_down():
    def k(A: F, Out: F):
        with en.for_range(4, 0, -1, dtype=en.u32) as i:
            Out[i] = A[i]

    assert sentence(refused(k)) == "for_range: a u32 position cannot go down by -1"


def test_range_constexpr_needs_python_ints():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        for i in en.range_constexpr(n):
            Out[i] = A[i]

    assert sentence(refused(k)) == "range_constexpr: needs Python ints, got a traced value"


# ---- if_


def test_if_as_documented():
    def k(A: F, n: en.Scalar(en.u32), Out: F):
        tid = enigma.thread_position_in_grid
        with enigma.if_(enigma.cmp_lt(tid, n)):
            Out[tid] = A[tid] + A[tid]

    np.testing.assert_array_equal(run(k, 5), np.where(np.arange(N) < 5, 2 * A_DATA, 0))


def test_if_merges_what_it_assigns():
    def k(A: F, Out: F):
        t = en.thread_position_in_grid
        x = A[t]
        with if_(x > 0):
            x = x + 100
        Out[t] = x

    np.testing.assert_array_equal(run(k), np.where(A_DATA > 0, A_DATA + 100, A_DATA))


def test_both_arms_by_their_names():
    def k(A: F, Out: F):
        t = en.thread_position_in_grid
        with en.if_(A[t] > 0) as (then, otherwise):
            with then:
                y = A[t]
            with otherwise:
                y = -A[t] * 10
        Out[t] = y

    np.testing.assert_array_equal(run(k), np.where(A_DATA > 0, A_DATA, -10 * A_DATA))


def test_else_after_if():
    def k(A: F, Out: F):
        t = en.thread_position_in_grid
        y = 0.0
        with en.if_(A[t] > 0):
            y = A[t]
        with en.else_():
            y = -A[t] * 10
        Out[t] = y

    np.testing.assert_array_equal(run(k), np.where(A_DATA > 0, A_DATA, -10 * A_DATA))


def test_else_without_if_is_refused():
    def k(A: F, Out: F):
        with en.if_(A[0] > 0):
            Out[0] = 1
        Out[1] = 2
        with en.else_():
            Out[0] = 2

    error = refused(k)
    assert sentence(error) == "else_: needs an if_ just before it"
    assert marked(error) == "en.else_()"


def test_statements_beside_the_arms_are_refused():
    def k(A: F, Out: F):
        with en.if_(A[0] > 0) as (then, otherwise):
            Out[1] = 3
            with then:
                Out[0] = 1

    error = refused(k)
    assert sentence(error) == "if_: only the two arms can stand in its block"
    assert marked(error) == "Out[1] = 3"


def test_a_condition_that_is_known_chooses_while_tracing():
    def k(A: F, Out: F, wide: en.Constexpr):
        t = en.thread_position_in_grid
        x = A[t]
        with en.if_(wide):
            x = x * 2
        with en.else_():
            x = x * 3
        Out[t] = x

    assert "if (" not in metal(k, wide=True)
    np.testing.assert_array_equal(run(k, wide=False), A_DATA * 3)


# ---- while_


def test_while_as_documented():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        i = enigma.i32(0)
        with enigma.while_(lambda: enigma.cmp_lt(i, n)):
            i = i + 1
        Out[enigma.thread_position_in_grid] = i

    assert (run(k, 7) == 7).all()


def test_while_starts_from_python_numbers():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        i, s = 0, 0.0
        with while_(lambda: (i < n) & (s < 6)):
            s = s + A[i]
            i = i + 1
        Out[en.thread_position_in_grid] = s * 10 + i

    assert (run(k, 7) == 63).all()


def test_while_is_a_loop_even_where_python_knows():
    def k(A: F, Out: F):
        i, s = 0, 0.0
        with en.while_(lambda: i < 1000000):
            s = s + i
            i = i + 100000
        Out[en.thread_position_in_grid] = s

    assert metal(k).count("while (") == 1
    assert (run(k) == 4500000).all()


def test_the_condition_of_a_while_comes_as_a_function():
    def k(A: F, Out: F):
        i = en.i32(0)
        with en.while_(i < 3):
            i = i + 1
        Out[0] = i

    assert (
        sentence(refused(k))
        == "while_: needs a function, so that the condition is computed anew for each round"
    )


def test_a_condition_that_cannot_change_is_refused():
    def k(A: F, Out: F):
        s = A[0]
        with en.while_(lambda: True):
            s = s + 1
        Out[0] = s

    assert sentence(refused(k)).startswith("the condition of the loop does not change in it")


# ---- Nests, jumps, several items


def test_two_forms_in_one_with():
    def k(A: F, Out: F):
        s = 0.0
        with en.for_range(4) as i, en.for_range(3) as j, en.if_(i > j):
            s = s + A[i] * (j + 1)
        Out[en.thread_position_in_grid] = s

    expected = sum(float(A_DATA[i]) * (j + 1) for i in range(4) for j in range(3) if i > j)
    assert (run(k) == expected).all()


def test_break_in_a_form_leaves_the_native_loop():
    def k(A: F, Out: F):
        t = en.i32(en.thread_position_in_grid)
        s = 0.0
        for i in en.range(16):
            with en.if_(A[i] < -t):
                break
            s += A[i]
        Out[t] = s

    def python(t):
        s = 0.0
        for i in range(16):
            if A_DATA[i] < -t:
                break
            s += A_DATA[i]
        return s

    np.testing.assert_array_equal(run(k), [python(t) for t in range(N)])


def test_return_in_a_kernel():
    def k(A: F, n: en.Scalar(en.u32), Out: F):
        t = en.thread_position_in_grid
        if t >= n:
            return
        for i in en.range(16):
            if A[i] == A[t]:
                Out[t] = i
                return
        Out[t] = -1

    first = [list(A_DATA).index(x) for x in A_DATA]
    np.testing.assert_array_equal(run(k, 10), [first[t] if t < 10 else 0 for t in range(N)])


# ---- Text


def test_carried_variables_keep_their_names_in_the_text():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        tid = en.thread_position_in_grid
        total = 0.0
        for round_ in range(n):
            total += A[round_]
        if total > 3:
            total = total * 2
        Out[tid] = total

    text = metal(k)
    assert "float total = 0.0f;" in text
    assert "for (int round_ = 0; round_ < n; ++round_)" in text
    assert "Out[tid] = total" in text


def test_the_text_is_deterministic():
    def k(A: F, n: en.Scalar(en.i32), Out: F):
        a, b, c = 0.0, 1.0, 2
        for i in range(n):
            a, b = b, a + A[i]
            if a > b:
                c = c + 1
                break
        Out[0] = a + b + c

    en._enigma.clear_cache()
    first = metal(k)
    en._enigma.clear_cache()
    assert metal(k) == first


def test_a_branch_without_effect_leaves_no_trace():
    def k(A: F, Out: F):
        t = en.thread_position_in_grid
        x = A[t]
        if x > 0:
            pass
        Out[t] = x

    assert " if " not in en.compile(en.kernel(k)).ir_source


def test_kernels_made_in_a_loop_keep_their_own_constants():
    kernels = []
    for scale in (1, 2, 3):

        @en.kernel
        def k(A: F, Out: F, scale=scale):
            pass

        def make(scale=scale):
            @en.kernel
            def inner(A: F, Out: F):
                t = en.thread_position_in_grid
                y = A[t]
                if y > 0:
                    y = y * scale
                Out[t] = y

            return inner

        kernels.append(make())
    for scale, kernel in zip((1, 2, 3), kernels):
        np.testing.assert_array_equal(run(kernel.__wrapped__), np.where(A_DATA > 0, A_DATA * scale, A_DATA))
