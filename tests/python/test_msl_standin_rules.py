# SPDX-License-Identifier: MIT
"""What the Metal stand-in refuses and accepts: each snippet states the rule that it breaks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from msl import standin

HEAD = "#include <metal_stdlib>\nusing namespace metal;\n"
PARAMETERS = (
    "device float *x [[buffer(0)]], constant float &c [[buffer(1)]], device bfloat *b [[buffer(2)]], "
    "device float4 *v [[buffer(3)]], device int4 *n [[buffer(4)]], device const float *r [[buffer(5)]], "
    "device half *h [[buffer(6)]], device atomic_uint *a [[buffer(7)]], device ulong *l [[buffer(8)]], "
    "uint i [[thread_position_in_grid]]"
)

INVALID_STATEMENTS = {
    "write to constant memory": "c = 1.0f;",
    "write through a const pointer": "r[0] = 1.0f;",
    "device pointer in a thread pointer": "thread float *p = x;",
    "constant pointer in a device pointer": "device float *p = &c;",
    "cast between address spaces": "threadgroup float s[4]; x[i] = ((device float *)s)[0];",
    "pointer without an address space": "float *p = &x[i];",
    "reference without an address space": "float &p = x[i];",
    "thread reference to device memory": "thread float4 &q = v[i];",
    "transcendental of bfloat": "x[i] = sin(b[i]);",
    "min of bfloat": "b[i] = min(b[i], b[i]);",
    "clamp of bfloat": "b[i] = clamp(b[i], b[i], b[i]);",
    "float to bfloat without a cast": "b[i] = x[i];",
    "float literal to bfloat": "b[i] = 1.0f;",
    "bfloat to half": "h[i] = b[i];",
    "bfloat with half": "x[i] = float(b[i] + h[i]);",
    "int vector to float vector": "v[i] = n[i];",
    "float vector plus int vector": "v[i] = v[i] + n[i];",
    "vectors of two sizes": "float3 q = v[i];",
    "too few components": "float4 q = float4(v[i].xyz);",
    "too many components": "uint2 q = uint2(1, 2, 3);",
    "C-style vector cast": "v[i] = (float4)(1.0f, 2.0f, 3.0f, 4.0f);",
    "component that does not exist": "x[i] = v[i].q;",
    "component past the end": "x[i] = v[i].xyz.w;",
    "mixed swizzle sets": "v[i].xy = v[i].xg;",
    "component written twice": "v[i].xx = v[i].xy;",
    "condition of a vector comparison": "if (v[i] < 0.0f) x[i] = 1.0f;",
    "select of a scalar by a vector": "x[i] = select(x[i], c, v[i] < 0.0f);",
    "float remainder operator": "x[i] = x[i] % 2.0f;",
    "float bit operator": "x[i] = x[i] & 1;",
    "remainder of float vectors": "v[i] = v[i] % v[i];",
    "function that Metal lacks": "x[i] = erf(x[i]);",
    "unknown function": "x[i] = foo(x[i]);",
    "ambiguous max": "x[i] = max(x[i], 1);",
    "popcount of a float": "x[i] = popcount(x[i]);",
    "isnan of an int": "x[i] = isnan(n[i].x);",
    "length of a scalar": "x[i] = length(x[i]);",
    "precise function of half": "h[i] = precise::sin(h[i]);",
    "missing argument": "x[i] = fast::exp2();",
    "as_type of another size": "x[i] = as_type<float>(h[i]);",
    "as_type to bool": "x[i] = as_type<bool>(uchar(1));",
    "double": "double d = 1.0; x[i] = d;",
    "long double literal": "x[i] = 1.0l;",
    "long long": "long long q = 1; l[i] = q;",
    "string literal": 'auto s = "text";',
    "goto": "goto end; end: x[0] = 2;",
    "new": "thread float *p = new float;",
    "uninitialised variable": "float u; x[i] = u;",
    "constant index out of bounds": "int k[2] = {1, 2}; x[i] = k[5];",
    "plain use of an atomic": "*a += 1;",
    "copy of an atomic": "auto q = *a;",
    "ordered atomic": "atomic_fetch_add_explicit(a, 1u, memory_order_acq_rel);",
    "atomic float in threadgroup memory": "threadgroup atomic_float f; atomic_fetch_add_explicit(&f, 1.0f, memory_order_relaxed);",
    "atomic function on plain memory": "atomic_fetch_add_explicit(&l[i], 1ul, memory_order_relaxed);",
    "OpenCL atomic": "atomic_init(a, 1u);",
    "barrier without flags": "threadgroup_barrier();",
    "simd_sum of bool": "x[i] = simd_sum(x[i] > 0.0f);",
    "simd_sum of 64 bits": "l[i] = simd_sum(l[i]);",
    "simd_sum of bfloat": "b[i] = simd_sum(b[i]);",
    "simd_and of float": "x[i] = simd_and(x[i]);",
    "quad_shuffle of bool": "x[i] = quad_shuffle(x[i] > 0.0f, 1);",
    "matrix of another size": "simdgroup_matrix<float, 16, 16> m;",
    "matrix of int": "simdgroup_matrix<int, 8, 8> m;",
    "matrix load of another type": "simdgroup_float8x8 m; simdgroup_load(m, h, 8);",
    "matrix product of two types": "simdgroup_float8x8 m, q; simdgroup_half8x8 s; simdgroup_multiply(m, q, s);",
    "matrix times vector of another size": "float3x3 m = float3x3(1.0f); v[i] = m * v[i];",
    "threadgroup variable in a block": "if (i > 1u) { threadgroup float s[4]; s[i] = 0; }",
    "device variable": "device float q = 1;",
    "OpenCL address space word": "__local float z; z = 1;",
    "OpenCL function": "x[i] = get_global_id(0);",
    "unbalanced bracket": "x[i] = (c + 1.0f;",
    "missing semicolon": "x[i] = c",
    "undeclared name": "x[j] = c;",
    "redeclared name": "float q = c; float q = c;",
    "bool4 from float4": "bool4 m = v[i];",
    "break outside a loop": "break;",
    "value from void": "x[i] = threadgroup_barrier(mem_flags::mem_none);",
    "printf": "printf(1);",
}


@pytest.fixture(scope="module")
def statement_results():
    return standin.check_many(
        {
            name: f"{HEAD}kernel void k({PARAMETERS}) {{\n  {text}\n}}\n"
            for name, text in INVALID_STATEMENTS.items()
        }
    )


@pytest.mark.parametrize("name", INVALID_STATEMENTS)
def test_refuses(name, statement_results):
    problems = statement_results[name]
    assert problems, INVALID_STATEMENTS[name]
    assert any(p.line in (4, 5) for p in problems), problems


INVALID_KERNELS = {
    "needs [[buffer(n)]]": "kernel void k(device float *x) {}",
    "needs an attribute such as": "kernel void k(device float *x [[buffer(0)]], uint i) {}",
    "[[buffer(0)]] is already parameter 'x'": "kernel void k(device float *x [[buffer(0)]], device float *y [[buffer(0)]]) {}",
    "past 30": "kernel void k(device float *x [[buffer(31)]]) {}",
    "unknown attribute [[bufer]]": "kernel void k(device float *x [[bufer(0)]]) {}",
    "unknown attribute [[thread_position_in_gird]]": "kernel void k(device float *x [[buffer(0)]], uint i [[thread_position_in_gird]]) {}",
    "must return void": "kernel int k(device float *x [[buffer(0)]]) { return 1; }",
    "positions must agree": "kernel void k(uint2 g [[thread_position_in_grid]], uint t [[thread_position_in_threadgroup]]) {}",
    "must be ushort, uint or a vector": "kernel void k(int i [[thread_position_in_grid]]) {}",
    "must be ushort or uint, not 'ulong'": "kernel void k(ulong i [[thread_index_in_simdgroup]]) {}",
    "is a single number": "kernel void k(uint2 i [[thread_index_in_threadgroup]]) {}",
    "not to a value": "kernel void k(float x [[buffer(0)]]) {}",
    "must be in device or constant memory": "kernel void k(threadgroup float *x [[buffer(0)]]) {}",
    "must point to threadgroup memory": "kernel void k(device float *x [[threadgroup(0)]]) {}",
    "needs [[threadgroup(n)]]": "kernel void k(threadgroup float *x) {}",
    "is already parameter 'i'": "kernel void k(uint i [[thread_position_in_grid]], uint j [[thread_position_in_grid]]) {}",
    "needs a number": "kernel void k(device float *x [[buffer()]]) {}",
    "exclude each other": "kernel void k(device float *x [[buffer(0), thread_position_in_grid]]) {}",
    "takes no argument": "kernel void k(uint i [[thread_position_in_grid(0)]]) {}",
    "needs an address space": "float f(float *p) { return *p; }",
    "calls itself": "float odd(float x); float even(float x) { return x > 1.0f ? odd(x) : x; } float odd(float x) { return even(x - 1.0f); }",
    "must reside in constant address space": "float table[2] = {1.0f, 2.0f};",
    "cannot be used as the type of a kernel parameter": "kernel void k(bool x) {}",
    "virtual functions are not part": "struct S { virtual void f(); };",
    "exceptions are not part": "void f() { throw 1; }",
    "read-only": "constant float t[2] = {1.0f, 2.0f}; void f() { t[0] = 2.0f; }",
    "must be initialized": "constant float t;",
    "non-kernel function variable": "void f() { threadgroup float s[4]; s[0] = 1.0f; }",
    "redefinition of 'k'": "kernel void k(uint i [[thread_position_in_grid]]) {} kernel void k(uint i [[thread_position_in_grid]]) {}",
    "non-void function does not return a value": "float f(float x) { }",
}


@pytest.mark.parametrize("message", INVALID_KERNELS)
def test_refuses_with_the_reason(message):
    problems = standin.check(HEAD + INVALID_KERNELS[message])
    assert any(message in p.message for p in problems), problems


def test_namespace_without_include_is_refused():
    assert standin.check("using namespace metal;\nkernel void k(uint i [[thread_position_in_grid]]) {}")


def test_unqualified_function_without_using_is_refused():
    text = "#include <metal_stdlib>\nkernel void k(device float *x [[buffer(0)]]) { x[0] = %s(x[0]); }"
    assert standin.check(text % "sin")
    assert standin.check(text % "metal::sin") == []


VALID_STATEMENTS = {
    "weak literals": "half q = h[i] * 2.0h; h[i] = q + 1; x[i] = q * 2.0;",
    "comma forms": "v[i] = float4(v[i].xy, 1.0f, c); v[i] = float4(c, v[i].yzw); v[i] = float4(float2(c), v[i].zw);",
    "brace forms": "float4 q = {1, 2, 3, 4}; float2 p{c, c}; int k[4] = {}; v[i] = q + p.xyxy + float(k[0]);",
    "scalar beside vector": "v[i] = max(v[i], 0.0f) + clamp(v[i], 0.0, 1.0) * 2 + mix(v[i], v[i].wzyx, 0.5f) + pow(v[i], 2.0f);",
    "component assignment": "v[i].x = c; v[i].yz += 1.0f; v[i].w++; v[i][2] = -c; v[i].rgb = v[i].bgr;",
    "vector condition": "v[i] = select(v[i], float4(c), v[i] > 0.0f); if (any(v[i] > 1.0f) && all(v[i] == v[i])) x[i] = 1;",
    "ternary of vectors": "v[i] = c > 0.0f ? v[i] : -v[i]; v[i] = c > 0.0f ? float4(0) : c < -1.0f ? v[i] : v[0];",
    "ternary of bfloat": "b[i] = c > 0.0f ? b[i] : bfloat(0.0f);",
    "bfloat arithmetic": "b[i] = b[i] * b[i] + bfloat(1.5f); b[i] += 2; x[i] = b[i]; x[i] = b[i] * c; b[i] = -b[i] * 2.0bf;",
    "bfloat relational": "x[i] = isnan(b[i]) || b[i] < bfloat(1.0f) ? 1.0f : 2.0f;",
    "integer vectors": "n[i] = (n[i] << 2) | (n[i] & 3) ^ ~n[i] % 7; n[i] = popcount(n[i]) + int4(v[i]);",
    "pointers": "device float4 *p = (device float4 *)x; p[0] = v[i]; device const float *q = c > 0 ? x : r; x[i] = *(q + 1);",
    "references": "device float &y = x[i]; y += 1; thread float z = y; thread float &w = z; w = 2; y = z;",
    "casts": "x[i] = float(int(c)) + static_cast<float>(i) + (float)i; h[i] = half(c); l[i] = ulong(i) << 40;",
    "constants": "x[i] = M_PI_F + INFINITY + MAXFLOAT + float(M_E_H) + numeric_limits<float>::max(); h[i] = MAXHALF;",
    "OpenCL words as names": "float local = c, global = c, generic = 1; uint uniform = i, pipe = 2; x[i] = local + global * generic + uniform + pipe;",
    "atomics": "uint old = atomic_fetch_add_explicit(a, 1, memory_order_relaxed); atomic_store_explicit(&a[1], old, memory_order_relaxed);",
    "compare and exchange": "uint e = 0; while (!atomic_compare_exchange_weak_explicit(a, &e, e + 1, memory_order_relaxed, memory_order_relaxed)) {}",
    "threadgroup atomics": "threadgroup atomic_int t[4]; atomic_store_explicit(&t[i], 0, memory_order_relaxed); threadgroup_barrier(mem_flags::mem_threadgroup);",
    "simd functions": "x[i] = simd_sum(x[i]) + simd_shuffle_down(c, 1) + simd_broadcast(c, 0); v[i] = simd_max(v[i]); x[i] += simd_any(c > 0.0f);",
    "ballot": "x[i] = popcount(uint((simd_vote::vote_t)simd_ballot(c > 0.0f)));",
    "matrices": "float4x4 m = float4x4(1.0f); m[0] = v[i]; v[i] = m * v[i]; m = transpose(m) * m; x[i] = determinant(m) + m[1].x + m[2][3];",
    "packed": "device packed_float3 *p = (device packed_float3 *)x; p[1] = v[i].xyz; float3 q = p[0]; x[i] = q.x + p[1].y;",
    "lambda-free helpers": "auto q = v[i].xy; q = q.yx; x[i] = dot(q, q);",
    "array type": "array<float, 4> q; q[0] = c; x[i] = q[0] + float(q.size());",
    "fast and precise": "x[i] = fast::sin(c) + precise::cos(c) + fast::clamp(c, 0.0f, 1.0f); v[i].xyz = fast::normalize(v[i].xyz);",
    "loops": "for (uint k = 0; k < 4; ++k) { if (k == 2) continue; x[k] += 1; } int k = 3; do { --k; } while (k > 0); while (k < 2) k++;",
    "switch": "switch (i & 3) { case 0: x[i] = 1; break; case 1: { x[i] = 2; break; } default: x[i] = 3; }",
    "types": "uint8_t q = 1; int64_t w = q; size_t s = sizeof(float4); uint4 t = uint4(q, w, s, 1); x[i] = t.x; const auto e = as_type<uint2>(l[i]); x[i] = e.y;",
}


def test_accepts_ordinary_metal():
    results = standin.check_many(
        {
            name: f"{HEAD}kernel void k({PARAMETERS}) {{\n  {text}\n}}\n"
            for name, text in VALID_STATEMENTS.items()
        }
    )
    assert {name: [str(p) for p in problems] for name, problems in results.items() if problems} == {}


def test_accepts_the_sample_files():
    folder = Path(standin.__file__).parent / "samples"
    samples = {path.name: path.read_text() for path in sorted(folder.glob("*.metal"))}
    assert len(samples) >= 7
    results = standin.check_many(samples)
    assert {name: [str(p) for p in problems] for name, problems in results.items() if problems} == {}
    library = standin.compile_many(samples)
    assert all(library[name].name for name in samples)


def test_a_template_kernel_that_nothing_instantiates_is_reported():
    text = HEAD + "template <typename T> kernel void k(device T *x [[buffer(0)]]) { x[0] = nope; }"
    assert any("no explicit instantiation" in p.message for p in standin.check(text))


def test_diagnostics_point_at_the_users_text():
    text = HEAD + "kernel void k(device float *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {\n"
    text += "  x[i] = i > 2 ? x[i] : nope;\n}\n"
    (problem,) = standin.check(text)
    assert (problem.line, problem.column, problem.severity) == (4, 25, "error")
    assert "nope" in problem.message


def test_messages_use_metals_words():
    (problem,) = standin.check(HEAD + "void f(device float *x, threadgroup float *y) {\n  x = y;\n}\n")
    assert (
        "device float" in problem.message
        and "threadgroup float" in problem.message
        and "__" not in problem.message
    )


def test_one_bad_source_does_not_spoil_its_neighbours():
    good = HEAD + "kernel void k(device float *x [[buffer(0)]]) { x[0] = 1; }"
    broken = HEAD + "kernel void k(device float *x [[buffer(0)]]) { x[0] = 1; "
    results = standin.check_many([good, broken, good])
    assert not results[0] and results[1] and not results[2]


def test_macros_of_one_source_do_not_reach_the_next():
    first = HEAD + "#define SIZE 4\nkernel void k(device float *x [[buffer(0)]]) { x[0] = SIZE; }"
    second = HEAD + "kernel void k(device float *x [[buffer(0)]]) { x[0] = SIZE; }"
    results = standin.check_many([first, second])
    assert not results[0] and results[1]


def test_a_helper_that_clashes_with_a_library_function_is_refused_in_a_batch_too():
    clash = HEAD + "static float sign(float x) { return x; }\n"
    clash += "kernel void k(device float *x [[buffer(0)]]) { x[0] = sign(x[0]); }"
    good = HEAD + "kernel void dot(device float4 *x [[buffer(0)]]) { x[0].x = dot(x[0], x[1]); }"
    for problems in (standin.check(clash), standin.check_many([good, clash, good])[1]):
        assert any("ambiguous" in p.message for p in problems)
    assert standin.check(good) == [] and standin.check_many([good, good]) == [[], []]
    assert standin.compile(good).name == "dot"


def test_compiling_a_bad_source_raises_with_its_diagnostics():
    with pytest.raises(standin.StandInError, match=r"bad:3:.*undeclared identifier 'y'"):
        standin.compile_many({"bad": HEAD + "kernel void k(device float *x [[buffer(0)]]) { x[0] = y; }"})
    with pytest.raises(standin.StandInError, match=r"needs \[\[buffer"):
        standin.compile_many({"bad": HEAD + "kernel void k(device float *x) { x[0] = 1; }"})


def test_the_examples_in_the_docstrings_hold():
    import doctest

    from msl import lint, rewrite, syntax

    for module in (lint, rewrite, syntax):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed
