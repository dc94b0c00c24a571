// RUN: enigma-opt %s --pass-pipeline='builtin.module(enigma.kernel(enigma-hoist))' | FileCheck %s

// Index arithmetic without the position leaves the loop, out of two loops too; what depends on it stays, and so does
// arithmetic that is not for an address.
// CHECK-LABEL: @rows
// CHECK: %[[ROW:.*]] = enigma.mul %row
// CHECK: enigma.for
// CHECK: enigma.for
// CHECK: %[[AT:.*]] = enigma.add %[[ROW]], %{{.*}} : ui32
// CHECK: enigma.load %A[%[[AT]]]
// CHECK: enigma.mul %row, %row
enigma.kernel @rows(%A: !enigma.buffer<ui32, device>, %row: ui32, %n: ui32) writes [0] {
  %zero = enigma.constant 0 : ui32
  %one = enigma.constant 1 : ui32
  enigma.for %zero, %n, %one : ui32 {
  ^bb0(%k: ui32):
    enigma.for %zero, %n, %one : ui32 {
    ^bb1(%t: ui32):
      %width = enigma.constant 512 : ui32
      %start = enigma.mul %row, %width : ui32
      %at = enigma.add %start, %t : ui32
      %x = enigma.load %A[%at] : !enigma.buffer<ui32, device>, ui32 -> ui32
      %y = enigma.mul %row, %row : ui32
      %sum = enigma.add %x, %y : ui32
      enigma.store %sum, %A[%at] : ui32, !enigma.buffer<ui32, device>, ui32
      enigma.yield
    }
    enigma.yield
  }
}
