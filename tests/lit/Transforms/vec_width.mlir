// RUN: enigma-opt %s -split-input-file --pass-pipeline='builtin.module(enigma.kernel(enigma-vec-width{width=4},canonicalize,cse))' | FileCheck %s

// CHECK-LABEL: @rows
// CHECK-SAME: vec_width = 4
// CHECK: %[[T:.*]] = enigma.thread_position_in_grid x
// CHECK: %[[COLUMN:.*]] = enigma.mul %[[T]], %{{.*}} : ui32
// CHECK: %[[I:.*]] = enigma.add %{{.*}}, %[[COLUMN]] : ui32
// CHECK: %[[V:.*]] = enigma.load %A[%[[I]]] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
// CHECK: enigma.store %{{.*}}, %C[%[[I]]] : vector<4xf32>
enigma.kernel @rows(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>) writes [1] {
  %row = enigma.thread_position_in_grid y
  %column = enigma.thread_position_in_grid x
  %width = enigma.constant 512 : ui32
  %m = enigma.mul %row, %width : ui32
  %i = enigma.add %m, %column : ui32
  %v = enigma.load %A[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %r = enigma.mul %v, %v : f32
  enigma.store %r, %C[%i] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// Rows of 510 elements are not aligned to 4: four scalar accesses.
// CHECK-LABEL: @unaligned
// CHECK-COUNT-4: enigma.load %{{.*}} -> f32
// CHECK-COUNT-4: enigma.store %{{.*}} : f32
enigma.kernel @unaligned(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>) writes [1] {
  %row = enigma.thread_position_in_grid y
  %column = enigma.thread_position_in_grid x
  %width = enigma.constant 510 : ui32
  %m = enigma.mul %row, %width : ui32
  %i = enigma.add %m, %column : ui32
  %v = enigma.load %A[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  enigma.store %v, %C[%i] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// A neighbour: contiguous, not aligned. A place that all share is read once.
// CHECK-LABEL: @neighbour
// CHECK: enigma.load %A[%{{.*}}] : !enigma.buffer<f32, device>, i32 -> f32
// CHECK-COUNT-4: enigma.load %A[%{{.*}}] : !enigma.buffer<f32, device>, ui32 -> f32
// CHECK: enigma.store %{{.*}} : vector<4xf32>
enigma.kernel @neighbour(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>, %n: i32) writes [1] {
  %i = enigma.thread_position_in_grid x
  %one = enigma.constant 1 : ui32
  %j = enigma.add %i, %one : ui32
  %all = enigma.load %A[%n] : !enigma.buffer<f32, device>, i32 -> f32
  %v = enigma.load %A[%j] : !enigma.buffer<f32, device>, ui32 -> f32
  %s = enigma.add %v, %all : f32
  enigma.store %s, %C[%i] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// A mask for each position: four guarded accesses. The position as data: a vector of four.
// CHECK-LABEL: @masked
// CHECK-COUNT-4: enigma.load_if
// CHECK: enigma.make_vector
// CHECK: enigma.cast %{{.*}} : vector<4xui32> to vector<4xf32>
enigma.kernel @masked(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>, %n: ui32) writes [1] {
  %i = enigma.thread_position_in_grid x
  %zero = enigma.constant 0.0 : f32
  %m = enigma.cmp_lt %i, %n : ui32
  %v = enigma.load_if %A[%i] if %m else %zero : !enigma.buffer<f32, device>, ui32 -> f32
  %f = enigma.cast %i : ui32 to f32
  %s = enigma.add %v, %f : f32
  enigma.store %s, %C[%i] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// The offset and count of a bit field are scalars in Metal, also where all operands are of one type.
// CHECK-LABEL: @fields
// CHECK-COUNT-4: enigma.extract_bits %{{.*}} : ui32
// CHECK: enigma.make_vector
enigma.kernel @fields(%A: !enigma.buffer<ui32, device>, %C: !enigma.buffer<ui32, device>) writes [1] {
  %i = enigma.thread_position_in_grid x
  %two = enigma.constant 2 : ui32
  %v = enigma.load %A[%i] : !enigma.buffer<ui32, device>, ui32 -> ui32
  %r = enigma.extract_bits %v, %v, %two : ui32
  enigma.store %r, %C[%i] : ui32, !enigma.buffer<ui32, device>, ui32
}

// -----
// Bounds that all positions share: the loop stays, its sum is a vector, and so are the loads in it.
// CHECK-LABEL: @shared_loop
// CHECK: %[[S:.*]] = enigma.for %{{.*}}, %n, %{{.*}} carry(%{{.*}} : vector<4xf32>) : ui32 -> vector<4xf32> {
// CHECK: enigma.load %A[%{{.*}}] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
// CHECK: enigma.yield %{{.*}} : vector<4xf32>
// CHECK: enigma.store %[[S]], %C[%{{.*}}] : vector<4xf32>
enigma.kernel @shared_loop(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>, %n: ui32) writes [1] {
  %i = enigma.thread_position_in_grid x
  %zero = enigma.constant 0 : ui32
  %one = enigma.constant 1 : ui32
  %width = enigma.constant 64 : ui32
  %start = enigma.constant 0.0 : f32
  %s = enigma.for %zero, %n, %one carry(%start : f32) : ui32 -> f32 {
  ^bb0(%j: ui32, %sum: f32):
    %row = enigma.mul %j, %width : ui32
    %at = enigma.add %row, %i : ui32
    %v = enigma.load %A[%at] : !enigma.buffer<f32, device>, ui32 -> f32
    %next = enigma.add %sum, %v : f32
    enigma.yield %next : f32
  }
  enigma.store %s, %C[%i] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// Arms that only compute become a choice.
// CHECK-LABEL: @choice
// CHECK-NOT: enigma.if
// CHECK: enigma.select %{{.*}} : vector<4xi1>, vector<4xf32>
enigma.kernel @choice(%A: !enigma.buffer<f32, device>) writes [0] {
  %i = enigma.thread_position_in_grid x
  %zero = enigma.constant 0.0 : f32
  %v = enigma.load %A[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %c = enigma.cmp_gt %v, %zero : f32
  %r = enigma.if %c -> f32 {
    %x = enigma.mul %v, %v : f32
    enigma.yield %x : f32
  } else {
    %y = enigma.neg %v : f32
    enigma.yield %y : f32
  }
  enigma.store %r, %A[%i] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// Positions that may disagree, with memory in the arms: one branch for each of them.
// CHECK-LABEL: @one_by_one
// CHECK-COUNT-4: enigma.if %{{.*}} {
// CHECK-NOT: enigma.if
enigma.kernel @one_by_one(%A: !enigma.buffer<f32, device>, %n: ui32) writes [0] {
  %i = enigma.thread_position_in_grid x
  %c = enigma.cmp_lt %i, %n : ui32
  enigma.if %c {
    %v = enigma.load %A[%i] : !enigma.buffer<f32, device>, ui32 -> f32
    enigma.store %v, %A[%i] : f32, !enigma.buffer<f32, device>, ui32
    enigma.yield
  } else {
    enigma.yield
  }
}
