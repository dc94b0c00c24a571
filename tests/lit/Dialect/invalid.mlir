// RUN: enigma-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{a buffer holds scalars or vectors of numbers, got 'vector<4xi1>'}}
enigma.kernel @k(%A: !enigma.buffer<vector<4xi1>, device>) writes [0] {
}

// -----
// expected-error @+1 {{parameter 0 must be a buffer, a scalar or a vector, got 'index'}}
enigma.kernel @k(%A: index) writes [] {
}

// -----
// expected-error @+1 {{writes parameter 1, which is no buffer}}
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %n: i32) writes [1] {
}

// -----
// expected-error @+1 {{vec_width must be 1, 2 or 4, got 3}}
enigma.kernel @k(%A: !enigma.buffer<f32, device>) writes [0] attributes {vec_width = 3 : i32} {
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %n: i32) writes [0] {
  // expected-error @+1 {{'enigma.sqrt' op operand #0 must be f16, bf16, f32 or a vector of one, but got 'i32'}}
  %r = enigma.sqrt %n : i32
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %n: i32) writes [0] {
  // expected-error @+1 {{moves 'i32', the buffer holds 'f32'}}
  enigma.store %n, %A[%n] : i32, !enigma.buffer<f32, device>, i32
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %n: i32) writes [0] {
  // expected-error @+1 {{needs types of equal width}}
  %r = enigma.as_type %n : i32 to f16
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %x: f32) writes [0] {
  %v = enigma.splat %x : f32 -> vector<2xf32>
  // expected-error @+1 {{component 2 of 2}}
  %r = enigma.extract %v[2] : vector<2xf32> -> f32
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %x: f32) writes [0] {
  // expected-error @+1 {{needs 3 components of type 'f32'}}
  %v = enigma.make_vector %x, %x : f32, f32 -> vector<3xf32>
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %v: vector<2xf32>) writes [0] {
  // expected-error @+1 {{component 2 of 2}}
  %r = enigma.swizzle %v [0, 2] : vector<2xf32> -> vector<2xf32>
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %v: vector<2xf32>) writes [0] {
  // expected-error @+1 {{gives 3 components of}}
  %r = enigma.swizzle %v [0, 1, 0] : vector<2xf32> -> vector<2xf32>
}
