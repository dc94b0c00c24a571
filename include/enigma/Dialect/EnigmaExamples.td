// SPDX-License-Identifier: MIT
//
// An example for each operation, in Python. What stands behind # is the value of the last line: of all threads, or of lane 3 where
// lanes differ. tests/python/test_operation_examples.py runs them, docs/operations.md and the docstrings show them. In all of them
//
//     lane, q     the number of the thread in its simdgroup and in its quadgroup; 32 threads run
//     A           a buffer of f32: 0.5, 1.5, 2.5, ...
//     N, U, L     buffers of i32, u32 and u64: 8, 8, 8, ...
#ifndef ENIGMA_EXAMPLES_TD
#define ENIGMA_EXAMPLES_TD

class Enigma_Example<string op, string lines> {
  string name = op;
  string text = lines;
}

//===-- Common functions -------------------------------------------------------------------------------------===//

def : Enigma_Example<"abs", "enigma.abs(enigma.i32(-3))  # 3">;
def : Enigma_Example<"clamp", "enigma.clamp(enigma.f32(7.5), 0.0, 5.0)  # 5.0">;
def : Enigma_Example<"max", "enigma.max(lane, 2)  # lane 0: 2">;
def : Enigma_Example<"min", "enigma.min(lane, 2)  # lane 3: 2">;

//===-- Integer functions ------------------------------------------------------------------------------------===//

def : Enigma_Example<"abs_diff", "enigma.abs_diff(enigma.i8(-100), 100)  # 200">;
def : Enigma_Example<"add_sat", "enigma.add_sat(enigma.u8(250), 10)  # 255">;
def : Enigma_Example<"clz", "enigma.clz(enigma.u32(1))  # 31">;
def : Enigma_Example<"ctz", "enigma.ctz(enigma.u32(8))  # 3">;
def : Enigma_Example<"extract_bits", "enigma.extract_bits(enigma.u32(0xabcd), 4, 8)  # 0xbc">;
def : Enigma_Example<"hadd", "enigma.hadd(enigma.u8(255), 252)  # 253">;
def : Enigma_Example<"insert_bits", "enigma.insert_bits(enigma.u32(0), 5, 4, 3)  # 80">;
def : Enigma_Example<"ipow", "enigma.i32(3) ** 4  # 81">;
def : Enigma_Example<"mad_hi", "enigma.mad_hi(enigma.u32(1 << 31), 4, 1)  # 3">;
def : Enigma_Example<"mad_sat", "enigma.mad_sat(enigma.u8(20), 20, 1)  # 255">;
def : Enigma_Example<"mul_hi", "enigma.mul_hi(enigma.u32(1 << 31), 6)  # 3">;
def : Enigma_Example<"popcount", "enigma.popcount(enigma.u32(0xff))  # 8">;
def : Enigma_Example<"reverse_bits", "enigma.reverse_bits(enigma.u8(1))  # 128">;
def : Enigma_Example<"rhadd", "enigma.rhadd(enigma.u8(255), 252)  # 254">;
def : Enigma_Example<"rotate", "enigma.rotate(enigma.u8(0x81), 1)  # 3">;
def : Enigma_Example<"sub_sat", "enigma.sub_sat(enigma.u8(3), 5)  # 0">;

//===-- Float functions --------------------------------------------------------------------------------------===//

