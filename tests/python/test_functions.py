# SPDX-License-Identifier: MIT
"""Every operation of the records is a documented Python function, and traces on every type that it takes."""

import inspect
import json
import pathlib

import pytest

import enigma as en

OPS = json.loads((pathlib.Path(en.__file__).parent / "_ops.json").read_text())
FUNCTIONS = [(f["name"], op, f["types"]) for op in OPS for f in op["functions"]]
TYPES = ["f16", "bf16", "f32", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "b1"]
SECTION_4 = (  # noqa: SIM905
    "sqrt rsqrt abs ceil floor round rint trunc sign saturate fract exp exp2 exp10 log log2 log10 "
    "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sinpi cospi tanpi fmin fmax fmod "
    "pow powr atan2 step copysign fdim ldexp frexp modf nextafter clamp fma mad mix smoothstep isnan "
    "isinf isfinite isnormal signbit isordered isunordered erf erfinv imin imax iclamp min max "
    "abs_diff add_sat sub_sat mul_hi mad_hi mad_sat hadd rhadd rotate popcount clz ctz reverse_bits "
    "extract_bits insert_bits metal_cast as_type where select_ load_if store_if cmp_eq cmp_ne cmp_lt "
    "cmp_le cmp_gt cmp_ge cmp_ult cmp_ule cmp_ugt cmp_uge thread_position_in_grid "
    "thread_position_in_grid_xyz thread_position_in_threadgroup threadgroup_position_in_grid "
    "thread_index_in_simdgroup simdgroup_index_in_threadgroup threads_per_simdgroup "
    "threads_per_threadgroup threads_per_grid dispatch_threads_per_threadgroup threadgroups_per_grid "
    "thread_index_in_threadgroup simdgroups_per_threadgroup "
    "simd_sum simd_product simd_min simd_max simd_and simd_or simd_xor simd_prefix_inclusive_sum "
    "simd_prefix_exclusive_sum simd_prefix_inclusive_product simd_prefix_exclusive_product simd_shuffle "
    "simd_shuffle_up simd_shuffle_down simd_shuffle_xor simd_shuffle_rotate_up simd_shuffle_rotate_down "
    "simd_shuffle_and_fill_up simd_shuffle_and_fill_down simd_broadcast simd_broadcast_first simd_ballot "
    "simd_all simd_any simd_is_first simd_active_threads_mask quad_sum quad_product quad_min quad_max "
    "quad_shuffle quad_broadcast quad_ballot quad_all quad_any quad_is_first "
    "dot cross length length_squared distance distance_squared normalize reflect refract faceforward all any "
    "vec make_float4 make_half2 make_uchar3 extract insert "
).split()
MODAL = (  # noqa: SIM905
    "sqrt rsqrt exp exp2 exp10 log log2 log10 pow powr sin cos tan asin acos atan atan2 sinh cosh "
    "tanh asinh acosh atanh sinpi cospi tanpi "
).split()


@pytest.mark.parametrize("name", SECTION_4)
def test_the_function_exists_and_is_documented(name):
    function = getattr(en, name)
    assert function.__doc__


@pytest.mark.parametrize(("name", "op", "types"), FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_a_docstring_tells_summary_operands_result_and_metal(name, op, types):
    function = getattr(en, name)
    assert list(inspect.signature(function).parameters) == op["operands"]
    text = inspect.getdoc(function)
    assert op["summary"][1:] in text
    assert "Result: " in text
    assert "Metal" in text


def vector_of(dtype, buffer):
    if dtype is en.b1:
        return en.vec(en.u8, 3)(buffer[0], buffer[1], buffer[2]) != 0
    return en.vec(dtype, 3)(buffer[0], buffer[1], buffer[2])


# Packing has types of its own: test_vectors.py.
TYPED = [f for f in FUNCTIONS if f[1]["group"] != "Packing"]


@pytest.mark.parametrize(("name", "op", "types"), TYPED, ids=[f[0] for f in TYPED])
def test_a_function_takes_exactly_its_types(name, op, types):
    function = getattr(en, name)
    takes_vectors = not {"V", "V3"}.isdisjoint(op["operand_slots"])
    for dtype in (getattr(en, n) for n in TYPES):

        def k(A: dtype, C: en.b1, N: en.u32, Out: en.b1):
            values = {"T": A[0], "I": A[1], "b1": C[0], "i32": N[0], "u32": N[1], "u16": 2, "S": A[1]}
            if takes_vectors:
                values["V"] = values["V3"] = vector_of(dtype, A)  # noqa: B023
            result = function(*(values[slot] for slot in op["operand_slots"]))
            first = result[0] if isinstance(result, tuple) else result
            different = first != first
            Out[0] = en.any(different) if op["result_slots"][0].startswith("V") else different

        shares = "T" in op["operand_slots"] or takes_vectors
        # b1 counts as i32
        if not shares or dtype.name in types or (dtype.name == "b1" and "i32" in types):
            assert "kernel void" in en.compile(en.kernel(k)).metal_source
        else:
            with pytest.raises(en.TraceError, match=f"^{name}: needs "):
                en.compile(en.kernel(k))


@pytest.mark.parametrize("name", MODAL)
@pytest.mark.parametrize("mode", ["fast", "precise"])
def test_math_functions_have_fast_and_precise_forms(mode, name):
    function = getattr(getattr(en, mode), name)
    count = len(inspect.signature(function).parameters)

    def k(A: en.f32, Out: en.f32):
        Out[0] = function(*[A[i] for i in range(count)])

    assert f"{mode}::{name}(" in en.compile(en.kernel(k)).metal_source


def test_names_import_from_the_package():
    from enigma import IRValue, clamp, fast, select_, thread_position_in_grid  # noqa: F401
    from enigma.precise import sin  # noqa: F401

    assert IRValue is en.Value


def test_a_star_import_leaves_pythons_own_functions_alone():
    space = {}
    exec("from enigma import *", space)
    assert space["sin"] is en.sin
    assert not {"abs", "min", "max", "round", "pow", "compile"} & set(space)


SPECIFIED = """sqrt rsqrt abs ceil floor round rint trunc sign saturate fract exp exp2 exp10 log log2 log10 sin cos tan
asin acos atan sinh cosh tanh asinh acosh atanh sinpi cospi tanpi fmin fmax fmod pow powr atan2 step copysign fdim ldexp
frexp modf nextafter clamp fma mix smoothstep"""


@pytest.mark.parametrize("namespace", ["fast", "precise"])
def test_both_namespaces_have_every_float_function(namespace):
    missing = [name for name in SPECIFIED.split() if not hasattr(getattr(en, namespace), name)]
    assert missing == []
    assert getattr(en, namespace).floor is en.floor
