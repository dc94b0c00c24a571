// RUN: enigma-opt %s --pass-pipeline='builtin.module(enigma.kernel(enigma-index,canonicalize,cse))' | FileCheck %s

// Floor division and modulo by a power of two need no correction, whatever the sign.
// CHECK-LABEL: @power_of_two
// CHECK-DAG: %[[THREE:.*]] = enigma.constant 3 : i32
// CHECK-DAG: %[[SEVEN:.*]] = enigma.constant 7 : i32
// CHECK: enigma.shr %x, %[[THREE]] : i32
// CHECK: enigma.and %x, %[[SEVEN]] : i32
enigma.kernel @power_of_two(%A: !enigma.buffer<i32, device>, %x: i32) writes [0] {
  %eight = enigma.constant 8 : i32
  %q = enigma.floor_div %x, %eight : i32
  %r = enigma.mod %x, %eight : i32
  enigma.store %q, %A[%x] : i32, !enigma.buffer<i32, device>, i32
  enigma.store %r, %A[%x] : i32, !enigma.buffer<i32, device>, i32
}

// (row * 12 + column) // 12 is row where column is below 12 and nothing wraps.
// CHECK-LABEL: @rejoined
// CHECK: %[[T:.*]] = enigma.thread_position_in_threadgroup x
// CHECK: %[[COLUMN:.*]] = enigma.mod %[[T]]
// CHECK: enigma.store %[[T]], %A
// CHECK: enigma.store %[[COLUMN]], %A
enigma.kernel @rejoined(%A: !enigma.buffer<ui32, device>, %x: ui32) writes [0] {
  %twelve = enigma.constant 12 : ui32
  %t = enigma.thread_position_in_threadgroup x
  %column = enigma.mod %t, %twelve : ui32
  %wide = enigma.mul %t, %twelve : ui32
  %i = enigma.add %wide, %column : ui32
  %q = enigma.floor_div %i, %twelve : ui32
  %r = enigma.mod %i, %twelve : ui32
  enigma.store %q, %A[%x] : ui32, !enigma.buffer<ui32, device>, ui32
  enigma.store %r, %A[%x] : ui32, !enigma.buffer<ui32, device>, ui32
}

// The same with a row that may wrap stays.
// CHECK-LABEL: @may_wrap
// CHECK: enigma.floor_div
enigma.kernel @may_wrap(%A: !enigma.buffer<ui32, device>, %x: ui32) writes [0] {
  %twelve = enigma.constant 12 : ui32
  %t = enigma.thread_position_in_threadgroup x
  %column = enigma.mod %t, %twelve : ui32
  %wide = enigma.mul %x, %twelve : ui32
  %i = enigma.add %wide, %column : ui32
  %q = enigma.floor_div %i, %twelve : ui32
  enigma.store %q, %A[%x] : ui32, !enigma.buffer<ui32, device>, ui32
}

// CHECK-LABEL: @grid_position
// CHECK: %[[G:.*]] = enigma.thread_position_in_grid y
// CHECK: enigma.store %[[G]], %A
enigma.kernel @grid_position(%A: !enigma.buffer<ui32, device>, %x: ui32) writes [0] {
  %g = enigma.threadgroup_position_in_grid y
  %n = enigma.dispatch_threads_per_threadgroup y
  %t = enigma.thread_position_in_threadgroup y
  %m = enigma.mul %g, %n : ui32
  %i = enigma.add %m, %t : ui32
  enigma.store %i, %A[%x] : ui32, !enigma.buffer<ui32, device>, ui32
}

// threads_per_threadgroup is smaller in a partial group: no grid position.
// CHECK-LABEL: @partial_group
// CHECK: enigma.mul
enigma.kernel @partial_group(%A: !enigma.buffer<ui32, device>, %x: ui32) writes [0] {
  %g = enigma.threadgroup_position_in_grid y
  %n = enigma.threads_per_threadgroup y
  %t = enigma.thread_position_in_threadgroup y
  %m = enigma.mul %g, %n : ui32
  %i = enigma.add %m, %t : ui32
  enigma.store %i, %A[%x] : ui32, !enigma.buffer<ui32, device>, ui32
}

// What provably does not wrap is marked; what may is not. A decided comparison goes.
// CHECK-LABEL: @marks
// CHECK: enigma.constant true
// CHECK: enigma.mul %{{.*}}, %{{.*}} {in_range} : i32
// CHECK: enigma.add %{{.*}}, %x : i32
// CHECK-NOT: enigma.cmp_lt
// CHECK: enigma.store %{{.*}}, %B
enigma.kernel @marks(%A: !enigma.buffer<i32, device>, %B: !enigma.buffer<i1, device>, %x: i32) writes [0, 1] {
  %t = enigma.thread_position_in_threadgroup x
  %s = enigma.cast %t : ui32 to i32
  %k = enigma.constant 4 : i32
  %m = enigma.mul %s, %k : i32
  %a = enigma.add %m, %x : i32
  %limit = enigma.constant 5000 : i32
  %c = enigma.cmp_lt %m, %limit : i32
  enigma.store %a, %A[%x] : i32, !enigma.buffer<i32, device>, i32
  enigma.store %c, %B[%x] : i1, !enigma.buffer<i1, device>, i32
}

// Under a guard a difference does not wrap; behind it, it may.
// CHECK-LABEL: @guarded
// CHECK: enigma.if
// CHECK: enigma.sub {{.*}} {in_range} : ui32
// CHECK: } else {
// CHECK: enigma.sub %{{.*}}, %{{[^ ]*}} : ui32
enigma.kernel @guarded(%A: !enigma.buffer<ui32, device>, %x: ui32) writes [0] {
  %two = enigma.constant 2 : ui32
  %enough = enigma.cmp_ge %x, %two : ui32
  enigma.if %enough {
    %i = enigma.sub %x, %two : ui32
    enigma.store %x, %A[%i] : ui32, !enigma.buffer<ui32, device>, ui32
    enigma.yield
  } else {
    %j = enigma.sub %x, %two : ui32
    enigma.store %x, %A[%j] : ui32, !enigma.buffer<ui32, device>, ui32
    enigma.yield
  }
}