def : Enigma_Example<"acos", "enigma.acos(-1.0)  # 3.1415927">;
def : Enigma_Example<"acosh", "enigma.acosh(2.0)  # 1.3169579">;
def : Enigma_Example<"asin", "enigma.asin(1.0)  # 1.5707964">;
def : Enigma_Example<"asinh", "enigma.asinh(1.0)  # 0.8813736">;
def : Enigma_Example<"atan", "enigma.atan(1.0)  # 0.7853982">;
def : Enigma_Example<"atan2", "enigma.atan2(1.0, -1.0)  # 2.3561945">;
def : Enigma_Example<"atanh", "enigma.atanh(0.5)  # 0.54930615">;
def : Enigma_Example<"ceil", "enigma.ceil(-1.5)  # -1.0">;
def : Enigma_Example<"copysign", "enigma.copysign(3.0, -0.0)  # -3.0">;
def : Enigma_Example<"cos", "enigma.cos(1.0)  # 0.5403023">;
def : Enigma_Example<"cosh", "enigma.cosh(1.0)  # 1.5430806">;
def : Enigma_Example<"cospi", "enigma.cospi(1.0)  # -1.0">;
def : Enigma_Example<"erf", "enigma.erf(1.0)  # 0.8427008">;
def : Enigma_Example<"erfinv", "enigma.erfinv(0.5)  # 0.47693628">;
def : Enigma_Example<"exp", "enigma.exp(1.0)  # 2.7182817">;
def : Enigma_Example<"exp10", "enigma.exp10(2.0)  # 100.0">;
def : Enigma_Example<"exp2", "enigma.exp2(-1.0)  # 0.5">;
def : Enigma_Example<"fdim", "enigma.fdim(5.0, 3.0)  # 2.0">;
def : Enigma_Example<"floor", "enigma.floor(-1.5)  # -2.0">;
def : Enigma_Example<"fma", "enigma.fma(2.0, 3.0, 4.0)  # 10.0">;
def : Enigma_Example<"fmod", "enigma.fmod(-7.0, 3.0)  # -1.0">;
def : Enigma_Example<"fract", "enigma.fract(-0.25)  # 0.75">;
def : Enigma_Example<"frexp", "enigma.frexp(12.0)  # (0.75, 4)">;
def : Enigma_Example<"ldexp", "enigma.ldexp(0.75, 4)  # 12.0">;
def : Enigma_Example<"log", "enigma.log(2.0)  # 0.6931472">;
def : Enigma_Example<"log10", "enigma.log10(1000.0)  # 3.0">;
def : Enigma_Example<"log2", "enigma.log2(8.0)  # 3.0">;
def : Enigma_Example<"mix", "enigma.mix(10.0, 20.0, 0.25)  # 12.5">;
def : Enigma_Example<"modf", "enigma.modf(2.75)  # (0.75, 2.0)">;
def : Enigma_Example<"nextafter", "enigma.nextafter(0.0, 1.0) > 0.0  # True">;
def : Enigma_Example<"pow", "enigma.pow(2.0, -2.0)  # 0.25">;
def : Enigma_Example<"powr", "enigma.powr(4.0, 0.5)  # 2.0">;
def : Enigma_Example<"rint", "enigma.rint(2.5)  # 2.0">;
def : Enigma_Example<"round", "enigma.round(2.5)  # 3.0">;
def : Enigma_Example<"rsqrt", "enigma.rsqrt(4.0)  # 0.5">;
def : Enigma_Example<"saturate", "enigma.saturate(1.5)  # 1.0">;
def : Enigma_Example<"sign", "enigma.sign(-3.0)  # -1.0">;
def : Enigma_Example<"sin", "enigma.sin(1.0)  # 0.84147098">;
def : Enigma_Example<"sinh", "enigma.sinh(1.0)  # 1.1752012">;
def : Enigma_Example<"sinpi", "enigma.sinpi(0.5)  # 1.0">;
def : Enigma_Example<"smoothstep", "enigma.smoothstep(0.0, 1.0, 0.25)  # 0.15625">;
def : Enigma_Example<"sqrt", "enigma.sqrt(2.25)  # 1.5">;
def : Enigma_Example<"step", "enigma.step(0.5, 0.75)  # 1.0">;
def : Enigma_Example<"tan", "enigma.tan(1.0)  # 1.5574077">;
def : Enigma_Example<"tanh", "enigma.tanh(1.0)  # 0.7615942">;
def : Enigma_Example<"tanpi", "enigma.tanpi(0.25)  # 1.0">;
def : Enigma_Example<"trunc", "enigma.trunc(-1.5)  # -1.0">;

//===-- Operators --------------------------------------------------------------------------------------------===//

def : Enigma_Example<"add", "enigma.u8(250) + 10  # 4">;
def : Enigma_Example<"and", "enigma.i32(12) & 10  # 8">;
def : Enigma_Example<"div", "enigma.i32(7) / 2  # 3.5">;
def : Enigma_Example<"floor_div", "enigma.i32(-7) // 2  # -4">;
def : Enigma_Example<"mod", "enigma.i32(-7) % 3  # 2">;
def : Enigma_Example<"mul", "enigma.i8(100) * 2  # -56">;
def : Enigma_Example<"neg", "-enigma.u8(1)  # 255">;
def : Enigma_Example<"not", "~enigma.u8(1)  # 254">;
def : Enigma_Example<"or", "enigma.i32(12) | 10  # 14">;
def : Enigma_Example<"shl", "enigma.u8(1) << 7  # 128">;
def : Enigma_Example<"shr", "enigma.i32(-8) >> 1  # -4">;
def : Enigma_Example<"sub", "enigma.u32(1) - 2  # 4294967295">;
def : Enigma_Example<"xor", "enigma.i32(12) ^ 10  # 6">;

