// RUN: enigma-opt %s --canonicalize | FileCheck %s
// Folding keeps NaN and -0: x + 0.0 and x * 0.0 stay, integer identities and constants go.

// CHECK-LABEL: @floats
// CHECK: %[[V:.*]] = enigma.load
// CHECK: %[[S:.*]] = enigma.add %[[V]]
// CHECK: %[[P:.*]] = enigma.mul %[[S]]
// CHECK: enigma.store %[[P]]
enigma.kernel @floats(%A: !enigma.buffer<f32, device>, %i: i32) writes [0] {
  %zero = enigma.constant 0.0 : f32
  %one = enigma.constant 1.0 : f32
  %v = enigma.load %A[%i] : !enigma.buffer<f32, device>, i32 -> f32
  %s = enigma.add %v, %zero : f32
  %p = enigma.mul %s, %zero : f32
  %q = enigma.mul %p, %one : f32
  %d = enigma.div %q, %one : f32
  enigma.store %d, %A[%i] : f32, !enigma.buffer<f32, device>, i32
}

// -7 // 2 is -4 and -7 % 2 is 1, as in Python.
// CHECK-LABEL: @constants
// CHECK-DAG: %[[Q:.*]] = enigma.constant -4 : i32
// CHECK-DAG: %[[R:.*]] = enigma.constant 1 : i32
// CHECK: enigma.store %[[Q]], %A[%i]
// CHECK: enigma.store %[[R]], %A[%i]
enigma.kernel @constants(%A: !enigma.buffer<i32, device>, %i: i32) writes [0] {
  %a = enigma.constant -7 : i32
  %b = enigma.constant 2 : i32
  %q = enigma.floor_div %a, %b : i32
  %r = enigma.mod %a, %b : i32
  enigma.store %q, %A[%i] : i32, !enigma.buffer<i32, device>, i32
  enigma.store %r, %A[%i] : i32, !enigma.buffer<i32, device>, i32
}

// A shift by the width is a shift by 0; dividing the smallest integer by -1 and by 0 is left to run time.
// CHECK-LABEL: @edges
// CHECK: enigma.floor_div
// CHECK: enigma.mod
// CHECK: enigma.store %x, %A
enigma.kernel @edges(%A: !enigma.buffer<i32, device>, %x: i32) writes [0] {
  %width = enigma.constant 32 : i32
  %smallest = enigma.constant -2147483648 : i32
  %minus = enigma.constant -1 : i32
  %zero = enigma.constant 0 : i32
  %k = enigma.and %width, %width : i32
  %all = enigma.and %x, %minus : i32
  %n = enigma.xor %all, %zero : i32
  %q = enigma.floor_div %smallest, %minus : i32
  %r = enigma.mod %x, %zero : i32
  enigma.store %n, %A[%x] : i32, !enigma.buffer<i32, device>, i32
  enigma.store %q, %A[%x] : i32, !enigma.buffer<i32, device>, i32
  enigma.store %r, %A[%x] : i32, !enigma.buffer<i32, device>, i32
}

// CHECK-LABEL: @masks
// CHECK-NEXT: %[[V:.*]] = enigma.load %A[%i]
// CHECK-NEXT: enigma.store %[[V]], %A[%i]
// CHECK-NEXT: enigma.store %x, %A[%i]
// CHECK-NEXT: }
enigma.kernel @masks(%A: !enigma.buffer<f32, device>, %i: i32, %x: f32) writes [0] {
  %yes = enigma.constant true
  %no = enigma.constant false
  %v = enigma.load_if %A[%i] if %yes else %x : !enigma.buffer<f32, device>, i32 -> f32
  %w = enigma.load_if %A[%i] if %no else %x : !enigma.buffer<f32, device>, i32 -> f32
  enigma.store_if %v, %A[%i] if %yes : f32, !enigma.buffer<f32, device>, i32
  enigma.store_if %v, %A[%i] if %no : f32, !enigma.buffer<f32, device>, i32
  enigma.store %w, %A[%i] : f32, !enigma.buffer<f32, device>, i32
}

// An integer becomes bf16 by way of f32: 2^29 + 2^21 + 1 is halfway there, and goes to even.
// CHECK-LABEL: @narrowed
// CHECK: enigma.constant 5.368700e+08 : bf16
enigma.kernel @narrowed(%A: !enigma.buffer<bf16, device>, %i: i32) writes [0] {
  %n = enigma.constant 538968065 : i32
  %b = enigma.cast %n : i32 to bf16
  enigma.store %b, %A[%i] : bf16, !enigma.buffer<bf16, device>, i32
}
