// RUN: enigma-opt %s -split-input-file -verify-diagnostics

enigma.kernel @k(%A: !enigma.buffer<f32, device>) writes [0] {
  // expected-error @+1 {{makes a buffer in the address space threadgroup}}
  %a = enigma.threadgroup_alloc 64 : <f32, device>
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>) writes [0] {
  // expected-error @+1 {{needs at least one element}}
  %a = enigma.threadgroup_alloc 0 : <f32, threadgroup>
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %n: i32) writes [0] {
  // expected-error @+1 {{fills with 'i32', the buffer holds 'f32'}}
  %a = enigma.register_alloc 4, %n : i32 -> <f32, thread>
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>) writes [0] {
  // expected-error @+1 {{has elements of 'i32', the buffer holds 'f32'}}
  %a = enigma.constant_array dense<[1, 2]> : tensor<2xi32> -> <f32, constant>
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>) writes [0] {
  // expected-error @+1 {{needs a row for each vector, got 'tensor<4xf32>'}}
  %a = enigma.constant_array dense<1.0> : tensor<4xf32> -> <vector<2xf32>, constant>
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>) writes [0] {
  // expected-error @+1 {{needs a row for each vector, got 'tensor<2x3xf32>'}}
  %a = enigma.constant_array dense<1.0> : tensor<2x3xf32> -> <vector<2xf32>, constant>
}

// -----
enigma.kernel @k(%A: !enigma.buffer<f32, device>, %x: f32, %i: i32) writes [0] {
  %a = enigma.constant_array dense<[1.0, 2.0]> : tensor<2xf32> -> <f32, constant>
  // expected-error @+1 {{writes constant memory}}
  enigma.store %x, %a[%i] : f32, !enigma.buffer<f32, constant>, i32
}