//===-- Comparisons ------------------------------------------------------------------------------------------===//

def : Enigma_Example<"all", "enigma.all(enigma.make_int2(1, 2) > 1)  # False">;
def : Enigma_Example<"any", "enigma.any(enigma.make_int2(1, 2) > 1)  # True">;
def : Enigma_Example<"cmp_eq", "enigma.i32(2) == 2  # True">;
def : Enigma_Example<"cmp_ge", "enigma.i32(-1) >= enigma.u32(1)  # False">;
def : Enigma_Example<"cmp_gt", "enigma.i32(-1) > enigma.u32(1)  # False">;
def : Enigma_Example<"cmp_le", "enigma.i32(-1) <= enigma.u32(1)  # True">;
def : Enigma_Example<"cmp_lt", "enigma.i32(-1) < enigma.u32(1)  # True">;
def : Enigma_Example<"cmp_ne", [{enigma.f32(float("nan")) != 1.0  # True}]>;
def : Enigma_Example<"select", "enigma.select_(lane < 2, 10, 20)  # lane 3: 20">;

//===-- Conversion -------------------------------------------------------------------------------------------===//

def : Enigma_Example<"as_type", "enigma.as_type(enigma.f32(1.0), enigma.u32)  # 0x3f800000">;
def : Enigma_Example<"cast", "enigma.i32(enigma.f32(-1.75))  # -1">;

//===-- Atomics ----------------------------------------------------------------------------------------------===//

def : Enigma_Example<"atomic_compare_exchange_weak", [{
    old, done = enigma.atomic_compare_exchange_weak(U, lane, 8, 9)
    enigma.barrier()
    enigma.atomic_load(U, lane)  # 9
}]>;
def : Enigma_Example<"atomic_exchange", [{
    enigma.atomic_exchange(U, 0, 5)
    enigma.barrier()
    enigma.atomic_load(U, 0)  # 5
}]>;
def : Enigma_Example<"atomic_fetch_add", [{
    enigma.atomic_fetch_add(U, 0, lane)
    enigma.barrier()
    enigma.atomic_load(U, 0)  # 504
}]>;
def : Enigma_Example<"atomic_fetch_and", [{
    enigma.atomic_fetch_and(U, 0, 12)
    enigma.barrier()
    enigma.atomic_load(U, 0)  # 8
}]>;
def : Enigma_Example<"atomic_fetch_max", [{
    enigma.atomic_fetch_max(U, 0, lane)
    enigma.barrier()
    enigma.atomic_load(U, 0)  # 31
}]>;
def : Enigma_Example<"atomic_fetch_min", [{
    enigma.atomic_fetch_min(U, 0, lane)
    enigma.barrier()
    enigma.atomic_load(U, 0)  # 0
}]>;
def : Enigma_Example<"atomic_fetch_or", [{
    enigma.atomic_fetch_or(U, 0, lane)
    enigma.barrier()
    enigma.atomic_load(U, 0)  # 31
}]>;
def : Enigma_Example<"atomic_fetch_sub", [{
    enigma.atomic_fetch_sub(N, 0, 1)
    enigma.barrier()
    enigma.atomic_load(N, 0)  # -24
}]>;
def : Enigma_Example<"atomic_fetch_xor", [{
    enigma.atomic_fetch_xor(U, 0, lane)
    enigma.barrier()
    enigma.atomic_load(U, 0)  # 8
}]>;
def : Enigma_Example<"atomic_load", "enigma.atomic_load(U, 0)  # 8">;
def : Enigma_Example<"atomic_max", [{
    enigma.atomic_max(L, 0, lane)
    enigma.barrier()
    L[0]  # 31
}]>;
def : Enigma_Example<"atomic_min", [{
    enigma.atomic_min(L, 0, lane)
    enigma.barrier()
    L[0]  # 0
}]>;
def : Enigma_Example<"atomic_store", [{
    enigma.atomic_store(U, 0, 5)
    enigma.barrier()
    enigma.atomic_load(U, 0)  # 5
}]>;

//===-- Structure --------------------------------------------------------------------------------------------===//

def : Enigma_Example<"constant", "enigma.f32(0.5)  # 0.5">;
def : Enigma_Example<"if", [{
    x = 1
    if lane > 2:
        x = 5
    x  # lane 3: 5
}]>;
def : Enigma_Example<"kernel", [{
    @enigma.kernel
    def double(A: enigma.f32):
        i = enigma.thread_position_in_grid
        A[i] = 2.0 * A[i]
}]>;
def : Enigma_Example<"while", [{
    x = lane
    while x > 4:
        x = x - 4
    x  # lane 11: 3
}]>;
def : Enigma_Example<"yield", "1 if lane > 2 else 0  # lane 3: 1">;

//===-- Memory -----------------------------------------------------------------------------------------------===//

def : Enigma_Example<"constant_array", "enigma.constant_array([2, 3, 5])[lane % 3]  # lane 2: 5">;
def : Enigma_Example<"load", "A[2]  # 2.5">;
def : Enigma_Example<"load_if", "enigma.load_if(A, lane * 1000, lane < 1)  # lane 3: 0.0">;
def : Enigma_Example<"register_alloc", [{
    r = enigma.register_tensor(4, enigma.i32, fill=7)
    r[2] += 1
    r[2]  # 8
}]>;
def : Enigma_Example<"simdgroup_barrier", [{
    tile = enigma.threadgroup_alloc(32, enigma.f32)
    tile[lane] = A[lane]
    enigma.simd_barrier(enigma.mem_flags.mem_threadgroup)
    tile[lane ^ 1]  # lane 3: 2.5
}]>;
def : Enigma_Example<"store", [{
    A[lane] = 1.0
    A[lane]  # 1.0
}]>;
def : Enigma_Example<"store_if", [{
    enigma.store_if(A, lane, 7.0, lane < 2)
    A[lane]  # lane 3: 3.5
}]>;
def : Enigma_Example<"threadgroup_alloc", [{
    tile = enigma.threadgroup_alloc(32, enigma.f32)
    tile[lane] = A[lane]
    enigma.barrier()
    tile[31 - lane]  # lane 3: 28.5
}]>;
def : Enigma_Example<"threadgroup_barrier", [{
    A[lane] = 2.0 * A[lane]
    enigma.barrier(enigma.mem_flags.mem_device)
    A[31 - lane]  # lane 31: 1.0
}]>;

//===-- Geometry ---------------------------------------------------------------------------------------------===//

def : Enigma_Example<"cross", "enigma.cross(enigma.make_float3(1, 0, 0), enigma.make_float3(0, 1, 0))  # (0.0, 0.0, 1.0)">;
def : Enigma_Example<"distance", "enigma.distance(enigma.make_float2(1, 2), enigma.make_float2(4, 6))  # 5.0">;
def : Enigma_Example<"distance_squared", "enigma.distance_squared(enigma.make_float2(1, 2), enigma.make_float2(4, 6))  # 25.0">;
def : Enigma_Example<"dot", "enigma.dot(enigma.make_float2(1, 2), enigma.make_float2(3, 4))  # 11.0">;
def : Enigma_Example<"faceforward", "enigma.faceforward(enigma.make_float2(0, 1), enigma.make_float2(1, 1), enigma.make_float2(0, 1))  # (-0.0, -1.0)">;
def : Enigma_Example<"length", "enigma.length(enigma.make_float2(3, 4))  # 5.0">;
def : Enigma_Example<"length_squared", "enigma.length_squared(enigma.make_float2(3, 4))  # 25.0">;
def : Enigma_Example<"normalize", "enigma.normalize(enigma.make_float2(3, 4))  # (0.6, 0.8)">;
def : Enigma_Example<"reflect", "enigma.reflect(enigma.make_float2(1, -1), enigma.make_float2(0, 1))  # (1.0, 1.0)">;
def : Enigma_Example<"refract", "enigma.refract(enigma.make_float2(0, -1), enigma.make_float2(0, 1), 0.5)  # (0.0, -1.0)">;

//===-- Thread queries ---------------------------------------------------------------------------------------===//

def : Enigma_Example<"dispatch_threads_per_threadgroup", [{enigma.dispatch_threads_per_threadgroup("x")  # 32}]>;
def : Enigma_Example<"quadgroup_index_in_threadgroup", "enigma.quadgroup_index_in_threadgroup()  # lane 5: 1">;
def : Enigma_Example<"quadgroups_per_threadgroup", "enigma.quadgroups_per_threadgroup()  # 8">;
def : Enigma_Example<"simdgroup_index_in_threadgroup", "enigma.simdgroup_index_in_threadgroup()  # 0">;
def : Enigma_Example<"simdgroups_per_threadgroup", "enigma.simdgroups_per_threadgroup()  # 1">;
def : Enigma_Example<"thread_index_in_quadgroup", "enigma.thread_index_in_quadgroup()  # lane 5: 1">;
def : Enigma_Example<"thread_index_in_simdgroup", "enigma.thread_index_in_simdgroup()  # lane 3: 3">;
def : Enigma_Example<"thread_index_in_threadgroup", "enigma.thread_index_in_threadgroup()  # lane 3: 3">;
def : Enigma_Example<"thread_position_in_grid", "enigma.thread_position_in_grid  # lane 3: 3">;
def : Enigma_Example<"thread_position_in_threadgroup", [{enigma.thread_position_in_threadgroup("x")  # lane 3: 3}]>;
def : Enigma_Example<"threadgroup_position_in_grid", [{enigma.threadgroup_position_in_grid("x")  # 0}]>;
def : Enigma_Example<"threadgroups_per_grid", [{enigma.threadgroups_per_grid("x")  # 1}]>;
def : Enigma_Example<"threads_per_grid", [{enigma.threads_per_grid("x")  # 32}]>;
def : Enigma_Example<"threads_per_simdgroup", "enigma.threads_per_simdgroup()  # 32">;
def : Enigma_Example<"threads_per_threadgroup", [{enigma.threads_per_threadgroup("x")  # 32}]>;

//===-- Vectors ----------------------------------------------------------------------------------------------===//

def : Enigma_Example<"extract", "enigma.make_int3(4, 5, 6)[1]  # 5">;
def : Enigma_Example<"extract_at", "enigma.make_int3(4, 5, 6)[lane % 3]  # lane 2: 6">;
def : Enigma_Example<"make_vector", "enigma.make_float2(1.0, 2.0)  # (1.0, 2.0)">;
def : Enigma_Example<"splat", "enigma.float3(0.5)  # (0.5, 0.5, 0.5)">;
def : Enigma_Example<"swizzle", "enigma.make_int4(1, 2, 3, 4).wzyx  # (4, 3, 2, 1)">;

//===-- Control flow -----------------------------------------------------------------------------------------===//

def : Enigma_Example<"for", [{
    x = 0
    for k in enigma.range(4):
        x = x + k
    x  # 6
}]>;

//===-- Function constants -----------------------------------------------------------------------------------===//

def : Enigma_Example<"function_constant", [{
    n = enigma.function_constant(enigma.i32, 0, "n")
    n  # 3
}]>;
def : Enigma_Example<"is_function_constant_defined", [{
    m = enigma.function_constant(enigma.i32, 1, "m", 2)
    enigma.is_function_constant_defined(m)  # False
}]>;

//===-- Float classification ---------------------------------------------------------------------------------===//

def : Enigma_Example<"isfinite", "enigma.isfinite(1.0)  # True">;
def : Enigma_Example<"isinf", [{enigma.isinf(float("inf"))  # True}]>;
def : Enigma_Example<"isnan", [{enigma.isnan(float("nan"))  # True}]>;
def : Enigma_Example<"isnormal", "enigma.isnormal(0.0)  # False">;
def : Enigma_Example<"isordered", "enigma.isordered(1.0, 2.0)  # True">;
def : Enigma_Example<"isunordered", [{enigma.isunordered(1.0, float("nan"))  # True}]>;
def : Enigma_Example<"signbit", "enigma.signbit(-0.0)  # True">;

//===-- Simdgroup matrices -----------------------------------------------------------------------------------===//

def : Enigma_Example<"make_filled_simdgroup_matrix", [{
    m = enigma.make_filled_simdgroup_matrix(enigma.f32, 2.0)
    enigma.simdgroup_matrix_elements(m)  # (2.0, 2.0)
}]>;
def : Enigma_Example<"simdgroup_load", [{
    m = enigma.simdgroup_load(A, 0, 8)
    enigma.simdgroup_matrix_elements(m)  # lane 0: (0.5, 1.5)
}]>;
def : Enigma_Example<"simdgroup_matrix_elements", [{
    m = enigma.simdgroup_load(A, 0, 8, transpose=True)
    enigma.simdgroup_matrix_elements(m)  # lane 0: (0.5, 8.5)
}]>;
def : Enigma_Example<"simdgroup_matrix_from_elements", [{
    m = enigma.simdgroup_matrix_from_elements(A[lane], A[lane + 32])
    enigma.simdgroup_matrix_elements(m)  # lane 3: (3.5, 35.5)
}]>;
def : Enigma_Example<"simdgroup_multiply", [{
    m = enigma.make_filled_simdgroup_matrix(enigma.f32, 1.0)
    enigma.simdgroup_matrix_elements(enigma.simdgroup_multiply(m, m))  # (8.0, 8.0)
}]>;
def : Enigma_Example<"simdgroup_multiply_accumulate", [{
    m = enigma.make_filled_simdgroup_matrix(enigma.f32, 1.0)
    enigma.simdgroup_matrix_elements(enigma.simdgroup_multiply_accumulate(m, m, m))  # (9.0, 9.0)
}]>;
def : Enigma_Example<"simdgroup_store", [{
    m = enigma.make_filled_simdgroup_matrix(enigma.f32, 1.0)
    enigma.simdgroup_store(m, A, 0, 8)
    enigma.simd_barrier(enigma.mem_flags.mem_device)
    A[lane]  # 1.0
}]>;

//===-- Packing ----------------------------------------------------------------------------------------------===//

def : Enigma_Example<"pack_float_to_snorm2x16", "enigma.pack_float_to_snorm2x16(enigma.make_float2(1, -1))  # 0x80017fff">;
def : Enigma_Example<"pack_float_to_snorm4x8", "enigma.pack_float_to_snorm4x8(enigma.make_float4(0, 1, -1, 0))  # 0x00817f00">;
def : Enigma_Example<"pack_float_to_srgb_unorm4x8", "enigma.pack_float_to_srgb_unorm4x8(enigma.make_float4(0, 1, 0, 1))  # 0xff00ff00">;
def : Enigma_Example<"pack_float_to_unorm10a2", "enigma.pack_float_to_unorm10a2(enigma.make_float4(1, 0, 0, 1))  # 0xc00003ff">;
def : Enigma_Example<"pack_float_to_unorm2x16", "enigma.pack_float_to_unorm2x16(enigma.make_float2(0, 1))  # 0xffff0000">;
def : Enigma_Example<"pack_float_to_unorm4x8", "enigma.pack_float_to_unorm4x8(enigma.make_float4(0, 0.2, 0.4, 1))  # 0xff663300">;
def : Enigma_Example<"pack_half_to_snorm2x16", "enigma.pack_half_to_snorm2x16(enigma.make_half2(1, -1))  # 0x80017fff">;
def : Enigma_Example<"pack_half_to_snorm4x8", "enigma.pack_half_to_snorm4x8(enigma.make_half4(0, 1, -1, 0))  # 0x00817f00">;
def : Enigma_Example<"pack_half_to_srgb_unorm4x8", "enigma.pack_half_to_srgb_unorm4x8(enigma.make_half4(0, 1, 0, 1))  # 0xff00ff00">;
def : Enigma_Example<"pack_half_to_unorm10a2", "enigma.pack_half_to_unorm10a2(enigma.make_half4(1, 0, 0, 1))  # 0xc00003ff">;
def : Enigma_Example<"pack_half_to_unorm2x16", "enigma.pack_half_to_unorm2x16(enigma.make_half2(0, 1))  # 0xffff0000">;
def : Enigma_Example<"pack_half_to_unorm4x8", "enigma.pack_half_to_unorm4x8(enigma.make_half4(0, 0.2, 0.4, 1))  # 0xff663300">;
def : Enigma_Example<"unpack_snorm2x16_to_float", "enigma.unpack_snorm2x16_to_float(0x80017fff)  # (1.0, -1.0)">;
def : Enigma_Example<"unpack_snorm2x16_to_half", "enigma.unpack_snorm2x16_to_half(0x80017fff)  # (1.0, -1.0)">;
def : Enigma_Example<"unpack_snorm4x8_to_float", "enigma.unpack_snorm4x8_to_float(0x00817f00)  # (0.0, 1.0, -1.0, 0.0)">;
def : Enigma_Example<"unpack_snorm4x8_to_half", "enigma.unpack_snorm4x8_to_half(0x00817f00)  # (0.0, 1.0, -1.0, 0.0)">;
def : Enigma_Example<"unpack_unorm10a2_to_float", "enigma.unpack_unorm10a2_to_float(0xc00003ff)  # (1.0, 0.0, 0.0, 1.0)">;
def : Enigma_Example<"unpack_unorm10a2_to_half", "enigma.unpack_unorm10a2_to_half(0xc00003ff)  # (1.0, 0.0, 0.0, 1.0)">;
def : Enigma_Example<"unpack_unorm2x16_to_float", "enigma.unpack_unorm2x16_to_float(0xffff0000)  # (0.0, 1.0)">;
def : Enigma_Example<"unpack_unorm2x16_to_half", "enigma.unpack_unorm2x16_to_half(0xffff0000)  # (0.0, 1.0)">;
def : Enigma_Example<"unpack_unorm4x8_srgb_to_float", "enigma.unpack_unorm4x8_srgb_to_float(0xff00ff00)  # (0.0, 1.0, 0.0, 1.0)">;
def : Enigma_Example<"unpack_unorm4x8_srgb_to_half", "enigma.unpack_unorm4x8_srgb_to_half(0xff00ff00)  # (0.0, 1.0, 0.0, 1.0)">;
def : Enigma_Example<"unpack_unorm4x8_to_float", "enigma.unpack_unorm4x8_to_float(0xff663300)  # (0.0, 0.2, 0.4, 1.0)">;
def : Enigma_Example<"unpack_unorm4x8_to_half", "enigma.unpack_unorm4x8_to_half(0xff663300)  # (0.0, 0.2, 0.4, 1.0)">;

//===-- Quadgroups -------------------------------------------------------------------------------------------===//

def : Enigma_Example<"quad_active_threads_mask", "enigma.quad_active_threads_mask()  # 15">;
def : Enigma_Example<"quad_all", "enigma.quad_all(q < 4)  # True">;
def : Enigma_Example<"quad_and", "enigma.quad_and(q | 4)  # 4">;
def : Enigma_Example<"quad_any", "enigma.quad_any(q == 4)  # False">;
def : Enigma_Example<"quad_ballot", "enigma.quad_ballot(q < 3)  # 7">;
def : Enigma_Example<"quad_broadcast", "enigma.quad_broadcast(q, 2)  # 2">;
def : Enigma_Example<"quad_broadcast_first", "enigma.quad_broadcast_first(q + 7)  # 7">;
def : Enigma_Example<"quad_is_first", "enigma.quad_is_first()  # lane 2: False">;
def : Enigma_Example<"quad_max", "enigma.quad_max(q)  # 3">;
def : Enigma_Example<"quad_min", "enigma.quad_min(q)  # 0">;
def : Enigma_Example<"quad_or", "enigma.quad_or(q)  # 3">;
def : Enigma_Example<"quad_prefix_exclusive_product", "enigma.quad_prefix_exclusive_product(q + 1)  # lane 2: 2">;
def : Enigma_Example<"quad_prefix_exclusive_sum", "enigma.quad_prefix_exclusive_sum(q)  # lane 2: 1">;
def : Enigma_Example<"quad_prefix_inclusive_product", "enigma.quad_prefix_inclusive_product(q + 1)  # lane 2: 6">;
def : Enigma_Example<"quad_prefix_inclusive_sum", "enigma.quad_prefix_inclusive_sum(q)  # lane 2: 3">;
def : Enigma_Example<"quad_product", "enigma.quad_product(q + 1)  # 24">;
def : Enigma_Example<"quad_shuffle", "enigma.quad_shuffle(q, 3 - q)  # lane 1: 2">;
def : Enigma_Example<"quad_shuffle_and_fill_down", "enigma.quad_shuffle_and_fill_down(q, q + 100, 1)  # lane 3: 100">;
def : Enigma_Example<"quad_shuffle_and_fill_up", "enigma.quad_shuffle_and_fill_up(q, q + 100, 1)  # lane 0: 103">;
def : Enigma_Example<"quad_shuffle_down", "enigma.quad_shuffle_down(q, 1)  # lane 2: 3">;
def : Enigma_Example<"quad_shuffle_rotate_down", "enigma.quad_shuffle_rotate_down(q, 1)  # lane 3: 0">;
def : Enigma_Example<"quad_shuffle_rotate_up", "enigma.quad_shuffle_rotate_up(q, 1)  # lane 0: 3">;
def : Enigma_Example<"quad_shuffle_up", "enigma.quad_shuffle_up(q, 1)  # lane 2: 1">;
def : Enigma_Example<"quad_shuffle_xor", "enigma.quad_shuffle_xor(q, 1)  # lane 2: 3">;
def : Enigma_Example<"quad_sum", "enigma.quad_sum(q)  # 6">;
def : Enigma_Example<"quad_xor", "enigma.quad_xor(q)  # 0">;

//===-- Simdgroups -------------------------------------------------------------------------------------------===//

def : Enigma_Example<"simd_active_threads_mask", "enigma.simd_active_threads_mask()  # 0xffffffff">;
def : Enigma_Example<"simd_all", "enigma.simd_all(lane < 32)  # True">;
def : Enigma_Example<"simd_and", "enigma.simd_and(lane | 4)  # 4">;
def : Enigma_Example<"simd_any", "enigma.simd_any(lane == 40)  # False">;
def : Enigma_Example<"simd_ballot", "enigma.simd_ballot(lane < 3)  # 7">;
def : Enigma_Example<"simd_broadcast", "enigma.simd_broadcast(lane, 5)  # 5">;
def : Enigma_Example<"simd_broadcast_first", "enigma.simd_broadcast_first(lane + 7)  # 7">;
def : Enigma_Example<"simd_is_first", "enigma.simd_is_first()  # lane 3: False">;
def : Enigma_Example<"simd_max", "enigma.simd_max(lane)  # 31">;
def : Enigma_Example<"simd_min", "enigma.simd_min(lane)  # 0">;
def : Enigma_Example<"simd_or", "enigma.simd_or(lane)  # 31">;
def : Enigma_Example<"simd_prefix_exclusive_product", "enigma.simd_prefix_exclusive_product(lane % 4 + 1)  # lane 3: 6">;
def : Enigma_Example<"simd_prefix_exclusive_sum", "enigma.simd_prefix_exclusive_sum(lane)  # lane 3: 3">;
def : Enigma_Example<"simd_prefix_inclusive_product", "enigma.simd_prefix_inclusive_product(lane % 4 + 1)  # lane 3: 24">;
def : Enigma_Example<"simd_prefix_inclusive_sum", "enigma.simd_prefix_inclusive_sum(lane)  # lane 3: 6">;
def : Enigma_Example<"simd_product", "enigma.simd_product(lane % 2 + 1)  # 65536">;
def : Enigma_Example<"simd_shuffle", "enigma.simd_shuffle(lane, 31 - lane)  # lane 3: 28">;
def : Enigma_Example<"simd_shuffle_and_fill_down", "enigma.simd_shuffle_and_fill_down(lane, lane + 100, 2)  # lane 31: 101">;
def : Enigma_Example<"simd_shuffle_and_fill_up", "enigma.simd_shuffle_and_fill_up(lane, lane + 100, 2)  # lane 1: 131">;
def : Enigma_Example<"simd_shuffle_down", "enigma.simd_shuffle_down(lane, 2)  # lane 3: 5">;
def : Enigma_Example<"simd_shuffle_rotate_down", "enigma.simd_shuffle_rotate_down(lane, 5)  # lane 30: 3">;
def : Enigma_Example<"simd_shuffle_rotate_up", "enigma.simd_shuffle_rotate_up(lane, 5)  # lane 3: 30">;
def : Enigma_Example<"simd_shuffle_up", "enigma.simd_shuffle_up(lane, 2)  # lane 3: 1">;
def : Enigma_Example<"simd_shuffle_xor", "enigma.simd_shuffle_xor(lane, 1)  # lane 3: 2">;
def : Enigma_Example<"simd_sum", "enigma.simd_sum(lane)  # 496">;
def : Enigma_Example<"simd_xor", "enigma.simd_xor(lane)  # 0">;

#endif // ENIGMA_EXAMPLES_TD
