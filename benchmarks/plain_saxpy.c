// SPDX-License-Identifier: MIT
// The C loop that host_saxpy.cpp measures Enigma against, compiled for this machine.
#include <stddef.h>

void plainSaxpy(const float *x, float alpha, const float *y, float *out, size_t n) {
  for (size_t i = 0; i < n; ++i)
    out[i] = alpha * x[i] + y[i];
}
