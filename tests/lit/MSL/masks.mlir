// RUN: enigma-translate --enigma-to-msl -split-input-file %s | FileCheck %s --strict-whitespace --implicit-check-not=error

// Vectors of bool have no order in Metal, and one condition for a whole vector is a conditional expression.
// CHECK-LABEL: kernel void masks(
// CHECK: {{^}}    bool4 m = *(const device float4*)(A + i) < float4(x);
// CHECK-NEXT: {{^}}    bool4 n = *(const device float4*)(B + i) < float4(x);
// CHECK-NEXT: {{^}}    bool4 lt = !m & n;
// CHECK-NEXT: {{^}}    bool4 le = !m | n;
// CHECK-NEXT: {{^}}    bool4 gt = m & !n;
// CHECK-NEXT: {{^}}    bool4 ge = m | !n;
// CHECK-NEXT: {{^}}    bool4 some = (lt != le) & (gt == ge);
// CHECK-NEXT: {{^}}    *(device float4*)(Out + i) = select(float4(1.0f), float4(x), some);
// CHECK-NEXT: {{^}}    *(device float4*)(Out + i) = x > 1.0f ? float4(x) : float4(1.0f);
enigma.kernel @masks(%A: !enigma.buffer<f32, device>, %B: !enigma.buffer<f32, device>, %x: f32, %Out: !enigma.buffer<f32, device>) writes [3] {
  %i = enigma.thread_position_in_grid x loc("i")
  %a = enigma.load %A[%i] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
  %xs = enigma.splat %x : f32 -> vector<4xf32>
  %m = enigma.cmp_lt %a, %xs : vector<4xf32> loc("m")
  %b = enigma.load %B[%i] : !enigma.buffer<f32, device>, ui32 -> vector<4xf32>
  %ys = enigma.splat %x : f32 -> vector<4xf32>
  %n = enigma.cmp_lt %b, %ys : vector<4xf32> loc("n")
  %lt = enigma.cmp_lt %m, %n : vector<4xi1> loc("lt")
  %le = enigma.cmp_le %m, %n : vector<4xi1> loc("le")
  %gt = enigma.cmp_gt %m, %n : vector<4xi1> loc("gt")
  %ge = enigma.cmp_ge %m, %n : vector<4xi1> loc("ge")
  %ne = enigma.cmp_ne %lt, %le : vector<4xi1>
  %eq = enigma.cmp_eq %gt, %ge : vector<4xi1>
  %some = enigma.and %ne, %eq : vector<4xi1> loc("some")
  %one = enigma.constant 1.0 : f32
  %ones = enigma.constant dense<1.0> : vector<4xf32>
  %zs = enigma.splat %x : f32 -> vector<4xf32>
  %r = enigma.select %some, %zs, %ones : vector<4xi1>, vector<4xf32>
  enigma.store %r, %Out[%i] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
  %c = enigma.cmp_gt %x, %one : f32
  %ws = enigma.splat %x : f32 -> vector<4xf32>
  %s = enigma.select %c, %ws, %ones : i1, vector<4xf32>
  enigma.store %s, %Out[%i] : vector<4xf32>, !enigma.buffer<f32, device>, ui32
}

// -----
// Names that are macros of Metal's library.
// CHECK-LABEL: kernel void macros(
// CHECK: const device float* v_INT_MAX {{\[\[}}buffer(0){{\]\]}},
// CHECK: constant uint& v_M_PI_F {{\[\[}}buffer(1){{\]\]}},
// CHECK: device float* Int_max {{\[\[}}buffer(2){{\]\]}}
enigma.kernel @macros(%INT_MAX: !enigma.buffer<f32, device>, %M_PI_F: ui32, %Int_max: !enigma.buffer<f32, device>) writes [2] {
  %v = enigma.load %INT_MAX[%M_PI_F] : !enigma.buffer<f32, device>, ui32 -> f32
  enigma.store %v, %Int_max[%M_PI_F] : f32, !enigma.buffer<f32, device>, ui32
}
