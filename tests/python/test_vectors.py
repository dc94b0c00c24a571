# SPDX-License-Identifier: MIT
"""Vectors as a user writes them: made, taken apart, assigned to, carried, loaded and stored. Each kernel runs on the host
and as Metal text, and NumPy says what must come out."""

import pickle

import numpy as np
import pytest

import enigma as en
from marks import marked, notes, refused, sentence
from three_ways import both

N = 70  # no multiple of a simdgroup or threadgroup


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def a(rng):
    return rng.uniform(-2, 2, (N, 4)).astype(np.float32)


def zeros(columns=4, dtype=np.float32):
    return np.zeros((N, columns), dtype)


# ---- Types


def test_vec_gives_the_one_type_object():
    assert en.vec(en.f32, 4) is en.float4 is en.make_float4
    assert (en.float4.name, en.float4.lanes, en.float4.element, en.float4.itemsize) == (
        "f32x4",
        4,
        en.f32,
        16,
    )
    assert repr(en.vec(en.u8, 3)) == "enigma.uchar3"
    assert pickle.loads(pickle.dumps(en.half2)) is en.half2


def test_a_vector_of_three_takes_the_memory_of_four():
    assert [en.vec(t, 3).itemsize for t in (en.u8, en.f16, en.f32, en.i64)] == [4, 8, 16, 32]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: en.vec(en.b1, 4), "vec: there is no vector type of b1"),
        (lambda: en.vec(en.f32, 5), "vec: a vector has 2, 3 or 4 components, got 5"),
        (lambda: en.vec(en.float2, 2), "vec: needs a type of single numbers, got enigma.float2"),
        (lambda: en.vec("double", 2), 'vec: needs a type, got "double"'),
    ],
)
def test_a_type_that_does_not_exist_is_refused(call, message):
    with pytest.raises(en.TraceError) as caught:
        call()
    assert sentence(caught.value).endswith(message)


# ---- Making and taking apart


def test_a_vector_is_made_of_numbers_vectors_and_one_number(a):
    @en.kernel
    def k(A: en.float4, Out: en.float4, Splat: en.float4, Mixed: en.int4):
        i = en.thread_position_in_grid
        v = A[i]
        Out[i] = en.make_float4(v.yx, i, 1)
        Splat[i] = en.make_float4(v.w)
        Mixed[i] = en.vec(en.i32, 4)(v.x * 10, v.yz * 10, -3)

    _, out, splat, mixed = both(k, [a, zeros(), zeros(), zeros(dtype=np.int32)], N)
    index = np.arange(N, dtype=np.float32)
    np.testing.assert_array_equal(out, np.stack([a[:, 1], a[:, 0], index, np.ones(N)], 1))
    np.testing.assert_array_equal(splat, np.repeat(a[:, 3:], 4, 1))
    ten = (a * np.float32(10)).astype(np.int32)
    np.testing.assert_array_equal(mixed, np.concatenate([ten[:, :3], np.full((N, 1), -3)], 1))


@pytest.mark.parametrize("swizzle", ["xyz", "wzyx", "xx", "rgba", "abgr", "zxy", "yyyy", "ra"])
def test_a_swizzle_picks_components_in_its_order(a, swizzle):
    columns = ["xyzwrgba".index(c) % 4 for c in swizzle]
    out_type = en.vec(en.f32, len(swizzle))

    def k(A: en.float4, Out: out_type):
        Out[en.thread_position_in_grid] = getattr(A[en.thread_position_in_grid], swizzle)

    width = {2: 2, 3: 4, 4: 4}[len(swizzle)]
    out = both(en.kernel(k), [a, zeros(width)], N)[-1]
    np.testing.assert_array_equal(out[:, : len(swizzle)], a[:, columns])


def test_a_vector_has_a_length_and_is_unpacked_and_iterated(a):
    @en.kernel
    def k(A: en.float4, Out: en.f32, Last: en.f32):
        i = en.thread_position_in_grid
        x, y, z, w = A[i]
        total = x * 1000
        for c in A[i]:
            total = total + c
        Out[i] = total + len(A[i]) + y - y + z - z
        Last[i] = A[i][-1] + (w - w)

    _, out, last = both(k, [a, np.zeros(N, np.float32), np.zeros(N, np.float32)], N, contract=False)
    x, y, z, w = a.T
    want = x * np.float32(1000)
    for c in (x, y, z, w):
        want = want + c
    np.testing.assert_array_equal(out, want + np.float32(4) + y - y + z - z)
    np.testing.assert_array_equal(last, w + (w - w))


