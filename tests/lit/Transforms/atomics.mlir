// RUN: enigma-opt %s --canonicalize --cse | FileCheck %s

// An atomic access is an effect: it stays though nobody uses its result, and two that are equal are two.
// CHECK-LABEL: enigma.kernel @atomics
// CHECK-COUNT-2: enigma.atomic_load %A[%{{.*}}] : !enigma.buffer<ui32, device>, ui32
// CHECK-COUNT-2: enigma.atomic_fetch_add %A[%{{.*}}], %{{.*}} : !enigma.buffer<ui32, device>, ui32
// CHECK: %{{.*}}, %[[DONE:.*]] = enigma.atomic_compare_exchange_weak
enigma.kernel @atomics(%A: !enigma.buffer<ui32, device>, %x: ui32) writes [0] {
  %i = enigma.thread_position_in_grid x
  %a = enigma.atomic_load %A[%i] : !enigma.buffer<ui32, device>, ui32
  %b = enigma.atomic_load %A[%i] : !enigma.buffer<ui32, device>, ui32
  %c = enigma.atomic_fetch_add %A[%i], %x : !enigma.buffer<ui32, device>, ui32
  %d = enigma.atomic_fetch_add %A[%i], %x : !enigma.buffer<ui32, device>, ui32
  %old, %done = enigma.atomic_compare_exchange_weak %A[%i], %a, %b : !enigma.buffer<ui32, device>, ui32
}
