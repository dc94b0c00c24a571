// SPDX-License-Identifier: MIT
//
// The loops of host_loops.cpp as one writes them in C, for a compiler that may use this CPU to the full.
#include <stdint.h>

void plainRowSum(const float *a, int n, float *out, int rows) {
  for (int row = 0; row < rows; ++row) {
    float sum = 0;
    for (int k = 0; k < n; ++k)
      sum += a[(int64_t)row * n + k];
    out[row] = sum;
  }
}

void plainColumnSum(const float *restrict a, int n, float *restrict out, int columns) {
  for (int c = 0; c < columns; ++c)
    out[c] = 0;
  for (int k = 0; k < n; ++k)
    for (int c = 0; c < columns; ++c)
      out[c] += a[(int64_t)k * columns + c];
}

// In blocks that fit registers, so that the outer loop is the vectorised one.
void plainStencil(const float *restrict a, const float *restrict weights, int width, float *restrict out, int n) {
  enum { Block = 64 };
  int i = 0;
  for (; i + Block <= n; i += Block) {
    float sums[Block] = {0};
    for (int k = 0; k < width; ++k)
      for (int j = 0; j < Block; ++j)
        sums[j] += a[i + k + j] * weights[k];
    for (int j = 0; j < Block; ++j)
      out[i + j] = sums[j];
  }
  for (; i < n; ++i) {
    float sum = 0;
    for (int k = 0; k < width; ++k)
      sum += a[i + k] * weights[k];
    out[i] = sum;
  }
}

void plainCollatz(int32_t *steps, int n) {
  for (int i = 0; i < n; ++i) {
    int32_t count = 0;
    for (uint32_t x = (uint32_t)i + 1; x != 1; ++count)
      x = x & 1 ? 3 * x + 1 : x >> 1;
    steps[i] = count;
  }
}
