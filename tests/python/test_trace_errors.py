# SPDX-License-Identifier: MIT
"""What a kernel must not do, and what the error says: the sentence, the marked source, the way out."""

import math

import numpy as np
import pytest

import enigma as en
from enigma import thread_position_in_grid
from marks import marked, notes, refused, sentence

F = en.f32
DECIDES = "decides once while tracing, but a traced value differs from thread to thread"


# ---- Truth values


def test_in_is_refused():
    def k(A: F, Out: F):
        Out[0] = A[0] in (1, 2)

    error = refused(k)
    assert sentence(error) == f"`in` {DECIDES}"
    assert notes(error) == ["compare one by one: (x == a) | (x == b)"]


def test_in_a_buffer_is_refused():
    def k(A: F, Out: F):
        Out[0] = 1 in A

    assert sentence(refused(k)) == "`in` cannot search a buffer"


def test_assert_is_refused():
    def k(A: F, Out: F):
        assert A[0] > 0
        Out[0] = 1

    error = refused(k)
    assert sentence(error) == f"`assert` {DECIDES}"
    assert marked(error) == "A[0] > 0"


def test_condition_of_a_comprehension_is_refused():
    def k(A: F, Out: F):
        Out[0] = sum([v for v in [A[0], A[1]] if v > 0])

    assert sentence(refused(k)) == f"the `if` of a comprehension {DECIDES}"


def test_match_is_refused():
    def k(A: F, Out: F):
        match A[0]:
            case 1:
                Out[0] = 2

    assert sentence(refused(k)) == f"`match` {DECIDES}"


def test_pythons_max_is_refused_and_ours_named():
    def k(A: F, Out: F):
        Out[0] = max(A[0], A[1])

    error = refused(k)
    assert sentence(error) == f"max() {DECIDES}"
    assert marked(error) == "max(A[0], A[1])"
    assert notes(error) == ["write enigma.max(a, b)"]


def test_bool_is_refused():
    def k(A: F, Out: F):
        Out[0] = bool(A[0])

    assert sentence(refused(k)) == f"bool() {DECIDES}"


def test_a_swallowed_error_is_raised_by_compile():
    def k(A: F, Out: F):
        Out[0] = 1
        try:
            assert A[0] > 0
        except TypeError:
            pass

    assert sentence(refused(k)) == f"`assert` {DECIDES}"


# ---- Python numbers and containers


def test_int_is_refused():
    def k(A: F, Out: F):
        Out[0] = int(A[0])

    error = refused(k)
    assert sentence(error) == "int() needs a Python number, got a traced value"
    assert marked(error) == "int(A[0])"
    assert notes(error) == ["write enigma.i32(x)"]


def test_float_is_refused():
    def k(A: F, Out: F):
        Out[0] = float(A[0])

    error = refused(k)
    assert sentence(error) == "float() needs a Python number, got a traced value"
    assert "enigma.f32(x)" in notes(error)[0]


def test_round_is_refused():
    def k(A: F, Out: F):
        Out[0] = round(A[0])

    error = refused(k)
    assert sentence(error) == "round() needs a Python number, got a traced value"
    assert "enigma.rint(x)" in notes(error)[0]


@pytest.mark.parametrize("name", ["sin", "floor", "sqrt"])
def test_functions_of_math_are_refused_and_ours_named(name):
    function = getattr(math, name)

    def k(A: F, Out: F):
        Out[0] = function(A[0])

    def sine(A: F, Out: F):
        Out[0] = math.sin(A[0])

    assert sentence(refused(k)) == "float() needs a Python number, got a traced value"
    error = refused(sine)
    assert sentence(error) == "math.sin: works on Python numbers, got a traced value"
    assert marked(error) == "math.sin(A[0])"
    assert notes(error) == ["write enigma.sin(x)"]


def test_indexing_a_list_with_a_value_is_refused():
    def k(A: en.i32, Out: F):
        Out[0] = [1, 2, 3][A[0]]

    error = refused(k)
    assert sentence(error) == "a traced value cannot index a Python container: each thread has its own"
    assert marked(error) == "[1, 2, 3][A[0]]"


def test_iterating_a_value_is_refused():
    def k(A: F, Out: F):
        for x in A[0]:
            Out[0] = x

    error = refused(k)
    assert sentence(error) == "a traced value cannot be iterated: it is one number"
    assert marked(error) == "A[0]"


def test_iterating_a_buffer_is_refused():
    def k(A: F, Out: F):
        for x in A:
            Out[0] = x

    error = refused(k)
    assert sentence(error) == "a buffer cannot be iterated in a kernel"
    assert marked(error) == "A"


def test_length_of_a_buffer_is_refused():
    def k(A: F, Out: F):
        Out[0] = len(A)

    error = refused(k)
    assert sentence(error) == "a buffer has no length in a kernel"
    assert notes(error) == ["pass the number of elements as a Constexpr or Scalar parameter"]


