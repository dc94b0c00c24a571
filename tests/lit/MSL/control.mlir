// RUN: enigma-translate --enigma-to-msl -split-input-file %s | FileCheck %s --strict-whitespace

// CHECK-LABEL: kernel void sum(
// CHECK: {{^}}    float acc = 0.0f;
// CHECK-NEXT: {{^}}    for (int k = 0; k < n; ++k) {
// CHECK-NEXT: {{^}}        acc = acc + A[k];
// CHECK-NEXT: {{^}}    }
// CHECK-NEXT: {{^}}    Out[0u] = acc;
enigma.kernel @sum(%A: !enigma.buffer<f32, device>, %n: i32, %Out: !enigma.buffer<f32, device>) writes [2] {
  %lower = enigma.constant 0 : i32
  %step = enigma.constant 1 : i32
  %zero = enigma.constant 0.0 : f32
  %first = enigma.constant 0 : ui32
  %r = enigma.for %lower, %n, %step carry(%zero : f32) : i32 attributes {names = ["acc"]} -> f32 {
  ^bb0(%k: i32 loc("k"), %acc: f32 loc("acc")):
    %v = enigma.load %A[%k] : !enigma.buffer<f32, device>, i32 -> f32
    %s = enigma.add %acc, %v : f32
    enigma.yield %s : f32
  }
  enigma.store %r, %Out[%first] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// A swap goes through a temporary; a step that is not known counts the positions first.
// CHECK-LABEL: kernel void swap(
// CHECK: {{^}}    int a = n;
// CHECK-NEXT: {{^}}    int b = s;
// CHECK-NEXT: {{^}}    uint i_count = enigma_trip_count<int, uint>(0, n, s);
// CHECK-NEXT: {{^}}    for (uint i_step = 0; i_step < i_count; ++i_step) {
// CHECK-NEXT: {{^}}        int i = int(uint(0) + i_step * uint(s));
// CHECK-NEXT: {{^}}        int b_next = a;
// CHECK-NEXT: {{^}}        a = b;
// CHECK-NEXT: {{^}}        b = b_next;
// CHECK-NEXT: {{^}}    }
enigma.kernel @swap(%Out: !enigma.buffer<i32, device>, %n: i32, %s: i32) writes [0] {
  %lower = enigma.constant 0 : i32
  %r:2 = enigma.for %lower, %n, %s carry(%n, %s : i32, i32) : i32 attributes {names = ["a", "b"]} -> i32, i32 {
  ^bb0(%k: i32, %a: i32, %b: i32):
    enigma.yield %b, %a : i32, i32
  }
  enigma.store %r#0, %Out[%n] : i32, !enigma.buffer<i32, device>, i32
  enigma.store %r#1, %Out[%s] : i32, !enigma.buffer<i32, device>, i32
}

// -----
// CHECK-LABEL: kernel void branches(
// CHECK: {{^}}    int x = n;
// CHECK-NEXT: {{^}}    if (n < 4) {
// CHECK-NEXT: {{^}}        x = int(uint(n) + 1u);
// CHECK-NEXT: {{^}}    }
// CHECK-NEXT: {{^}}    int y;
// CHECK-NEXT: {{^}}    if (x < 4) {
// CHECK-NEXT: {{^}}        Out[n] = x;
// CHECK-NEXT: {{^}}        y = n;
// CHECK-NEXT: {{^}}    } else {
// CHECK-NEXT: {{^}}        y = ~n;
// CHECK-NEXT: {{^}}    }
// CHECK-NEXT: {{^}}    Out[x] = y;
enigma.kernel @branches(%Out: !enigma.buffer<i32, device>, %n: i32) writes [0] {
  %four = enigma.constant 4 : i32
  %one = enigma.constant 1 : i32
  %c = enigma.cmp_lt %n, %four : i32
  %x = enigma.if %c attributes {names = ["x"]} -> i32 {
    %m = enigma.add %n, %one : i32
    enigma.yield %m : i32
  } else {
    enigma.yield %n : i32
  }
  %d = enigma.cmp_lt %x, %four : i32
  %y = enigma.if %d attributes {names = ["y"]} -> i32 {
    enigma.store %x, %Out[%n] : i32, !enigma.buffer<i32, device>, i32
    enigma.yield %n : i32
  } else {
    %m = enigma.not %n : i32
    enigma.yield %m : i32
  }
  enigma.store %y, %Out[%x] : i32, !enigma.buffer<i32, device>, i32
}

// -----
// CHECK-LABEL: kernel void repeat(
// CHECK: {{^}}    int i = n;
// CHECK-NEXT: {{^}}    while (i > 1) {
// CHECK-NEXT: {{^}}        i = i >> 1;
// CHECK-NEXT: {{^}}    }
// CHECK-NEXT: {{^}}    Out[n] = i;
enigma.kernel @repeat(%Out: !enigma.buffer<i32, device>, %n: i32) writes [0] {
  %one = enigma.constant 1 : i32
  %r = enigma.while %n : i32 attributes {names = ["i"]} -> i32 {
  ^bb0(%i: i32):
    %c = enigma.cmp_gt %i, %one : i32
    enigma.yield %c, %i : i1, i32
  } do {
  ^bb0(%i: i32):
    %h = enigma.shr %i, %one : i32
    enigma.yield %h : i32
  }
  enigma.store %r, %Out[%n] : i32, !enigma.buffer<i32, device>, i32
}

// -----
// A value from outside that a loop uses is computed outside; a read that is used after a loop that writes happens before it.
// CHECK-LABEL: kernel void outside(
// CHECK: {{^}}    int v0 = int(uint(n) * 3u);
// CHECK-NEXT: {{^}}    float v1 = A[0u];
// CHECK-NEXT: {{^}}    for (int i = 0; i < n; ++i) {
// CHECK-NEXT: {{^}}        A[v0] = 1.0f;
// CHECK-NEXT: {{^}}    }
// CHECK-NEXT: {{^}}    A[1u] = -v1;
enigma.kernel @outside(%A: !enigma.buffer<f32, device>, %n: i32) writes [0] {
  %lower = enigma.constant 0 : i32
  %step = enigma.constant 1 : i32
  %three = enigma.constant 3 : i32
  %u0 = enigma.constant 0 : ui32
  %u1 = enigma.constant 1 : ui32
  %f = enigma.constant 1.0 : f32
  %v = enigma.load %A[%u0] : !enigma.buffer<f32, device>, ui32 -> f32
  %w = enigma.mul %n, %three : i32
  enigma.for %lower, %n, %step : i32 {
  ^bb0(%k: i32):
    enigma.store %f, %A[%w] : f32, !enigma.buffer<f32, device>, i32
    enigma.yield
  }
  %m = enigma.neg %v : f32
  enigma.store %m, %A[%u1] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// A bound beyond 2^63 leaves no room to count past it by more than one.
// CHECK-LABEL: kernel void far(
// CHECK: {{^}}    ulong i_count = enigma_trip_count<ulong, ulong>(18446744073709551610UL, 18446744073709551615UL, 2UL);
enigma.kernel @far(%A: !enigma.buffer<ui64, device>) writes [0] {
  %lower = enigma.constant 18446744073709551610 : ui64
  %upper = enigma.constant 18446744073709551615 : ui64
  %step = enigma.constant 2 : ui64
  %zero = enigma.constant 0 : ui32
  enigma.for %lower, %upper, %step : ui64 {
  ^bb0(%i: ui64):
    enigma.store %i, %A[%zero] : ui64, !enigma.buffer<ui64, device>, ui32
    enigma.yield
  }
}

// -----
// Positions of a narrow type: the count is computed in it, the positions beyond int's reach.
// CHECK-LABEL: kernel void narrow(
// CHECK: {{^}}    uchar i_count = enigma_trip_count<char, uchar>(char(-100), n, char(3));
// CHECK-NEXT: {{^}}    for (uchar i_step = 0; i_step < i_count; ++i_step) {
// CHECK-NEXT: {{^}}        char i = char(uint(char(-100)) + i_step * uint(char(3)));
enigma.kernel @narrow(%n: i8, %A: !enigma.buffer<i8, device>) writes [1] {
  %lower = enigma.constant -100 : i8
  %step = enigma.constant 3 : i8
  enigma.for %lower, %n, %step : i8 {
  ^bb0(%i: i8):
    enigma.store %i, %A[%i] : i8, !enigma.buffer<i8, device>, i8
    enigma.yield
  }
}

// -----
// What a body carries on is assigned to the variable that carries it, without a second one of its name.
// CHECK-LABEL: kernel void carried(
// CHECK: {{^}}    for (int i = 0; i < n; ++i) {
// CHECK-NEXT: {{^}}        acc = acc + A[i];
// CHECK-NEXT: {{^}}    }
enigma.kernel @carried(%A: !enigma.buffer<f32, device>, %n: i32) writes [0] {
  %lower = enigma.constant 0 : i32
  %step = enigma.constant 1 : i32
  %zero = enigma.constant 0.0 : f32
  %r = enigma.for %lower, %n, %step carry(%zero : f32) : i32 attributes {names = ["acc"]} -> f32 {
  ^bb0(%k: i32 loc("i"), %acc: f32 loc("acc")):
    %v = enigma.load %A[%k] : !enigma.buffer<f32, device>, i32 -> f32
    %s = enigma.add %acc, %v : f32 loc("acc")
    enigma.yield %s : f32
  }
  enigma.store %r, %A[%n] : f32, !enigma.buffer<f32, device>, i32
}

// -----
// A flag that ends a loop is a break, and what the loop carries is assigned in place.
// CHECK-LABEL: kernel void leave(
// CHECK: {{^}}    int s = 0;
// CHECK-NEXT: {{^}}    for (int k = 0; k < n; ++k) {
// CHECK-NEXT: {{^}}        int v0 = A[k];
// CHECK-NEXT: {{^}}        if (v0 == 0)
// CHECK-NEXT: {{^}}            break;
// CHECK-NEXT: {{^}}        s = int(uint(s) + uint(v0));
// CHECK-NEXT: {{^}}    }
// CHECK-NEXT: {{^}}    A[0u] = s;
enigma.kernel @leave(%A: !enigma.buffer<i32, device>, %n: i32) writes [0] {
  %zero = enigma.constant 0 : i32
  %one = enigma.constant 1 : i32
  %no = enigma.constant false
  %first = enigma.constant 0 : ui32
  %r:3 = enigma.while %zero, %no, %zero : i32, i1, i32 attributes {names = ["k", "stop", "s"]} -> i32, i1, i32 {
  ^bb0(%k: i32, %stop: i1, %s: i32):
    %more = enigma.cmp_lt %k, %n : i32
    %on = enigma.not %stop : i1
    %both = enigma.and %more, %on : i1
    enigma.yield %both, %k, %stop, %s : i1, i32, i1, i32
  } do {
  ^bb0(%k: i32, %stop: i1, %s: i32):
    %v = enigma.load %A[%k] : !enigma.buffer<i32, device>, i32 -> i32
    %c = enigma.cmp_eq %v, %zero : i32
    %goes = enigma.not %c : i1
    %sum = enigma.if %goes -> i32 {
      %t = enigma.add %s, %v : i32
      enigma.yield %t : i32
    } else {
      enigma.yield %s : i32
    }
    %next = enigma.add %k, %one : i32
    enigma.yield %next, %c, %sum : i32, i1, i32
  }
  enigma.store %r#2, %A[%first] : i32, !enigma.buffer<i32, device>, ui32
}
