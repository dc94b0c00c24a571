# SPDX-License-Identifier: MIT
"""Bytes and nibbles in words, and quantised numbers, on the host and as Metal text, against NumPy."""

import numpy as np
import pytest

import enigma as en
from marks import refused, sentence
from three_ways import both

N = 256


def test_bytes_go_into_a_word_and_out_again():
    a = np.arange(4 * N, dtype=np.int32).reshape(N, 4) * 37 - 900

    @en.kernel
    def k(A: en.int4, W: en.u32, V: en.u32, Back: en.uchar4):
        i = en.thread_position_in_grid
        W[i] = en.pack_uint8x4(A[i])
        V[i] = en.pack_uint8x4(A[i].x, A[i].y, 3, A[i].w)
        Back[i] = en.unpack_uint8x4(W[i])

    outputs = [np.zeros(N, np.uint32), np.zeros(N, np.uint32), np.zeros((N, 4), np.uint8)]
    _, w, v, back = both(k, [a, *outputs], N)
    low = (a & 255).astype(np.uint8)
    np.testing.assert_array_equal(back, low)
    np.testing.assert_array_equal(w, low.view(np.uint32).reshape(N))
    low[:, 2] = 3
    np.testing.assert_array_equal(v, low.view(np.uint32).reshape(N))


def test_every_byte_holds_two_nibbles():
    b = np.arange(256, dtype=np.uint8)

    @en.kernel
    def k(B: en.u8, Out: en.char2, Back: en.u8):
        i = en.thread_position_in_grid
        pair = en.unpack_int4x2(B[i])
        Out[i] = pair
        Back[i] = en.pack_int4x2(pair.x, pair.y)

    _, out, back = both(k, [b, np.zeros((N, 2), np.int8), np.zeros(N, np.uint8)], N)
    nibbles = np.stack([b & 15, b >> 4], 1).astype(np.int8)
    np.testing.assert_array_equal(out, np.where(nibbles > 7, nibbles - 16, nibbles))
    np.testing.assert_array_equal(back, b)


def test_nibbles_of_wide_and_negative_numbers_are_their_low_bits():
    a = np.arange(-N // 2, N // 2, dtype=np.int32) * 13

    @en.kernel
    def k(A: en.i32, Out: en.u8, Fixed: en.u8):
        i = en.thread_position_in_grid
        Out[i] = en.pack_int4x2(A[i], A[i] // 3)
        Fixed[i] = en.pack_int4x2(-1, 7)

    _, out, fixed = both(k, [a, np.zeros(N, np.uint8), np.zeros(N, np.uint8)], N)
    np.testing.assert_array_equal(out, ((a & 15) | ((a // 3 & 15) << 4)).astype(np.uint8))
    assert (fixed == 0x7F).all()


def test_bytes_are_dequantised():
    q = np.random.default_rng(0).integers(-128, 128, (N, 4), dtype=np.int8)
    scale = np.linspace(0.01, 2, N, dtype=np.float32)

    @en.kernel
    def k(Q: en.char4, W: en.u32, S: en.f32, Out: en.float4, Word: en.float4, Half: en.half4, One: en.f32):
        i = en.thread_position_in_grid
        Out[i] = en.dequantize_int8(Q[i], S[i], zero_point=3)
        Word[i] = en.dequantize_int8(W[i], S[i])
        Half[i] = en.dequantize_int8(Q[i], 0.5, dtype=en.f16)
        One[i] = en.dequantize_int8(Q[i].y, S[i], Q[i].x)

    outputs = [np.zeros((N, 4), np.float32), np.zeros((N, 4), np.float32), np.zeros((N, 4), np.float16)]
    words = q.view(np.uint32).reshape(N)
    *_, out, word, half, one = both(k, [q, words, scale, *outputs, np.zeros(N, np.float32)], N)
    np.testing.assert_array_equal(out, (q.astype(np.float32) - 3) * scale[:, None])
    np.testing.assert_array_equal(word, q.astype(np.float32) * scale[:, None])
    np.testing.assert_array_equal(half, q.astype(np.float16) * np.float16(0.5))
    np.testing.assert_array_equal(one, (q[:, 1].astype(np.float32) - q[:, 0]) * scale)


def test_nibbles_are_dequantised():
    b = np.random.default_rng(0).integers(0, 256, (N, 2), dtype=np.uint8)

    @en.kernel
    def k(B: en.uchar2, Two: en.float2, Four: en.float4):
        i = en.thread_position_in_grid
        Two[i] = en.dequantize_int4(B[i].x, 0.25, zero_point=-1)
        Four[i] = en.dequantize_int4(B[i], en.make_float4(1, 2, 3, 4))

    _, two, four = both(k, [b, np.zeros((N, 2), np.float32), np.zeros((N, 4), np.float32)], N)
    nibbles = np.stack([b & 15, b >> 4], 2).reshape(N, 4).astype(np.int8)
    signed = np.where(nibbles > 7, nibbles - 16, nibbles).astype(np.float32)
    np.testing.assert_array_equal(two, (signed[:, :2] + 1) / 4)
    np.testing.assert_array_equal(four, signed * np.float32([1, 2, 3, 4]))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda x: en.pack_uint8x4(x), "pack_uint8x4: needs integers, got f32x4"),
        (lambda x: en.unpack_uint8x4(x.x), "unpack_uint8x4: needs integers, got f32"),
        (lambda x: en.pack_int4x2(1.5, 2), "pack_int4x2: needs integers, got f32"),
        (lambda x: en.unpack_int4x2(en.u32(3)), "unpack_int4x2: needs a byte or a vector of 2, got u32"),
        (
            lambda x: en.dequantize_int8(en.i16(3), 1.0),
            "dequantize_int8: needs bytes, or a word of four, got i16",
        ),
    ],
)
def test_what_cannot_be_packed_is_refused(body, message):
    def k(A: en.float4, Out: en.f32):
        body(A[0])

    assert sentence(refused(k)) == message
