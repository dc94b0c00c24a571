// RUN: enigma-opt %s | enigma-opt | FileCheck %s
// RUN: enigma-opt %s -canonicalize -cse | FileCheck %s --check-prefix=OPT

// CHECK-LABEL: enigma.kernel @arrays
// CHECK: %[[A:.*]] = enigma.threadgroup_alloc 64 : <f32, threadgroup>
// CHECK: %[[B:.*]] = enigma.threadgroup_alloc 64 : <f32, threadgroup>
// CHECK: %[[R:.*]] = enigma.register_alloc 8, %{{.*}} : f32 -> <f32, thread>
// CHECK: %[[T:.*]] = enigma.constant_array dense<[1, 2, 3]> : tensor<3xui8> -> <ui8, constant>
// CHECK: enigma.load %[[T]][%{{.*}}] : !enigma.buffer<ui8, constant>, ui32 -> ui8
// CHECK: enigma.threadgroup_barrier 3
// CHECK: enigma.simdgroup_barrier 0
// Equal arrays stay apart, and a load behind a barrier is another one than the load before it.
// OPT-LABEL: enigma.kernel @arrays
// OPT: enigma.threadgroup_alloc
// OPT: enigma.threadgroup_alloc
// OPT: enigma.load %{{.*}} : !enigma.buffer<f32, threadgroup>
// OPT: enigma.threadgroup_barrier
// OPT: enigma.load %{{.*}} : !enigma.buffer<f32, threadgroup>
enigma.kernel @arrays(%A: !enigma.buffer<f32, device>) writes [0] {
  %i = enigma.thread_position_in_grid x
  %zero = enigma.constant 0.0 : f32
  %a = enigma.threadgroup_alloc 64 : <f32, threadgroup>
  %b = enigma.threadgroup_alloc 64 : <f32, threadgroup>
  %r = enigma.register_alloc 8, %zero : f32 -> <f32, thread>
  %t = enigma.constant_array dense<[1, 2, 3]> : tensor<3xui8> -> <ui8, constant>
  %n = enigma.load %t[%i] : !enigma.buffer<ui8, constant>, ui32 -> ui8
  %x = enigma.load %a[%n] : !enigma.buffer<f32, threadgroup>, ui8 -> f32
  enigma.store %x, %b[%i] : f32, !enigma.buffer<f32, threadgroup>, ui32
  enigma.store %x, %r[%n] : f32, !enigma.buffer<f32, thread>, ui8
  enigma.threadgroup_barrier 3
  %y = enigma.load %a[%n] : !enigma.buffer<f32, threadgroup>, ui8 -> f32
  enigma.simdgroup_barrier 0
  %s = enigma.add %x, %y : f32
  enigma.store %s, %A[%i] : f32, !enigma.buffer<f32, device>, ui32
}

// An array that nobody uses goes.
// OPT-LABEL: enigma.kernel @unused
// OPT-NOT: enigma.threadgroup_alloc
enigma.kernel @unused(%A: !enigma.buffer<f32, device>) writes [0] {
  %a = enigma.threadgroup_alloc 64 : <f32, threadgroup>
}

// Arrays of vectors; in a constant array each is a row.
// CHECK-LABEL: enigma.kernel @vectors
// CHECK: enigma.threadgroup_alloc 8 : <vector<3xf16>, threadgroup>
// CHECK: enigma.register_alloc 4, %{{.*}} : vector<2xf32> -> <vector<2xf32>, thread>
// CHECK: enigma.constant_array dense<{{\[\[}}1, 2], [3, 4]]> : tensor<2x2xui8> -> <vector<2xui8>, constant>
enigma.kernel @vectors(%A: !enigma.buffer<vector<2xf32>, device>) writes [0] {
  %i = enigma.thread_position_in_grid x
  %x = enigma.load %A[%i] : !enigma.buffer<vector<2xf32>, device>, ui32 -> vector<2xf32>
  %a = enigma.threadgroup_alloc 8 : <vector<3xf16>, threadgroup>
  %r = enigma.register_alloc 4, %x : vector<2xf32> -> <vector<2xf32>, thread>
  %t = enigma.constant_array dense<[[1, 2], [3, 4]]> : tensor<2x2xui8> -> <vector<2xui8>, constant>
  %n = enigma.load %t[%i] : !enigma.buffer<vector<2xui8>, constant>, ui32 -> vector<2xui8>
  %y = enigma.load %r[%i] : !enigma.buffer<vector<2xf32>, thread>, ui32 -> vector<2xf32>
  enigma.store %y, %A[%i] : vector<2xf32>, !enigma.buffer<vector<2xf32>, device>, ui32
}
