// RUN: enigma-opt %s --pass-pipeline='builtin.module(enigma.kernel(enigma-bf16))' | FileCheck %s
// Operators are native, functions compute in f32.

// An integer goes through f32, unless that holds it.
// CHECK-LABEL: @integers
// CHECK: %[[F:.*]] = enigma.cast %i : i32 to f32
// CHECK: enigma.cast %[[F]] : f32 to bf16
// CHECK: enigma.cast %n : ui16 to bf16
enigma.kernel @integers(%A: !enigma.buffer<bf16, device>, %i: i32, %n: ui16) writes [0] {
  %v = enigma.cast %i : i32 to bf16
  %w = enigma.cast %n : ui16 to bf16
  enigma.store %v, %A[%i] : bf16, !enigma.buffer<bf16, device>, i32
  enigma.store %w, %A[%i] : bf16, !enigma.buffer<bf16, device>, i32
}

// CHECK-LABEL: @k
// CHECK: %[[S:.*]] = enigma.add %{{.*}}, %{{.*}} : bf16
// CHECK: %[[W:.*]] = enigma.cast %[[S]] : bf16 to f32
// CHECK: %[[E:.*]] = enigma.exp %[[W]] : f32
// CHECK: %[[N:.*]] = enigma.cast %[[E]] : f32 to bf16
// CHECK: enigma.store %[[N]]
enigma.kernel @k(%A: !enigma.buffer<bf16, device>, %i: i32) writes [0] {
  %v = enigma.load %A[%i] : !enigma.buffer<bf16, device>, i32 -> bf16
  %s = enigma.add %v, %v : bf16
  %e = enigma.exp %s : bf16
  enigma.store %e, %A[%i] : bf16, !enigma.buffer<bf16, device>, i32
}

// Rounding a fraction to bfloat must not reach 1.
// CHECK-LABEL: @fraction
// CHECK: %[[F:.*]] = enigma.fract %{{.*}} : f32
// CHECK: %[[MOST:.*]] = enigma.constant 0.99609375 : f32
// CHECK: %[[ABOVE:.*]] = enigma.cmp_gt %[[F]], %[[MOST]] : f32
// CHECK: %[[KEPT:.*]] = enigma.select %[[ABOVE]], %[[MOST]], %[[F]]
// CHECK: enigma.cast %[[KEPT]] : f32 to bf16
enigma.kernel @fraction(%A: !enigma.buffer<bf16, device>, %i: i32) writes [0] {
  %v = enigma.load %A[%i] : !enigma.buffer<bf16, device>, i32 -> bf16
  %f = enigma.fract %v : bf16
  enigma.store %f, %A[%i] : bf16, !enigma.buffer<bf16, device>, i32
}
