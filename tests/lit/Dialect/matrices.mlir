// RUN: enigma-opt %s | enigma-opt | FileCheck %s

// CHECK-LABEL: enigma.kernel @matrices
// CHECK: %[[A:.*]] = enigma.simdgroup_load %A[%{{.*}}], %{{.*}} : !enigma.buffer<f16, device>, ui32, ui32 -> !enigma.simdgroup_matrix<f16>
// CHECK: %[[B:.*]] = enigma.simdgroup_load %A[%{{.*}}], %{{.*}} transpose : !enigma.buffer<f16, device>
// CHECK: %[[C:.*]] = enigma.make_filled_simdgroup_matrix %{{.*}} : f32 -> !enigma.simdgroup_matrix<f32>
// CHECK: %[[D:.*]] = enigma.simdgroup_multiply_accumulate %[[A]], %[[B]], %[[C]] : !enigma.simdgroup_matrix<f16>, !enigma.simdgroup_matrix<f32>
// CHECK: %[[X:.*]], %[[Y:.*]] = enigma.simdgroup_matrix_elements %[[D]] : !enigma.simdgroup_matrix<f32> -> f32, f32
// CHECK: %[[E:.*]] = enigma.simdgroup_matrix_from_elements %[[X]], %[[Y]] : f32 -> !enigma.simdgroup_matrix<f32>
// CHECK: enigma.simdgroup_store %[[E]], %C[%{{.*}}], %{{.*}} : !enigma.simdgroup_matrix<f32>, !enigma.buffer<f32, device>, ui32, ui32
enigma.kernel @matrices(%A: !enigma.buffer<f16, device>, %C: !enigma.buffer<f32, device>, %i: ui32, %zero: f32) writes [1] {
  %a = enigma.simdgroup_load %A[%i], %i : !enigma.buffer<f16, device>, ui32, ui32 -> !enigma.simdgroup_matrix<f16>
  %b = enigma.simdgroup_load %A[%i], %i transpose : !enigma.buffer<f16, device>, ui32, ui32 -> !enigma.simdgroup_matrix<f16>
  %c = enigma.make_filled_simdgroup_matrix %zero : f32 -> !enigma.simdgroup_matrix<f32>
  %d = enigma.simdgroup_multiply_accumulate %a, %b, %c : !enigma.simdgroup_matrix<f16>, !enigma.simdgroup_matrix<f32>
  %x, %y = enigma.simdgroup_matrix_elements %d : !enigma.simdgroup_matrix<f32> -> f32, f32
  %e = enigma.simdgroup_matrix_from_elements %x, %y : f32 -> !enigma.simdgroup_matrix<f32>
  enigma.simdgroup_store %e, %C[%i], %i : !enigma.simdgroup_matrix<f32>, !enigma.buffer<f32, device>, ui32, ui32
}