def test_an_index_that_is_computed_picks_a_component_and_stays_inside(a):
    @en.kernel
    def k(A: en.float3, Out: en.f32, Set: en.float3):
        i = en.thread_position_in_grid
        Out[i] = A[i][i % 5]
        Set[i] = en.insert(A[i], i % 5, 9.0)

    _, out, changed = both(k, [a, np.zeros(N, np.float32), zeros()], N)
    at = np.arange(N) % 5
    np.testing.assert_array_equal(out, a[np.arange(N), np.minimum(at, 2)])
    want = a[:, :3].copy()
    inside = at < 3
    want[np.arange(N)[inside], at[inside]] = 9
    np.testing.assert_array_equal(changed[:, :3], want)


def test_a_negative_computed_index_gives_the_last_component(a):
    @en.kernel
    def k(A: en.float4, Out: en.f32):
        i = en.thread_position_in_grid
        Out[i] = A[i][en.i32(0) - en.i32(i % 2)]

    out = both(k, [a, np.zeros(N, np.float32)], N)[-1]
    np.testing.assert_array_equal(out, np.where(np.arange(N) % 2, a[:, 3], a[:, 0]))


# ---- Assigning components


def test_assigning_a_component_gives_the_name_a_new_vector(a):
    @en.kernel
    def k(A: en.float4, Out: en.float4, Old: en.float4):
        i = en.thread_position_in_grid
        v = A[i]
        old = v
        v.x = 7
        v.wz = v.zw
        v.rgb += 1.0
        Out[i] = v
        Old[i] = old

    _, out, old = both(k, [a, zeros(), zeros()], N)
    want = a.copy()
    want[:, 0] = 7
    want[:, [3, 2]] = want[:, [2, 3]]
    want[:, :3] += np.float32(1)
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(old, a)


def test_components_are_swapped_and_assigned_together(a):
    @en.kernel
    def k(A: en.float4, Out: en.float4):
        i = en.thread_position_in_grid
        v = A[i]
        v.x, v.y = v.y, v.x
        v.z = v.w = 0.5
        Out[i] = v

    out = both(k, [a, zeros()], N)[-1]
    np.testing.assert_array_equal(out, np.stack([a[:, 1], a[:, 0], np.full(N, 0.5), np.full(N, 0.5)], 1))


def test_components_are_assigned_in_loops_and_branches(a):
    @en.kernel
    def k(A: en.float4, Out: en.float4):
        i = en.thread_position_in_grid
        v = A[i]
        for _ in en.range(3):
            v.x += 1.0
            if v.y > 0:
                v.y -= 0.5
            else:
                v.zw = v.wz
        n = i % 4
        while n > 0:
            v.w = v.w * 2
            n -= 1
        Out[i] = v

    out = both(k, [a, zeros()], N)[-1]
    want = a.copy()
    for row, v in enumerate(want):
        for _ in range(3):
            v[0] += np.float32(1)
            if v[1] > 0:
                v[1] -= np.float32(0.5)
            else:
                v[[2, 3]] = v[[3, 2]]
        for _ in range(row % 4):
            v[3] *= 2
    np.testing.assert_array_equal(out, want)


def test_a_function_that_assigns_components_leaves_the_callers_vector(a):
    def raised(v):
        v.y = 100.0
        return v

    @en.kernel
    def k(A: en.float4, Out: en.float4):
        i = en.thread_position_in_grid
        v = A[i]
        w = raised(v)
        Out[i] = en.make_float4(v.xy, w.xy)

    out = both(k, [a, zeros()], N)[-1]
    np.testing.assert_array_equal(out, np.stack([a[:, 0], a[:, 1], a[:, 0], np.full(N, 100)], 1))


def test_attributes_of_other_objects_are_set_as_ever():
    class Point:
        x = 0.0

    @en.kernel
    def k(Out: en.f32):
        i = en.thread_position_in_grid
        p = Point()
        p.x = 3.0
        p.x += 1.0
        Out[i] = p.x

    assert (both(k, [np.zeros(N, np.float32)], N)[0] == 4).all()


