// RUN: enigma-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(enigma.kernel(enigma-vec-width{width=4}))'

enigma.kernel @k(%A: !enigma.buffer<ui32, device>) writes [0] {
  // expected-error @+1 {{vec_width: the kernel asks for thread_position_in_threadgroup, which cannot be told for 4 positions of one thread}}
  %t = enigma.thread_position_in_threadgroup x
  enigma.store %t, %A[%t] : ui32, !enigma.buffer<ui32, device>, ui32
}
