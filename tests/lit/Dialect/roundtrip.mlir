// RUN: enigma-opt %s | enigma-opt | FileCheck %s
// CHECK-LABEL: enigma.kernel @saxpy(%X: !enigma.buffer<f32, device>, %alpha: f32, %Out: !enigma.buffer<f32, device>) writes [2] {
// CHECK: %[[I:.*]] = enigma.thread_position_in_grid x
// CHECK: %[[V:.*]] = enigma.load %X[%[[I]]] : !enigma.buffer<f32, device>, ui32 -> f32
// CHECK: enigma.fma %alpha, %[[V]], %[[V]] : f32
// CHECK: enigma.store %{{.*}}, %Out[%[[I]]] : f32, !enigma.buffer<f32, device>, ui32
enigma.kernel @saxpy(%X: !enigma.buffer<f32, device>, %alpha: f32, %Out: !enigma.buffer<f32, device>) writes [2] {
  %i = enigma.thread_position_in_grid x
  %v = enigma.load %X[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %r = enigma.fma %alpha, %v, %v : f32
  enigma.store %r, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
}

// CHECK-LABEL: enigma.kernel @wide(%A: !enigma.buffer<bf16, device>) writes [0] attributes {vec_width = 4 : i32}
// CHECK: enigma.constant dense<{{.*}}> : vector<4xbf16>
// CHECK: enigma.sin %{{.*}} {mode = 1 : i32} : f32
// CHECK: enigma.load_if %A[%{{.*}}] if %{{.*}} else %{{.*}} : !enigma.buffer<bf16, device>, i32 -> bf16
enigma.kernel @wide(%A: !enigma.buffer<bf16, device>) writes [0] attributes {vec_width = 4 : i32} {
  %c = enigma.constant dense<1.5> : vector<4xbf16>
  %x = enigma.constant 2.0 : f32
  %s = enigma.sin %x {mode = 1 : i32} : f32
  %i = enigma.constant 3 : i32
  %m = enigma.cmp_lt %x, %s : f32
  %f = enigma.constant 0.0 : bf16
  %l = enigma.load_if %A[%i] if %m else %f : !enigma.buffer<bf16, device>, i32 -> bf16
  enigma.store %c, %A[%i] : vector<4xbf16>, !enigma.buffer<bf16, device>, i32
}