# ---- Operators, comparisons, conversions


def test_one_number_meets_every_component(a):
    @en.kernel
    def k(A: en.float4, s: en.Scalar(en.f32), Out: en.float4):
        i = en.thread_position_in_grid
        Out[i] = (1.0 - A[i]) / s + i

    out = both(k, [a, 4.0, zeros()], N)[-1]
    np.testing.assert_array_equal(out, (1 - a) / np.float32(4) + np.arange(N, dtype=np.float32)[:, None])


def test_vectors_of_different_types_meet_as_numbers_do(rng):
    h, i = rng.uniform(-9, 9, (N, 2)).astype(np.float16), rng.integers(-99, 99, (N, 2)).astype(np.int32)

    @en.kernel
    def k(H: en.half2, I: en.int2, Half: en.half2, Single: en.float2):
        t = en.thread_position_in_grid
        Half[t] = H[t] + I[t]
        Single[t] = I[t] / 4

    _, _, half, single = both(k, [h, i, zeros(2, np.float16), zeros(2)], N)
    np.testing.assert_array_equal(half, h + i.astype(np.float16))
    np.testing.assert_array_equal(single, i.astype(np.float32) / np.float32(4))


def test_comparisons_give_vectors_for_select_any_and_all(a):
    @en.kernel
    def k(A: en.float4, Chosen: en.float4, Where: en.float4, Any: en.b1, All: en.i32, One: en.float4):
        i = en.thread_position_in_grid
        m = (A[i] > 0.5) | ~(A[i] > -1.0)
        Chosen[i] = en.select_(m, A[i], 0.0)
        Where[i] = en.where(-1.0, A[i].wzyx, m)
        Any[i] = en.any(m)
        All[i] = en.select_(en.all(A[i] < 1.5), 1, 0)
        One[i] = en.select_(A[i].x > 0, A[i], -A[i])

    outputs = [zeros(), zeros(), np.zeros(N, bool), np.zeros(N, np.int32), zeros()]
    _, chosen, where, some, every, one = both(k, [a, *outputs], N)
    m = (a > 0.5) | ~(a > -1)
    np.testing.assert_array_equal(chosen, np.where(m, a, 0))
    np.testing.assert_array_equal(where, np.where(m, a[:, ::-1], -1))
    np.testing.assert_array_equal(some, m.any(1))
    np.testing.assert_array_equal(every, (a < 1.5).all(1))
    np.testing.assert_array_equal(one, np.where(a[:, :1] > 0, a, -a))


def test_a_mask_is_carried_by_loops_and_converted_to_numbers(a):
    @en.kernel
    def k(A: en.float4, Out: en.int4):
        i = en.thread_position_in_grid
        seen = A[i] > 1.0
        for _ in en.range(2):
            seen = seen | (A[i] < -1.0)
        Out[i] = en.int4(seen) + seen

    out = both(k, [a, zeros(dtype=np.int32)], N)[-1]
    np.testing.assert_array_equal(out, 2 * ((a > 1) | (a < -1)).astype(np.int32))


@pytest.mark.parametrize("to", ["half4", "int4", "ushort4", "bfloat4"])
def test_a_vector_is_converted_component_by_component(a, to):
    out_type = getattr(en, to)

    def k(A: en.float4, Out: out_type, Same: out_type):
        i = en.thread_position_in_grid
        Out[i] = en.metal_cast(abs(A[i]) * 100, to)
        Same[i] = out_type.element(abs(A[i]) * 100)

    dtype = en.dtypes.numpy_dtype(out_type)
    _, out, same = both(en.kernel(k), [a, zeros(dtype=dtype), zeros(dtype=dtype)], N)
    np.testing.assert_array_equal(out, (np.abs(a) * np.float32(100)).astype(dtype))
    np.testing.assert_array_equal(out, same)


