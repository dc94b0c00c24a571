# SPDX-License-Identifier: MIT
"""Values outside of their trace, and functions that are no kernels: what the error says."""

import pytest

import enigma as en
from enigma import thread_position_in_grid
from marks import marked, notes, refused, sentence

F = en.f32


# ---- Where values are at home


kept = []


@en.kernel
def keeper(A: F):
    kept.append(A[0])
    A[0] = 1


def test_a_value_used_after_its_trace_is_refused():
    en.compile(keeper)
    with pytest.raises(en.TraceError, match=r"\+: the f32 value belongs to a kernel that is already traced"):
        kept[-1] + 1
    with pytest.raises(en.TraceError, match="already traced"):
        bool(kept[-1])
    assert repr(kept[-1]) == "<f32 value of a kernel that is already traced>"


def test_a_value_used_in_another_kernel_is_refused():
    en.compile(keeper)

    def k(A: F):
        A[0] = kept[-1] * 2

    error = refused(k)
    assert sentence(error) == "*: the f32 value belongs to another kernel"
    assert marked(error) == "kept[-1] * 2"


def test_a_query_outside_of_a_kernel_is_refused():
    with pytest.raises(en.TraceError) as caught:
        thread_position_in_grid + 1
    assert sentence(caught.value) == "thread_position_in_grid: works only while a kernel is traced"
    assert marked(caught.value) == "thread_position_in_grid + 1"
    assert "@enigma.kernel" in notes(caught.value)[0]
    with pytest.raises(en.TraceError, match=r"threads_per_simdgroup: works only while a kernel is traced"):
        en.threads_per_simdgroup()


def test_functions_outside_of_a_kernel_are_refused():
    with pytest.raises(en.TraceError, match=r"sin: works only while a kernel is traced"):
        en.sin(1.0)
    with pytest.raises(en.TraceError, match=r"enigma.f32\(...\): works only while a kernel is traced"):
        en.f32(1.0)


def test_a_global_cannot_keep_a_value():
    def k(A: F):
        global leaked
        leaked = A[0]
        A[0] = 1

    error = refused(k)
    assert sentence(error) == "a traced value cannot be kept in the variable leaked outside of the kernel"
    assert marked(error) == "A[0]"
    assert "leaked" not in globals()


def test_a_nonlocal_cannot_keep_a_value():
    count = 0

    def k(A: F):
        nonlocal count
        count += 1
        A[0] = count
        count = A[0]

    error = refused(k)
    assert "in the variable count outside of the kernel" in sentence(error)
    assert marked(error) == "A[0]"
    assert count == 1


def test_a_component_must_be_x_y_or_z():
    def k(Out: F):
        Out[0] = en.thread_position_in_threadgroup("w")

    assert sentence(refused(k)) == 'thread_position_in_threadgroup: the component is "x", "y" or "z", got "w"'


def test_a_position_needs_a_component():
    def k(Out: F):
        Out[0] = en.threadgroup_position_in_grid()

    error = refused(k)
    assert sentence(error) == "threadgroup_position_in_grid: which component?"
    assert 'threadgroup_position_in_grid("x")' in notes(error)[0]


def test_the_position_is_not_called():
    def k(Out: F):
        Out[0] = thread_position_in_grid()

    error = refused(k)
    assert sentence(error) == "thread_position_in_grid: is a value, not a function"
    assert marked(error) == "thread_position_in_grid()"


# ---- The function itself


def test_returning_a_value_is_refused():
    def k(A: F, Out: F):
        Out[0] = 1
        return A[0]

    error = refused(k)
    assert sentence(error) == "a kernel returns no value"
    assert marked(error) == "return A[0]"


def test_returning_a_value_is_refused_where_it_is_not_reached():
    def k(A: F, Out: F):
        Out[0] = 1
        if False:
            return A[0]

    assert marked(refused(k)) == "return A[0]"


def test_leaving_early_is_no_error():
    def k(Out: F, n: en.Constexpr):
        Out[0] = 1
        if n == 1:
            return
        Out[1] = 2
        return None

    assert "Out[1u]" not in en.compile(en.kernel(k), n=1).metal_source
    assert "Out[1u]" in en.compile(en.kernel(k), n=2).metal_source


def test_generators_are_refused():
    def k(A: F):
        yield A[0]

    with pytest.raises(en.TraceError) as caught:
        en.kernel(k)
    assert sentence(caught.value) == "kernel k is a generator: a kernel is a plain function"
    assert marked(caught.value).strip() == "def k(A: F):"


def test_async_functions_are_refused():
    async def k(A: F):
        A[0] = 1

    with pytest.raises(en.TraceError, match="kernel k is async: a kernel is a plain function"):
        en.kernel(k)


def test_lambdas_are_refused():
    with pytest.raises(en.TraceError, match="a lambda cannot store"):
        en.kernel(lambda A: None)


def test_things_that_are_no_functions_are_refused():
    with pytest.raises(en.TraceError, match="needs a function, got int"):
        en.kernel(3)
    with pytest.raises(en.TraceError, match="needs a plain function, got a staticmethod"):
        en.kernel(staticmethod(len))


def test_calling_a_kernel_is_refused():
    with pytest.raises(en.TraceError) as caught:
        keeper(1)
    assert sentence(caught.value) == "kernel keeper: a kernel is not called like a function"
    assert "compiled = enigma.compile(keeper)" in notes(caught.value)[0]


def test_an_error_in_a_helper_names_the_helpers_line():
    def helper(x):
        return x + "a"

    def k(A: F):
        A[0] = helper(A[0])

    assert marked(refused(k)) == 'x + "a"'


def test_an_error_counts_columns_in_characters():
    def k(größe: F):
        größe[0] = größe[1] + "länge"

    error = refused(k)
    assert marked(error) == 'größe[1] + "länge"'
    assert error.column == 20


def test_an_error_knows_its_place():
    def k(A: F):
        A[0] = A[0] + "x"

    error = refused(k)
    assert error.file == __file__
    assert error.line == k.__code__.co_firstlineno + 1
    assert error.column == 16
    assert error.message == "+: needs a value or a number, got str"


def test_a_users_own_exception_passes_unchanged():
    def k(A: F):
        A[0] = 1 // 0

    with pytest.raises(ZeroDivisionError):
        en.compile(en.kernel(k))
