// RUN: enigma-translate --enigma-to-msl -split-input-file %s | FileCheck %s --strict-whitespace

// Arrays of a threadgroup are declared at the top of the function, those of the program before it.
// CHECK: {{^}}constant uchar table[3] = {uchar(1), uchar(2), uchar(3)};
// CHECK-EMPTY:
// CHECK-NEXT: {{^}}kernel void arrays(
// CHECK: {{^}}    threadgroup float tile[64];
// CHECK-NEXT: {{^}}    alignas(8) threadgroup half shared[32];
// CHECK-NEXT: {{^}}    tile[gid] = A[gid];
// CHECK-NEXT: {{^}}    threadgroup_barrier(mem_flags::mem_threadgroup);
// CHECK-NEXT: {{^}}    if (n < 4) {
// CHECK-NEXT: {{^}}        float acc[4] = {};
// CHECK-NEXT: {{^}}        acc[n] = tile[table[gid]];
// CHECK-NEXT: {{^}}        simdgroup_barrier(mem_flags::mem_none);
// CHECK-NEXT: {{^}}        Out[gid] = acc[0];
// CHECK-NEXT: {{^}}        *(threadgroup half4*)(shared + 0) = half4(0.0h);
// CHECK-NEXT: {{^}}    }
enigma.kernel @arrays(%A: !enigma.buffer<f32, device>, %n: i32, %Out: !enigma.buffer<f32, device>) writes [2] {
  %i = enigma.thread_position_in_grid x
  %zero = enigma.constant 0.0 : f32
  %first = enigma.constant 0 : i32
  %four = enigma.constant 4 : i32
  %x = enigma.load %A[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %a = enigma.threadgroup_alloc 64 : <f32, threadgroup> loc("tile")
  enigma.store %x, %a[%i] : f32, !enigma.buffer<f32, threadgroup>, ui32
  enigma.threadgroup_barrier 8
  %small = enigma.cmp_lt %n, %four : i32
  enigma.if %small {
    %b = enigma.threadgroup_alloc 32 : <f16, threadgroup>
    %r = enigma.register_alloc 4, %zero : f32 -> <f32, thread> loc("acc")
    %t = enigma.constant_array dense<[1, 2, 3]> : tensor<3xui8> -> <ui8, constant>
    %k = enigma.load %t[%i] : !enigma.buffer<ui8, constant>, ui32 -> ui8
    %y = enigma.load %a[%k] : !enigma.buffer<f32, threadgroup>, ui8 -> f32
    enigma.store %y, %r[%n] : f32, !enigma.buffer<f32, thread>, i32
    enigma.simdgroup_barrier 0
    %z = enigma.load %r[%first] : !enigma.buffer<f32, thread>, i32 -> f32
    enigma.store %z, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
    %v = enigma.constant dense<0.0> : vector<4xf16>
    enigma.store %v, %b[%first] : vector<4xf16>, !enigma.buffer<f16, threadgroup>, i32
    enigma.yield
  } else {
    enigma.yield
  }
}

// -----
// A parameter that is read and written makes a barrier order device memory too; a fill that is not 0 is listed, a long one a loop.
// CHECK-LABEL: kernel void device_memory(
// CHECK: {{^}}    float acc[2] = {1.0f, 1.0f};
// CHECK-NEXT: {{^}}    float registers[40];
// CHECK-NEXT: {{^}}    for (uint i = 0; i < 40; ++i) {
// CHECK-NEXT: {{^}}        registers[i] = 1.0f;
// CHECK-NEXT: {{^}}    }
// CHECK: {{^}}    threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup);
enigma.kernel @device_memory(%A: !enigma.buffer<f32, device>, %n: i32) writes [0] {
  %one = enigma.constant 1.0 : f32
  %r = enigma.register_alloc 2, %one : f32 -> <f32, thread> loc("acc")
  %s = enigma.register_alloc 40, %one : f32 -> <f32, thread>
  %x = enigma.load %A[%n] : !enigma.buffer<f32, device>, i32 -> f32
  enigma.store %x, %r[%n] : f32, !enigma.buffer<f32, thread>, i32
  enigma.store %x, %s[%n] : f32, !enigma.buffer<f32, thread>, i32
  enigma.threadgroup_barrier 8
  enigma.store %x, %A[%n] : f32, !enigma.buffer<f32, device>, i32
}

// -----
// A number of whole vectors in an array of the kernel's own.
// CHECK-LABEL: kernel void whole_vectors(
// CHECK: {{^}}    alignas(16) threadgroup float tile[256];
// CHECK: {{^}}    *((threadgroup float4*)tile + lid) = float4(0.0f);
enigma.kernel @whole_vectors(%A: !enigma.buffer<f32, device>) writes [0] {
  %i = enigma.thread_position_in_threadgroup x
  %four = enigma.constant 4 : ui32
  %v = enigma.constant dense<0.0> : vector<4xf32>
  %tile = enigma.threadgroup_alloc 256 : <f32, threadgroup> loc("tile")
  %at = enigma.mul %i, %four {in_range} : ui32
  enigma.store %v, %tile[%at] : vector<4xf32>, !enigma.buffer<f32, threadgroup>, ui32
}
