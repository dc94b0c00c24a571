// RUN: enigma-translate --enigma-to-msl -split-input-file %s | FileCheck %s --strict-whitespace

// Components by letters, one that is computed (past the end the last one), and functions of whole vectors.
// CHECK-LABEL: kernel void components(
// CHECK: {{^}}    float4 v = A[i];
// CHECK-NEXT: {{^}}    Out[i] = v.wzyx;
// CHECK-NEXT: {{^}}    Out[i] = float4(v.zwxy);
// CHECK-NEXT: {{^}}    Out[i] = float4(v[min(i, 3u)]);
// CHECK-NEXT: {{^}}    Out[i] = float4(v[2u]);
// CHECK-NEXT: {{^}}}
enigma.kernel @components(%A: !enigma.buffer<vector<4xf32>, device>, %Out: !enigma.buffer<vector<4xf32>, device>) writes [1] {
  %i = enigma.thread_position_in_grid x loc("i")
  %two = enigma.constant 2 : ui32
  %v = enigma.load %A[%i] : !enigma.buffer<vector<4xf32>, device>, ui32 -> vector<4xf32> loc("v")
  %a = enigma.swizzle %v [3, 2, 1, 0] : vector<4xf32> -> vector<4xf32>
  enigma.store %a, %Out[%i] : vector<4xf32>, !enigma.buffer<vector<4xf32>, device>, ui32
  %x = enigma.extract %v[0] : vector<4xf32> -> f32
  %y = enigma.extract %v[1] : vector<4xf32> -> f32
  %z = enigma.extract %v[2] : vector<4xf32> -> f32
  %w = enigma.extract %v[3] : vector<4xf32> -> f32
  %b = enigma.make_vector %z, %w, %x, %y : f32, f32, f32, f32 -> vector<4xf32>
  enigma.store %b, %Out[%i] : vector<4xf32>, !enigma.buffer<vector<4xf32>, device>, ui32
  %c = enigma.extract_at %v[%i] : vector<4xf32>
  %d = enigma.splat %c : f32 -> vector<4xf32>
  enigma.store %d, %Out[%i] : vector<4xf32>, !enigma.buffer<vector<4xf32>, device>, ui32
  %e = enigma.extract_at %v[%two] : vector<4xf32>
  %f = enigma.splat %e : f32 -> vector<4xf32>
  enigma.store %f, %Out[%i] : vector<4xf32>, !enigma.buffer<vector<4xf32>, device>, ui32
}

// -----
// CHECK-LABEL: kernel void geometry(
// CHECK: {{^}}    Out[0u] = dot(v, w);
// CHECK-NEXT: {{^}}    Out[0u] = length(cross(v, w));
// CHECK-NEXT: {{^}}    Out[0u] = distance(normalize(v), reflect(v, w));
// CHECK-NEXT: {{^}}    Out[0u] = length_squared(faceforward(v, w, refract(v, w, eta)));
// CHECK-NEXT: {{^}}}
enigma.kernel @geometry(%v: vector<3xf32>, %w: vector<3xf32>, %eta: f32, %Out: !enigma.buffer<f32, device>) writes [3] {
  %o = enigma.constant 0 : ui32
  %a = enigma.dot %v, %w : vector<3xf32>
  enigma.store %a, %Out[%o] : f32, !enigma.buffer<f32, device>, ui32
  %b = enigma.cross %v, %w : vector<3xf32>
  %c = enigma.length %b : vector<3xf32>
  enigma.store %c, %Out[%o] : f32, !enigma.buffer<f32, device>, ui32
  %d = enigma.normalize %v : vector<3xf32>
  %e = enigma.reflect %v, %w : vector<3xf32>
  %f = enigma.distance %d, %e : vector<3xf32>
  enigma.store %f, %Out[%o] : f32, !enigma.buffer<f32, device>, ui32
  %g = enigma.refract %v, %w, %eta : vector<3xf32>
  %h = enigma.faceforward %v, %w, %g : vector<3xf32>
  %k = enigma.length_squared %h : vector<3xf32>
  enigma.store %k, %Out[%o] : f32, !enigma.buffer<f32, device>, ui32
}
