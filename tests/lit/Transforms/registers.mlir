// RUN: enigma-opt %s --pass-pipeline='builtin.module(enigma.kernel(enigma-registers,canonicalize,cse))' | FileCheck %s

// What was stored last is what is loaded, and the fill before that; a loop below the stores sees them too.
// CHECK-LABEL: @straight
// CHECK-NOT: register_alloc
// CHECK: %[[SEVEN:.*]] = enigma.constant 7
// CHECK: enigma.store %x, %A[%i]
// CHECK: enigma.store %[[SEVEN]], %A[%i]
// CHECK: enigma.if %c
// CHECK: enigma.store %y, %A[%i]
enigma.kernel @straight(%A: !enigma.buffer<i32, device>, %i: i32, %x: i32, %y: i32, %c: i1) writes [0] {
  %zero = enigma.constant 0 : i32
  %one = enigma.constant 1 : i32
  %seven = enigma.constant 7 : i32
  %r = enigma.register_alloc 2, %seven : i32 -> <i32, thread>
  enigma.store %y, %r[%zero] : i32, !enigma.buffer<i32, thread>, i32
  enigma.store %x, %r[%zero] : i32, !enigma.buffer<i32, thread>, i32
  %a = enigma.load %r[%zero] : !enigma.buffer<i32, thread>, i32 -> i32
  enigma.store %a, %A[%i] : i32, !enigma.buffer<i32, device>, i32
  %b = enigma.load %r[%one] : !enigma.buffer<i32, thread>, i32 -> i32
  enigma.store %b, %A[%i] : i32, !enigma.buffer<i32, device>, i32
  enigma.store %y, %r[%one] : i32, !enigma.buffer<i32, thread>, i32
  enigma.if %c {
    %d = enigma.load %r[%one] : !enigma.buffer<i32, thread>, i32 -> i32
    enigma.store %d, %A[%i] : i32, !enigma.buffer<i32, device>, i32
    enigma.yield
  } else {
    enigma.yield
  }
}

// A vector that comes back whole stays one; parts of two become one; a scalar in all places is spread.
// CHECK-LABEL: @vectors
// CHECK-NOT: register_alloc
// CHECK: enigma.store %v, %A
// CHECK: %[[SPREAD:.*]] = enigma.splat %x
// CHECK: %[[A:.*]] = enigma.extract %v[2]
// CHECK: %[[B:.*]] = enigma.extract %v[3]
// CHECK: %[[LATE:.*]] = enigma.make_vector %[[A]], %[[B]]
// CHECK: %[[FIRST:.*]] = enigma.extract %w[0]
// CHECK: enigma.store %[[LATE]], %A
// CHECK: enigma.store %[[FIRST]], %A
// CHECK: enigma.store %[[SPREAD]], %A
enigma.kernel @vectors(%A: !enigma.buffer<f32, device>, %i: ui32, %v: vector<4xf32>, %w: vector<4xf32>, %x: f32) writes [0] {
  %c0 = enigma.constant 0 : ui32
  %c2 = enigma.constant 2 : ui32
  %c4 = enigma.constant 4 : ui32
  %c5 = enigma.constant 5 : ui32
  %r = enigma.register_alloc 8, %x : f32 -> <f32, thread>
  enigma.store %v, %r[%c0] : vector<4xf32>, !enigma.buffer<f32, thread>, ui32
  %whole = enigma.load %r[%c0] : !enigma.buffer<f32, thread>, ui32 -> vector<4xf32>
  enigma.store %whole, %A[%i] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
  %spread = enigma.load %r[%c4] : !enigma.buffer<f32, thread>, ui32 -> vector<4xf32>
  enigma.store %w, %r[%c4] : vector<4xf32>, !enigma.buffer<f32, thread>, ui32
  %late = enigma.load %r[%c2] : !enigma.buffer<f32, thread>, ui32 -> vector<2xf32>
  %first = enigma.load %r[%c4] : !enigma.buffer<f32, thread>, ui32 -> f32
  enigma.store %late, %A[%i] : vector<2xf32>, !enigma.buffer<f32, device>, ui32
  enigma.store %first, %A[%i] : f32, !enigma.buffer<f32, device>, ui32
  enigma.store %spread, %A[%i] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
}

// Kept: an index that a thread computes, and a store under a condition.
// CHECK-LABEL: @kept
// CHECK-COUNT-2: enigma.register_alloc
enigma.kernel @kept(%A: !enigma.buffer<i32, device>, %i: i32, %c: i1) writes [0] {
  %zero = enigma.constant 0 : i32
  %r = enigma.register_alloc 2, %zero : i32 -> <i32, thread>
  enigma.store %i, %r[%zero] : i32, !enigma.buffer<i32, thread>, i32
  %a = enigma.load %r[%i] : !enigma.buffer<i32, thread>, i32 -> i32
  enigma.store %a, %A[%i] : i32, !enigma.buffer<i32, device>, i32
  %s = enigma.register_alloc 1, %zero : i32 -> <i32, thread>
  enigma.if %c {
    enigma.store %i, %s[%zero] : i32, !enigma.buffer<i32, thread>, i32
    enigma.yield
  } else {
    enigma.yield
  }
  %b = enigma.load %s[%zero] : !enigma.buffer<i32, thread>, i32 -> i32
  enigma.store %b, %A[%i] : i32, !enigma.buffer<i32, device>, i32
}
