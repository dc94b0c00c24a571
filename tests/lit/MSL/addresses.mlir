// RUN: enigma-opt %s --pass-pipeline='builtin.module(enigma.kernel(enigma-index))' | enigma-translate --enigma-to-msl - | FileCheck %s

// For one launch the grid position is below the launch's size: the sum cannot wrap, and moves the pointer.
// CHECK-LABEL: kernel void known(
// Whole vectors are counted by a pointer to vectors.
// CHECK: *((device float4*)C + gid + 128u) = *((const device float4*)A + gid + 128u);
// CHECK-NEXT: *((device float4*)C + gid) = *((const device float4*)A + gid);
enigma.kernel @known(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>) writes [1] attributes {launch = array<i64: 128, 1, 1, 64, 1, 1>} {
  %four = enigma.constant 4 : ui32
  %step = enigma.constant 512 : ui32
  %gid = enigma.thread_position_in_grid x
  %base = enigma.mul %gid, %four : ui32 loc("base")
  %next = enigma.add %base, %step : ui32
  %x = enigma.load %A[%next] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
  enigma.store %x, %C[%next] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
  %y = enigma.load %A[%base] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
  enigma.store %y, %C[%base] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
}

// An element is not: the sum in elements moves the pointer.
// CHECK-LABEL: kernel void mixed(
// CHECK: uint [[BASE:v[0-9]+]] = gid * 4u;
// CHECK-NEXT: *(device float4*)(C + [[BASE]] + 512u) = *(const device float4*)(A + [[BASE]] + 512u);
// CHECK-NEXT: *(C + [[BASE]] + 2u) = A[[[BASE]]];
enigma.kernel @mixed(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>) writes [1] attributes {launch = array<i64: 128, 1, 1, 64, 1, 1>} {
  %four = enigma.constant 4 : ui32
  %step = enigma.constant 512 : ui32
  %two = enigma.constant 2 : ui32
  %gid = enigma.thread_position_in_grid x
  %base = enigma.mul %gid, %four : ui32
  %next = enigma.add %base, %step : ui32
  %x = enigma.load %A[%next] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
  enigma.store %x, %C[%next] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
  %y = enigma.load %A[%base] : !enigma.buffer<f32, device>, ui32 -> f32
  %odd = enigma.add %base, %two : ui32
  enigma.store %y, %C[%odd] : f32, !enigma.buffer<f32, device>, ui32
}

// For any launch it may wrap, and the sum stays in its own width.
// CHECK-LABEL: kernel void any(
// CHECK: uint [[AT:v[0-9]+]] = {{v[0-9]+}} + 512u;
// CHECK-NEXT: *(device float4*)(C + [[AT]]) = *(const device float4*)(A + [[AT]]);
enigma.kernel @any(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>) writes [1] {
  %four = enigma.constant 4 : ui32
  %step = enigma.constant 512 : ui32
  %gid = enigma.thread_position_in_grid x
  %base = enigma.mul %gid, %four : ui32 loc("base")
  %next = enigma.add %base, %step : ui32
  %x = enigma.load %A[%next] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
  enigma.store %x, %C[%next] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
  %y = enigma.load %A[%base] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
  enigma.store %y, %C[%base] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
}

// In a loop the pointer to what each round has is one for all of them; what changes is added to it.
// CHECK-LABEL: kernel void rounds(
// CHECK: for (uint [[K:[a-z0-9]+]] = 0u; [[K]] < 8u; ++[[K]]) {
// CHECK: uint [[STEP:v[0-9]+]] = [[K]] * 256u;
// CHECK: *(C + {{.*}} + [[STEP]]) = *(A + {{.*}} + [[STEP]] + 3u);
enigma.kernel @rounds(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>) writes [1] attributes {launch = array<i64: 128, 1, 1, 64, 1, 1>} {
  %zero = enigma.constant 0 : ui32
  %one = enigma.constant 1 : ui32
  %two = enigma.constant 2 : ui32
  %three = enigma.constant 3 : ui32
  %rounds = enigma.constant 8 : ui32
  %apart = enigma.constant 256 : ui32
  %gid = enigma.thread_position_in_grid x
  %base = enigma.mul %gid, %two : ui32
  enigma.for %zero, %rounds, %one : ui32 {
  ^bb0(%k: ui32):
    %step = enigma.mul %k, %apart : ui32
    %at = enigma.add %base, %step : ui32
    %next = enigma.add %at, %three : ui32
    %x = enigma.load %A[%next] : !enigma.buffer<f32, device>, ui32 -> f32
    enigma.store %x, %C[%at] : f32, !enigma.buffer<f32, device>, ui32
    enigma.yield
  }
}

// A sum that is also a number has a variable.
// CHECK-LABEL: kernel void numbers(
// CHECK: uint [[AT:v[0-9]+]] = gid + {{.*}};
// CHECK-NEXT: C[[[AT]]] = [[AT]];
enigma.kernel @numbers(%C: !enigma.buffer<ui32, device>) writes [0] attributes {launch = array<i64: 128, 1, 1, 64, 1, 1>} {
  %zero = enigma.constant 0 : ui32
  %one = enigma.constant 1 : ui32
  %rounds = enigma.constant 8 : ui32
  %gid = enigma.thread_position_in_grid x
  enigma.for %zero, %rounds, %one : ui32 {
  ^bb0(%k: ui32):
    %at = enigma.add %gid, %k : ui32
    enigma.store %at, %C[%at] : ui32, !enigma.buffer<ui32, device>, ui32
    enigma.yield
  }
}

// In a loop a pointer is moved by what stays the same first, which the compiler does once.
// CHECK-LABEL: kernel void split(
// CHECK: uint [[START:v[0-9]+]] = row * 512u;
// CHECK: for (uint [[T:.*]] = 0u; [[T]] < n; ++[[T]]) {
// CHECK: *(Out + [[START]] + [[T]]) = *(A + [[START]] + [[T]]) + *(A + [[START]] + [[T]] + 8u);
enigma.kernel @split(%A: !enigma.buffer<f32, device>, %Out: !enigma.buffer<f32, device>, %row: ui32, %n: ui32) writes [1] {
  %zero = enigma.constant 0 : ui32
  %one = enigma.constant 1 : ui32
  %eight = enigma.constant 8 : ui32
  %width = enigma.constant 512 : ui32
  %start = enigma.mul %row, %width : ui32
  enigma.for %zero, %n, %one : ui32 {
  ^bb0(%t: ui32):
    %at = enigma.add %start, %t {in_range} : ui32
    %x = enigma.load %A[%at] : !enigma.buffer<f32, device>, ui32 -> f32
    %next = enigma.add %at, %eight {in_range} : ui32
    %y = enigma.load %A[%next] : !enigma.buffer<f32, device>, ui32 -> f32
    %sum = enigma.add %x, %y : f32
    enigma.store %sum, %Out[%at] : f32, !enigma.buffer<f32, device>, ui32
    enigma.yield
  }
}