def test_bits_are_read_as_other_vectors_and_words(rng):
    words = rng.integers(0, 2**32, N, dtype=np.uint32)
    f = rng.normal(size=(N, 4)).astype(np.float32)

    @en.kernel
    def k(
        W: en.u32,
        F: en.float4,
        Bytes: en.uchar4,
        Back: en.u32,
        Bits: en.uint4,
        Halves: en.half2,
        Wide: en.u64,
    ):
        i = en.thread_position_in_grid
        Bytes[i] = en.as_type(W[i], "uchar4")
        Back[i] = en.as_type(en.as_type(W[i], en.ushort2).yx, en.u32)
        Bits[i] = en.as_type(F[i], en.u32)
        Halves[i] = en.as_type(W[i] & 0x7BFF7BFF, en.half2)
        Wide[i] = en.as_type(F[i].xy, en.u64)

    arrays = [zeros(dtype=np.uint8), np.zeros(N, np.uint32), zeros(dtype=np.uint32), zeros(2, np.float16)]
    _, _, bytes_, back, bits, halves, wide = both(k, [words, f, *arrays, np.zeros(N, np.uint64)], N)
    np.testing.assert_array_equal(bytes_, words.view(np.uint8).reshape(N, 4))
    np.testing.assert_array_equal(back, (words >> 16) | (words << 16))
    np.testing.assert_array_equal(bits, f.view(np.uint32))
    np.testing.assert_array_equal(halves.view(np.uint16), (words & 0x7BFF7BFF).view(np.uint16).reshape(N, 2))
    np.testing.assert_array_equal(wide, np.ascontiguousarray(f[:, :2]).view(np.uint64).reshape(N))


# ---- Memory


@pytest.mark.parametrize("element", ["u8", "i16", "f16", "bf16", "f32", "u64"])
@pytest.mark.parametrize("lanes", [2, 3, 4])
def test_buffers_of_vectors_are_read_and_written_at_any_index(element, lanes, rng):
    kind = en.vec(getattr(en, element), lanes)
    dtype = en.dtypes.numpy_dtype(kind)
    a = rng.integers(0, 100, (N, 4 if lanes == 3 else lanes)).astype(dtype)

    def k(A: kind, Copy: kind, Reversed: kind, One: kind):
        i = en.thread_position_in_grid
        Copy[i] = A[i]
        Reversed[i] = A[N - 1 - i]
        One[i] = A[3] + A[i * 7 % N]

    arrays = [np.full_like(a, 55) for _ in range(3)]
    _, copy, reverse, one = both(en.kernel(k), [a, *arrays], N)
    np.testing.assert_array_equal(copy[:, :lanes], a[:, :lanes])
    np.testing.assert_array_equal(reverse[:, :lanes], a[::-1, :lanes])
    at = (np.arange(N) * 7) % N
    np.testing.assert_array_equal(one[:, :lanes], a[3, :lanes] + a[at, :lanes])
    # What lies between vectors of 3 is nobody's.
    for out in (copy, reverse, one):
        np.testing.assert_array_equal(out[:, lanes:], np.full_like(out[:, lanes:], 55))


def test_masked_accesses_of_vectors_touch_no_memory(a):
    @en.kernel
    def k(A: en.float3, Out: en.float3, n: en.Scalar(en.u32)):
        i = en.thread_position_in_grid
        v = en.load_if(A, i, i < n, 5.0)
        en.store_if(Out, i, v + 1, i < n + 2)

    half = np.ascontiguousarray(a[:40])
    out = np.zeros((42, 4), np.float32)
    out = both(k, [half, out, 40], N)[1]
    np.testing.assert_array_equal(out[:40, :3], half[:, :3] + np.float32(1))
    np.testing.assert_array_equal(out[40:, :3], np.full((2, 3), 6))
    assert (out[:, 3] == 0).all()


def test_an_access_past_the_end_counts_vectors(a):
    @en.kernel
    def k(A: en.float4, Out: en.float4):
        i = en.thread_position_in_grid
        Out[i] = A[i + 1]

    with pytest.raises(en.OutOfBoundsError, match=r"index 70"):
        en.HostRuntime().launch(en.compile(k), [a, zeros()], N, 32)


def test_scalar_parameters_are_vectors(a):
    @en.kernel
    def k(A: en.float4, s: en.Scalar(en.float3), t: en.Scalar(en.uchar2), Out: en.float4):
        i = en.thread_position_in_grid
        Out[i] = A[i] * en.float4(s, 1) + en.float4(t, t.yx)

    out = both(k, [a, (1, 2.5, -1), (3, 250), zeros()], N, contract=False)[-1]
    np.testing.assert_array_equal(out, a * np.float32([1, 2.5, -1, 1]) + np.float32([3, 250, 250, 3]))


