// RUN: enigma-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(enigma.kernel(enigma-vec-width{width=4}))'

enigma.kernel @k(%A: !enigma.buffer<ui32, device>) writes [0] {
  // expected-error @+1 {{vec_width: the kernel asks for thread_position_in_threadgroup, which cannot be told for 4 positions of one thread}}
  %t = enigma.thread_position_in_threadgroup x
  enigma.store %t, %A[%t] : ui32, !enigma.buffer<ui32, device>, ui32
}

// -----
enigma.kernel @in_a_loop(%A: !enigma.buffer<ui32, device>, %n: ui32) writes [0] {
  %zero = enigma.constant 0 : ui32
  %one = enigma.constant 1 : ui32
  enigma.for %zero, %n, %one : ui32 {
  ^bb0(%j: ui32):
    // expected-error @+1 {{vec_width: the kernel has a barrier, at which one thread would stand for 4}}
    enigma.threadgroup_barrier 2
    enigma.store %j, %A[%j] : ui32, !enigma.buffer<ui32, device>, ui32
    enigma.yield
  }
}
