// RUN: enigma-translate --enigma-to-msl -split-input-file %s | FileCheck %s --strict-whitespace --implicit-check-not=error

// An operation among lanes is not evaluated where some lanes are left out: ?:, && and a guarded store.
// CHECK-LABEL: kernel void lazy(
// CHECK:      {{^}}    float v0 = simd_sum(A[i]) * 2.0f;
// CHECK-NEXT: {{^}}    A[i] = c != 0 ? v0 : 1.0f;
// CHECK-NEXT: {{^}}    bool v1 = simd_any(c == 1);
// CHECK-NEXT: {{^}}    float v2 = float(uint(simd_vote::vote_t(simd_active_threads_mask())));
// CHECK-NEXT: {{^}}    if (c == 2 && v1) {
// CHECK-NEXT: {{^}}        A[i] = v2;
enigma.kernel @lazy(%A: !enigma.buffer<f32, device>, %c: i32) writes [0] {
  %i = enigma.thread_position_in_grid x loc("i")
  %zero = enigma.constant 0 : i32
  %one = enigma.constant 1 : i32
  %two = enigma.constant 2 : i32
  %f1 = enigma.constant 1.0 : f32
  %f2 = enigma.constant 2.0 : f32
  %a = enigma.load %A[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %s = enigma.simd_sum %a : f32
  %d = enigma.mul %s, %f2 : f32
  %n = enigma.cmp_ne %c, %zero : i32
  %r = enigma.select %n, %d, %f1 : i1, f32
  enigma.store %r, %A[%i] : f32, !enigma.buffer<f32, device>, ui32
  %e1 = enigma.cmp_eq %c, %one : i32
  %any = enigma.simd_any %e1
  %e2 = enigma.cmp_eq %c, %two : i32
  %both = enigma.and %e2, %any : i1
  %m = enigma.simd_active_threads_mask
  %f = enigma.cast %m : ui32 to f32
  enigma.store_if %f, %A[%i] if %both : f32, !enigma.buffer<f32, device>, ui32
}

// -----

// Signed sums are taken unsigned, numbers of lanes are plain, 64 bits go through the prelude.
// CHECK: inline T enigma_simd_shuffle(T x, ushort lane) {
// CHECK-LABEL: kernel void forms(
// CHECK:      {{^}}    I[0u] = int(simd_sum(uint(I[1u])));
// CHECK-NEXT: {{^}}    I[2u] = simd_shuffle_xor(I[3u], 16);
// CHECK-NEXT: {{^}}    L[0u] = enigma_simd_shuffle(L[1u], 5);
// CHECK-NEXT: {{^}}    I[4u] = simd_shuffle_and_fill_up(I[5u], I[6u], 1, 8);
enigma.kernel @forms(%I: !enigma.buffer<i32, device>, %L: !enigma.buffer<i64, device>) writes [0, 1] {
  %0 = enigma.constant 0 : ui32
  %1 = enigma.constant 1 : ui32
  %2 = enigma.constant 2 : ui32
  %3 = enigma.constant 3 : ui32
  %4 = enigma.constant 4 : ui32
  %5 = enigma.constant 5 : ui32
  %6 = enigma.constant 6 : ui32
  %lane = enigma.constant 5 : ui16
  %one = enigma.constant 1 : ui16
  %eight = enigma.constant 8 : ui16
  %half = enigma.constant 16 : ui16
  %a = enigma.load %I[%1] : !enigma.buffer<i32, device>, ui32 -> i32
  %b = enigma.simd_sum %a : i32
  enigma.store %b, %I[%0] : i32, !enigma.buffer<i32, device>, ui32
  %c = enigma.load %I[%3] : !enigma.buffer<i32, device>, ui32 -> i32
  %d = enigma.simd_shuffle_xor %c, %half : i32
  enigma.store %d, %I[%2] : i32, !enigma.buffer<i32, device>, ui32
  %e = enigma.load %L[%1] : !enigma.buffer<i64, device>, ui32 -> i64
  %f = enigma.simd_shuffle %e, %lane : i64
  enigma.store %f, %L[%0] : i64, !enigma.buffer<i64, device>, ui32
  %g = enigma.load %I[%5] : !enigma.buffer<i32, device>, ui32 -> i32
  %h = enigma.load %I[%6] : !enigma.buffer<i32, device>, ui32 -> i32
  %k = enigma.simd_shuffle_and_fill_up %g, %h, %one, %eight : i32
  enigma.store %k, %I[%4] : i32, !enigma.buffer<i32, device>, ui32
}