def test_a_number_stored_to_a_vector_fills_it():
    @en.kernel
    def k(Out: en.short3, n: en.Scalar(en.i32)):
        i = en.thread_position_in_grid
        Out[i] = n
        en.store_if(Out, i, 7, i > 60)

    out = both(k, [zeros(dtype=np.int16), -4], N)[0]
    np.testing.assert_array_equal(out[:, :3], np.where(np.arange(N)[:, None] > 60, 7, -4).repeat(3, 1))


def test_arrays_of_the_runtime_hold_vectors(a):
    @en.kernel
    def k(A: en.float4, Out: en.float4):
        i = en.thread_position_in_grid
        Out[i] = A[i].wzyx

    rt = en.HostRuntime()
    x, out = rt.array(a), rt.empty(N, en.float4)
    assert out.shape == (N, 4)
    rt.launch(en.compile(k), [x, out], N, 32)
    np.testing.assert_array_equal(out.numpy(), a[:, ::-1])
    flat = rt.execute(en.compile(k), [a], output_shapes=(N, 4), grid=N, threads=32)
    np.testing.assert_array_equal(flat, a[:, ::-1])


# ---- Errors


def launch(kernel, *arguments):
    en.HostRuntime().launch(en.compile(kernel), list(arguments), 4, 4)


def test_rows_of_three_are_no_vectors_of_three():
    @en.kernel
    def k(A: en.float3, Out: en.f32):
        Out[en.thread_position_in_grid] = A[0].x

    with pytest.raises(
        en.LaunchError, match=r"float3, which takes the memory of 4 numbers, got an array of rows of 3"
    ):
        launch(k, np.zeros((8, 3), np.float32), np.zeros(4, np.float32))
    with pytest.raises(en.LaunchError, match=r"needs a multiple of 4 numbers, got 6"):
        launch(k, np.zeros(6, np.float32), np.zeros(4, np.float32))


def test_a_vector_parameter_takes_as_many_numbers():
    @en.kernel
    def k(s: en.Scalar(en.float2), Out: en.f32):
        Out[en.thread_position_in_grid] = s.x

    with pytest.raises(en.LaunchTypeError, match=r"one enigma.float2 and needs 2 numbers, got 3"):
        launch(k, (1, 2, 3), np.zeros(4, np.float32))
    with pytest.raises(en.LaunchTypeError, match=r"needs 2 numbers, got float"):
        launch(k, 1.0, np.zeros(4, np.float32))


@pytest.mark.parametrize(
    ("body", "message", "under"),
    [
        ("v.xyz + v", "+: vectors of different lengths, got f32x3 and f32x4", "v.xyz + v"),
        ("v.q", "a traced vector has no attribute 'q'", "v.q"),
        ("v.xyq", "a traced vector has no attribute 'xyq'", "v.xyq"),
        ("v.xg", "a traced vector has no attribute 'xg'", "v.xg"),
        ("v.xy.z", "a f32x2 has no component z", "v.xy.z"),
        ("v[4]", "extract: index 4 of a f32x4, which has 4 components", "v[4]"),
        ("v[1.5]", "extract: an index must be an integer, got 1.5", "v[1.5]"),
        ("v[0:2]", "a vector has no slices", "v[0:2]"),
        ("en.make_float4(v.xyz)", "float4: needs 4 components, got 3 (f32x3)", "en.make_float4(v.xyz)"),
        ("en.make_float2(v)", "float2: needs 2 components, got 4 (f32x4)", "en.make_float2(v)"),
        ("en.float2(1, 2, 3)", "float2: needs 2 components, got 3 (1, 2, 3)", "en.float2(1, 2, 3)"),
        ("en.dot(v, 1.0)", "dot: y must be a vector, got 1.0", "en.dot(v, 1.0)"),
        ("en.dot(v.x, v.y)", "dot: x must be a vector, got f32", "en.dot(v.x, v.y)"),
        ("en.cross(v, v)", "cross: x must be a vector of 3, got f32x4", "en.cross(v, v)"),
        ("en.length(en.int4(v))", "length: needs a float, got i32x4", "en.length(en.int4(v))"),
        ("en.all(v)", "all: needs b1, got f32x4", "en.all(v)"),
        (
            "en.as_type(v, en.half4)",
            "as_type: needs a type of 128 bits like f32x4, got f16x4",
            "en.as_type(v, en.half4)",
        ),
        ("en.pack_float_to_unorm4x8(v.xy)", "pack_float_to_unorm4x8: needs f32x4, got f32x2", None),
        ("en.unpack_unorm4x8_to_float(v.x)", "unpack_unorm4x8_to_float: needs u32, got f32", None),
        ("en.extract(v.x, 0)", "extract: needs a vector, got f32", "en.extract(v.x, 0)"),
        ("en.insert(v, 0, v.xy)", ".x: needs f32, got f32x2", "en.insert(v, 0, v.xy)"),
        ("en.float4(x=1)", "float4: its components have no names", "en.float4(x=1)"),
        ("en.f32(1).x", "a traced value has no attribute 'x'", "en.f32(1).x"),
    ],
)
def test_what_vectors_cannot_do_is_an_error_at_its_place(body, message, under, tmp_path):
    source = tmp_path / "kernel.py"
    source.write_text(
        "import enigma as en\n\ndef k(A: en.float4, Out: en.float4):\n"
        f"    v = A[0]\n    w = {body}\n    Out[0] = v\n"
    )
    names = {}
    exec(compile(source.read_text(), str(source), "exec"), names)
    error = refused(names["k"], (en.TraceError, AttributeError))
    assert sentence(error).endswith(message)
    if under:
        assert marked(error) == under


