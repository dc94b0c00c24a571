// RUN: enigma-translate --enigma-to-msl -split-input-file %s | FileCheck %s --strict-whitespace --implicit-check-not=error

// CHECK-LABEL: kernel void operators(
// CHECK-NEXT: {{^}}    const device int* A {{\[\[}}buffer(0){{\]\]}},
// CHECK-NEXT: {{^}}    constant int& x {{\[\[}}buffer(1){{\]\]}},
// CHECK-NEXT: {{^}}    device int* Out {{\[\[}}buffer(2){{\]\]}},
// CHECK-NEXT: {{^}}    uint i {{\[\[}}thread_position_in_grid{{\]\]}})
// CHECK-NEXT: {{^}}{
// Signed arithmetic may wrap, so it is written on unsigned types; marked as in range it is plain.
// CHECK-NEXT: {{^}}    int sum = int(uint(A[i]) + uint(x));
// CHECK-NEXT: {{^}}    Out[i] = (sum + x) * sum;
// CHECK-NEXT: {{^}}    Out[i] = (sum < x || x == -2) ? sum : (-2147483647 - 1);
// CHECK-NEXT: {{^}}    Out[i] = int(uint(sum) << (x & 31));
// CHECK-NEXT: {{^}}    Out[i] = sum >> 3;
// CHECK-NEXT: {{^}}}
enigma.kernel @operators(%A: !enigma.buffer<i32, device>, %x: i32, %Out: !enigma.buffer<i32, device>) writes [2] {
  %i = enigma.thread_position_in_grid x loc("i")
  %a = enigma.load %A[%i] : !enigma.buffer<i32, device>, ui32 -> i32
  %s = enigma.add %a, %x : i32 loc("sum")
  %t = enigma.add %s, %x {in_range} : i32
  %u = enigma.mul %t, %s {in_range} : i32
  enigma.store %u, %Out[%i] : i32, !enigma.buffer<i32, device>, ui32
  %two = enigma.constant -2 : i32
  %least = enigma.constant -2147483648 : i32
  %c = enigma.cmp_lt %s, %x : i32
  %d = enigma.cmp_eq %x, %two : i32
  %e = enigma.or %c, %d : i1
  %f = enigma.select %e, %s, %least : i1, i32
  enigma.store %f, %Out[%i] : i32, !enigma.buffer<i32, device>, ui32
  %g = enigma.shl %s, %x : i32
  enigma.store %g, %Out[%i] : i32, !enigma.buffer<i32, device>, ui32
  %three = enigma.constant 3 : i32
  %h = enigma.shr %s, %three : i32
  enigma.store %h, %Out[%i] : i32, !enigma.buffer<i32, device>, ui32
}

// -----
// A read that is used after a write happens before it.
// CHECK-LABEL: kernel void order(
// CHECK: {{^}}    float v0 = A[1u];
// CHECK-NEXT: {{^}}    A[0u] = 0.5f;
// CHECK-NEXT: {{^}}    A[2u] = -v0;
// CHECK-NEXT: {{^}}}
enigma.kernel @order(%A: !enigma.buffer<f32, device>) writes [0] {
  %zero = enigma.constant 0 : ui32
  %one = enigma.constant 1 : ui32
  %two = enigma.constant 2 : ui32
  %half = enigma.constant 0.5 : f32
  %v = enigma.load %A[%one] : !enigma.buffer<f32, device>, ui32 -> f32
  enigma.store %half, %A[%zero] : f32, !enigma.buffer<f32, device>, ui32
  %n = enigma.neg %v : f32
  enigma.store %n, %A[%two] : f32, !enigma.buffer<f32, device>, ui32
}

// -----
// Guarded accesses, two results, names that MSL reserves, literals of each kind.
// CHECK-LABEL: kernel void guarded(
// CHECK: device half* float_ {{\[\[}}buffer(0){{\]\]}},
// CHECK: {{^}}    int v0;
// CHECK-NEXT: {{^}}    half v1 = frexp(n < 4 ? float_[n] : 1.5h, v0);
// CHECK-NEXT: {{^}}    if (n >= 0) {
// CHECK-NEXT: {{^}}        float_[v0] = v1;
// CHECK-NEXT: {{^}}    }
// CHECK-NEXT: {{^}}    float_[n] = half(-INFINITY);
// CHECK-NEXT: {{^}}    float_[n] = as_type<half>(ushort(0x7e00u));
enigma.kernel @guarded(%float: !enigma.buffer<f16, device>, %n: i32) writes [0] {
  %four = enigma.constant 4 : i32
  %zero = enigma.constant 0 : i32
  %fallback = enigma.constant 1.5 : f16
  %c = enigma.cmp_lt %n, %four : i32
  %v = enigma.load_if %float[%n] if %c else %fallback : !enigma.buffer<f16, device>, i32 -> f16
  %fraction, %exponent = enigma.frexp %v : f16, i32
  %d = enigma.cmp_ge %n, %zero : i32
  enigma.store_if %fraction, %float[%exponent] if %d : f16, !enigma.buffer<f16, device>, i32
  %inf = enigma.constant 0xFC00 : f16
  enigma.store %inf, %float[%n] : f16, !enigma.buffer<f16, device>, i32
  %nan = enigma.constant 0x7E00 : f16
  enigma.store %nan, %float[%n] : f16, !enigma.buffer<f16, device>, i32
}
