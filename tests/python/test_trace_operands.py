# SPDX-License-Identifier: MIT
"""Operands, buffers and attributes that a kernel must not use, and what the error says: the sentence, the marked source,
the way out."""

import pytest

import enigma as en
from marks import marked, notes, refused, sentence

F = en.f32


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