def test_a_branch_on_a_vector_names_any_and_all():
    def k(A: en.float4, Out: en.f32):
        if A[0] > 0:
            Out[0] = 1

    error = refused(k)
    assert "b1x4" in sentence(error) or "vector" in sentence(error)
    assert any("enigma.all" in note for note in notes(error))


def test_a_vector_is_not_stored_to_a_buffer_of_numbers():
    def k(A: en.float4, Out: en.f32):
        Out[0] = A[0]

    assert sentence(refused(k)) == "store: the buffer holds f32, got f32x4"

    def mask(A: en.float4, Out: en.uchar4):
        Out[0] = A[0] > 0.0

    assert (
        "kernel void" in en.compile(en.kernel(mask)).metal_source
    )  # b1 counts as a number, as scalars have it


def test_a_component_in_memory_is_not_assigned():
    def k(A: en.float4, Out: en.float4):
        Out[0].x = 1.0

    error = refused(k)
    assert sentence(error) == "a component can be assigned where a variable of the function holds the vector"
    assert notes(error)[0].startswith("write v = A[i]; v.x = value; A[i] = v")

    def other(A: en.float4, Out: en.float4):
        v = A[0]
        v[0] = 1.0

    assert sentence(refused(other)) == sentence(error)


def test_a_component_assigned_twice_in_one_swizzle_is_an_error():
    def k(A: en.float4, Out: en.float4):
        v = A[0]
        v.xx = v.xy
        Out[0] = v

    error = refused(k)
    assert sentence(error) == "component x is assigned twice in one swizzle"
    assert marked(error) == "v.xx"


def test_a_fraction_is_not_assigned_to_an_integer_component():
    def k(A: en.int4, Out: en.int4):
        v = A[0]
        v.x = 0.5
        Out[0] = v

    assert sentence(refused(k)) == "the number 0.5 does not fit i32"

    def traced(A: en.int4, F: en.f32, Out: en.int4):
        v = A[0]
        v.x = F[0]
        Out[0] = v

    assert sentence(refused(traced)) == ".x: needs i32, got f32"


def test_vec_width_leaves_kernels_with_vectors_alone():
    @en.kernel
    def k(A: en.float4, Out: en.float4):
        i = en.thread_position_in_grid
        Out[i] = A[i] + 1.0

    with pytest.raises(en.CompileError, match="vec_width: the kernel computes with vectors already"):
        en.compile(k, vec_width=4)

    @en.kernel
    def hidden(A: en.u32, Out: en.u32):
        i = en.thread_position_in_grid
        Out[i] = en.as_type(en.as_type(A[i], en.uchar4).wzyx, en.u32)

    with pytest.raises(en.CompileError, match="vec_width: the kernel computes with vectors already"):
        en.compile(hidden, vec_width=4)
