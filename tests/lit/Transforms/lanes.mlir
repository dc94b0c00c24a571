// RUN: enigma-opt %s --canonicalize --cse | FileCheck %s

// Equal operations among lanes are one in one block, but not across a branch, where other lanes are active; one that
// nobody uses goes.
// CHECK-LABEL: enigma.kernel @lanes
// CHECK: %[[A:.*]] = enigma.simd_sum
// CHECK-NOT: enigma.simd_sum
// CHECK: enigma.store %[[A]]
// CHECK: enigma.store %[[A]]
// CHECK: enigma.if
// CHECK: enigma.simd_sum
// CHECK-NOT: enigma.simd_product
enigma.kernel @lanes(%A: !enigma.buffer<f32, device>, %x: f32) writes [0] {
  %i = enigma.thread_position_in_grid x
  %two = enigma.constant 2 : ui32
  %s = enigma.simd_sum %x : f32
  %t = enigma.simd_sum %x : f32
  %p = enigma.simd_product %x : f32
  enigma.store %s, %A[%i] : f32, !enigma.buffer<f32, device>, ui32
  enigma.store %t, %A[%two] : f32, !enigma.buffer<f32, device>, ui32
  %c = enigma.cmp_lt %i, %two : ui32
  enigma.if %c {
    %u = enigma.simd_sum %x : f32
    enigma.store %u, %A[%i] : f32, !enigma.buffer<f32, device>, ui32
    enigma.yield
  } else {
    enigma.yield
  }
}