def test_a_value_as_dict_key_is_refused():
    def k(A: F, Out: F):
        Out[0] = {A[0]: 1}

    assert sentence(refused(k)) == "a traced value cannot be a key of a dict or a member of a set"


def test_indexing_a_value_is_refused():
    def k(A: F, alpha: en.Scalar(F), Out: F):
        Out[0] = alpha[0]

    error = refused(k)
    assert sentence(error) == "a traced value cannot be indexed: it is one number"
    assert marked(error) == "alpha[0]"


# ---- NumPy


def test_numpy_functions_are_refused_and_ours_named():
    def k(A: F, Out: F):
        Out[0] = np.sin(A[0])

    error = refused(k)
    assert sentence(error) == "np.sin: works on arrays, got a traced value"
    assert marked(error) == "np.sin(A[0])"
    assert notes(error) == ["write enigma.sin(...)"]


def test_numpy_reductions_are_refused_at_the_users_line():
    def k(A: F, Out: F):
        Out[0] = np.sum(A[0])

    error = refused(k)
    assert sentence(error) == "np.sum: works on arrays, got a traced value"
    assert marked(error) == "np.sum(A[0])"


def test_asarray_is_refused():
    def k(A: F, Out: F):
        Out[0] = np.asarray(A[0])

    assert (
        sentence(refused(k))
        == "a traced value cannot become a NumPy array: its numbers exist only when the kernel runs"
    )


@pytest.mark.parametrize("swap", [False, True])
def test_numpy_arrays_are_no_operands(swap):
    ones = np.ones(3, np.float32)

    def k(A: F, Out: F):
        Out[0] = ones + A[0] if swap else A[0] + ones

    error = refused(k)
    assert sentence(error) == "+: needs a value or a number, got numpy.ndarray"
    assert notes(error) == ["pass the array as a buffer parameter of the kernel, and index that"]


# ---- Operands


def test_arithmetic_on_a_buffer_says_to_index():
    def k(A: F, Out: F):
        Out[0] = A + 1

    error = refused(k)
    assert sentence(error) == "+: needs a value, got the buffer A"
    assert marked(error) == "A + 1"
    assert notes(error) == ["index it: A[i]"]


def test_functions_on_a_buffer_say_to_index():
    def k(A: F, Out: F):
        Out[0] = en.sin(A)

    error = refused(k)
    assert sentence(error) == "sin: needs a value, got the buffer A"
    assert marked(error) == "en.sin(A)"


def test_strings_are_no_operands():
    def k(A: F, Out: F):
        Out[0] = A[0] + "one"

    error = refused(k)
    assert sentence(error) == "+: needs a value or a number, got str"
    assert marked(error) == 'A[0] + "one"'


def test_none_is_no_operand():
    def k(A: F, Out: F):
        Out[0] = None

    error = refused(k)
    assert sentence(error) == "store: needs a value or a number, got None"
    assert marked(error) == "Out[0]"


def test_comparison_with_none_is_refused_not_false():
    def k(A: F, Out: F):
        Out[0] = A[0] == None  # noqa: E711

    assert sentence(refused(k)) == "==: needs a value or a number, got None"


def test_comparison_with_an_unknown_object_is_refused_not_false():
    def k(A: F, Out: F):
        Out[0] = A[0] != object()

    assert sentence(refused(k)) == "!=: needs a value or a number, got object"


def test_f16_with_bf16_is_refused():
    def k(A: en.f16, B: en.bf16, Out: F):
        Out[0] = A[0] + B[0]

    error = refused(k)
    assert sentence(error) == "+: f16 and bf16 have no common type, got f16 and bf16"
    assert marked(error) == "A[0] + B[0]"
    assert notes(error) == ["convert one of them, such as enigma.f32(x)"]


@pytest.mark.parametrize(
    ("dtype", "number", "shown"),
    [
        (en.u8, 256, "256"),
        (en.u8, -1, "-1"),
        (en.i8, 128, "128"),
        (en.i8, -129, "-129"),
        (en.u32, -1, "-1"),
        (en.i32, 2**31, "2147483648"),
        (en.u64, 2**64 - 1 - 2**64, "-1"),
        (en.f16, 1e6, "1000000.0"),
        (en.f32, 1e39, "1e+39"),
    ],
)
def test_literals_out_of_range_are_refused(dtype, number, shown):
    def k(A: dtype, Out: dtype):
        Out[0] = A[0] + number

    error = refused(k)
    assert sentence(error) == f"the number {shown} does not fit {dtype.name}"
    assert marked(error) == "A[0] + number"


def test_integers_beyond_64_bits_are_refused():
    def k(A: en.u64, Out: en.u64):
        Out[0] = A[0] + 2**64

    assert sentence(refused(k)) == "the number 18446744073709551616 does not fit 64 bits"


def test_wrong_type_of_operand_names_the_function():
    def k(A: en.i32, Out: F):
        Out[0] = en.sin(A[0])

    error = refused(k)
    assert sentence(error) == "sin: needs a float, got i32"
    assert marked(error) == "en.sin(A[0])"
    assert notes(error) == ["convert it: enigma.f32(x)"]


