// RUN: enigma-opt %s -canonicalize | FileCheck %s

// Swizzles of swizzles are one, and one that changes nothing is none.
// CHECK-LABEL: enigma.kernel @swizzles
// CHECK: %[[S:.*]] = enigma.swizzle %v [2, 0] : vector<3xf32> -> vector<2xf32>
// CHECK-NEXT: enigma.store %[[S]], %A
// CHECK-NEXT: enigma.store %v, %B
enigma.kernel @swizzles(%v: vector<3xf32>, %A: !enigma.buffer<vector<2xf32>, device>, %B: !enigma.buffer<vector<3xf32>, device>) writes [1, 2] {
  %o = enigma.constant 0 : ui32
  %a = enigma.swizzle %v [1, 2, 0] : vector<3xf32> -> vector<3xf32>
  %b = enigma.swizzle %a [1, 2] : vector<3xf32> -> vector<2xf32>
  enigma.store %b, %A[%o] : vector<2xf32>, !enigma.buffer<vector<2xf32>, device>, ui32
  %c = enigma.swizzle %v [0, 1, 2] : vector<3xf32> -> vector<3xf32>
  enigma.store %c, %B[%o] : vector<3xf32>, !enigma.buffer<vector<3xf32>, device>, ui32
}

// A component of a vector whose components are known is that component; one of a splat is the number.
// CHECK-LABEL: enigma.kernel @components
// CHECK: enigma.store %y, %A
// CHECK: enigma.store %x, %A
enigma.kernel @components(%x: f32, %y: f32, %n: ui32, %A: !enigma.buffer<f32, device>) writes [3] {
  %o = enigma.constant 0 : ui32
  %v = enigma.make_vector %x, %y : f32, f32 -> vector<2xf32>
  %a = enigma.extract %v[1] : vector<2xf32> -> f32
  enigma.store %a, %A[%o] : f32, !enigma.buffer<f32, device>, ui32
  %s = enigma.splat %x : f32 -> vector<4xf32>
  %b = enigma.extract_at %s[%n] : vector<4xf32>
  enigma.store %b, %A[%o] : f32, !enigma.buffer<f32, device>, ui32
}
