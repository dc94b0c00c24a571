// SPDX-License-Identifier: MIT
//
// Lists every swizzle of a vector of 2, 3 and 4 components: MSL_SWIZZLES_3 expands to MSL_PROP1(x, r, 0),
// MSL_PROP2(xy, rg, 0, 1), ..., MSL_PROP4(zzzz, bbbb, 2, 2, 2, 2). A macro does not expand inside itself, so
// each nesting depth (A to D) has its own loop over the components.
#pragma once

#define MSL_A2(M) M(x, r, 0) M(y, g, 1)
#define MSL_B2(M, ...) M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1)
#define MSL_C2(M, ...) M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1)
#define MSL_D2(M, ...) M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1)
#define MSL_2A2(...) MSL_B2(MSL_2, __VA_ARGS__)
#define MSL_3A2(...) MSL_B2(MSL_3B2, __VA_ARGS__)
#define MSL_3B2(...) MSL_C2(MSL_3, __VA_ARGS__)
#define MSL_4A2(...) MSL_B2(MSL_4B2, __VA_ARGS__)
#define MSL_4B2(...) MSL_C2(MSL_4C2, __VA_ARGS__)
#define MSL_4C2(...) MSL_D2(MSL_4, __VA_ARGS__)
#define MSL_SWIZZLES_2 MSL_A2(MSL_PROP1) MSL_A2(MSL_2A2) MSL_A2(MSL_3A2) MSL_A2(MSL_4A2)

#define MSL_A3(M) M(x, r, 0) M(y, g, 1) M(z, b, 2)
#define MSL_B3(M, ...) M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1) M(__VA_ARGS__, z, b, 2)
#define MSL_C3(M, ...) M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1) M(__VA_ARGS__, z, b, 2)
#define MSL_D3(M, ...) M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1) M(__VA_ARGS__, z, b, 2)
#define MSL_2A3(...) MSL_B3(MSL_2, __VA_ARGS__)
#define MSL_3A3(...) MSL_B3(MSL_3B3, __VA_ARGS__)
#define MSL_3B3(...) MSL_C3(MSL_3, __VA_ARGS__)
#define MSL_4A3(...) MSL_B3(MSL_4B3, __VA_ARGS__)
#define MSL_4B3(...) MSL_C3(MSL_4C3, __VA_ARGS__)
#define MSL_4C3(...) MSL_D3(MSL_4, __VA_ARGS__)
#define MSL_SWIZZLES_3 MSL_A3(MSL_PROP1) MSL_A3(MSL_2A3) MSL_A3(MSL_3A3) MSL_A3(MSL_4A3)

#define MSL_A4(M) M(x, r, 0) M(y, g, 1) M(z, b, 2) M(w, a, 3)
#define MSL_B4(M, ...)                                                                                       \
  M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1) M(__VA_ARGS__, z, b, 2) M(__VA_ARGS__, w, a, 3)
#define MSL_C4(M, ...)                                                                                       \
  M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1) M(__VA_ARGS__, z, b, 2) M(__VA_ARGS__, w, a, 3)
#define MSL_D4(M, ...)                                                                                       \
  M(__VA_ARGS__, x, r, 0) M(__VA_ARGS__, y, g, 1) M(__VA_ARGS__, z, b, 2) M(__VA_ARGS__, w, a, 3)
#define MSL_2A4(...) MSL_B4(MSL_2, __VA_ARGS__)
#define MSL_3A4(...) MSL_B4(MSL_3B4, __VA_ARGS__)
#define MSL_3B4(...) MSL_C4(MSL_3, __VA_ARGS__)
#define MSL_4A4(...) MSL_B4(MSL_4B4, __VA_ARGS__)
#define MSL_4B4(...) MSL_C4(MSL_4C4, __VA_ARGS__)
#define MSL_4C4(...) MSL_D4(MSL_4, __VA_ARGS__)
#define MSL_SWIZZLES_4 MSL_A4(MSL_PROP1) MSL_A4(MSL_2A4) MSL_A4(MSL_3A4) MSL_A4(MSL_4A4)

#define MSL_2(a, A, i, b, B, j) MSL_PROP2(a##b, A##B, i, j)
#define MSL_3(a, A, i, b, B, j, c, C, k) MSL_PROP3(a##b##c, A##B##C, i, j, k)
#define MSL_4(a, A, i, b, B, j, c, C, k, d, D, l) MSL_PROP4(a##b##c##d, A##B##C##D, i, j, k, l)