def test_wrong_number_of_arguments_shows_the_signature():
    def k(A: F, Out: F):
        Out[0] = en.fma(A[0], 1)

    error = refused(k)
    assert sentence(error) == "fma: needs 3 arguments, got 2"
    assert notes(error) == ["the signature is fma(x, y, z)"]


def test_where_with_the_condition_first_shows_the_order():
    def k(A: F, Out: F):
        Out[0] = en.where(A[0] > 0, 1.0, 2.0)

    error = refused(k)
    assert sentence(error) == "where: the third argument is the condition and must be b1, got (b1, 1.0, 2.0)"
    assert "where(false_value, true_value, condition)" in notes(error)[0]


def test_where_with_a_condition_first_and_last_shows_the_order():
    def k(A: F, Out: F):
        Out[0] = en.where(A[0] > 0, A[1], A[0] > 0)

    assert "got (b1, f32, b1)" in sentence(refused(k))


def test_unknown_type_name_in_a_cast():
    def k(A: F, Out: F):
        Out[0] = en.metal_cast(A[0], "flaot")

    error = refused(k)
    assert sentence(error) == 'metal_cast: needs a type, got "flaot"'
    assert marked(error) == 'en.metal_cast(A[0], "flaot")'


def test_as_type_needs_equal_width():
    def k(A: F, Out: F):
        Out[0] = en.as_type(A[0], en.u16)

    assert sentence(refused(k)) == "as_type: needs a type of 32 bits like f32, got u16"


# ---- Buffers


def test_slices_of_buffers_are_refused():
    def k(A: F, Out: F):
        Out[0] = A[0:2]

    error = refused(k)
    assert sentence(error) == "A: a buffer is read one element at a time, got a slice"
    assert marked(error) == "A[0:2]"


def test_two_indices_are_refused():
    def k(A: F, Out: F):
        Out[0] = A[0, 1]

    error = refused(k)
    assert sentence(error) == "A: a buffer has one index, got 2"
    assert notes(error) == ["compute the position: A[row * width + column]"]


@pytest.mark.parametrize("index", [1.5, True, "x", None])
def test_an_index_must_be_an_integer(index):
    def k(A: F, Out: F):
        Out[0] = A[index]

    assert "an index must be an integer, got" in sentence(refused(k))


def test_a_float_value_is_no_index():
    def k(A: F, Out: F):
        Out[A[0]] = 1

    error = refused(k)
    assert sentence(error) == "store: an index must be an integer, got f32"
    assert marked(error) == "Out[A[0]]"


def test_a_negative_index_is_refused():
    def k(A: F, Out: F):
        Out[0] = A[-1]

    assert sentence(refused(k)) == "load: index -1 is before the start of the buffer"


def test_deleting_an_element_is_refused():
    def k(Out: F):
        del Out[0]

    assert sentence(refused(k)) == "Out: elements of a buffer cannot be deleted"


def test_storing_a_float_in_an_integer_buffer_is_refused():
    def k(A: F, Out: en.i32):
        Out[0] = A[0]

    error = refused(k)
    assert sentence(error) == "store: the buffer holds i32, got f32"
    assert notes(error) == ["to drop the fraction, write enigma.i32(x)"]


def test_a_mask_must_be_b1():
    def k(A: F, Out: F):
        en.store_if(Out, 0, 1.0, A[0])

    error = refused(k)
    assert sentence(error) == "store_if: the mask must be b1, got f32"
    assert marked(error) == "en.store_if(Out, 0, 1.0, A[0])"


def test_store_if_needs_a_buffer():
    def k(A: F, Out: F):
        Out[0] = 1
        en.store_if(A[0], 0, 1.0, True)

    assert sentence(refused(k)) == "store_if: needs a buffer parameter, got a value of type f32"


def test_a_kernel_without_stores_is_refused():
    def k(A: F, Out: F):
        x = A[0]  # noqa: F841

    error = refused(k)
    assert sentence(error) == "kernel k stores nothing, so running it has no effect"
    assert marked(error) == "k"


# ---- Attributes


def test_missing_attribute_of_a_buffer_gives_a_hint():
    def k(A: F, Out: F):
        Out[0] = A.shape

    error = refused(k, AttributeError)
    assert isinstance(error, en.TraceError)
    assert sentence(error) == "a buffer has no attribute 'shape'"
    assert marked(error) == "A.shape"
    assert "Constexpr" in notes(error)[0]


def test_functions_are_no_methods():
    def k(A: F, Out: F):
        Out[0] = A[0].sqrt()

    error = refused(k, AttributeError)
    assert sentence(error) == "a traced value has no attribute 'sqrt'"
    assert notes(error) == ["write enigma.sqrt(x)"]


def test_asking_for_an_attribute_is_no_error():
    def k(A: F, Out: F):
        Out[0] = 1 if hasattr(A, "shape") or hasattr(A[0], "shape") else 2

    assert "Out[0u] = 2.0f" in en.compile(en.kernel(k)).metal_source


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
