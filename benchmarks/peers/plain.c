// SPDX-License-Identifier: MIT
//
// The workloads in C, as one writes them for speed: the limit that every tool is held against. Each function does
// the part from `begin` to `end` (elements, rows or blocks of rows), so that threads can share the work. Compiled
// with -O3 -march=native -ffast-math and, on Linux, glibc's vector functions.
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { Width = 1024 };

void saxpy(const float *restrict x, const float *restrict y, float *restrict out, long begin, long end) {
  for (long i = begin; i < end; ++i)
    out[i] = 2.5f * x[i] + y[i];
}

void rms_norm(const float *restrict x, const float *restrict w, float *restrict out, long begin, long end) {
  for (long row = begin; row < end; ++row) {
    const float *in = x + row * Width;
    float sum = 0;
    for (int c = 0; c < Width; ++c)
      sum += in[c] * in[c];
    const float scale = 1 / sqrtf(sum / Width + 1e-6f);
    for (int c = 0; c < Width; ++c)
      out[row * Width + c] = in[c] * scale * w[c];
  }
}

void softmax(const float *restrict x, float *restrict out, long begin, long end) {
  for (long row = begin; row < end; ++row) {
    const float *in = x + row * Width;
    float *to = out + row * Width, top = in[0], sum = 0;
    for (int c = 0; c < Width; ++c)
      top = in[c] > top ? in[c] : top;
    for (int c = 0; c < Width; ++c)
      sum += to[c] = expf(in[c] - top);
    for (int c = 0; c < Width; ++c)
      to[c] *= 1 / sum;
  }
}

void scan(const float *restrict x, float *restrict out, long begin, long end) {
  for (long row = begin; row < end; ++row) {
    float sum = 0;
    for (int c = 0; c < Width; ++c)
      out[row * Width + c] = sum += x[row * Width + c];
  }
}

// Side x side cells with a border of one row and four columns; a row of memory has side + 8 numbers.
void heat(const float *restrict x, float *restrict out, long side, long begin, long end) {
  const long pitch = side + 8;
  for (long row = begin; row < end; ++row) {
    const float *in = x + (row + 1) * pitch + 4;
    float *to = out + (row + 1) * pitch + 4;
    for (long c = 0; c < side; ++c)
      to[c] = in[c] + 0.2f * (in[c - pitch] + in[c + pitch] + in[c - 1] + in[c + 1] - 4 * in[c]);
  }
}

// In blocks of 32 x 32, row by row of the result; begin and end count rows of blocks.
void transpose(const float *restrict x, float *restrict out, long side, long begin, long end) {
  for (long block = begin; block < end; ++block)
    for (long c = 0; c < side; c += 32) {
      float tile[32][32];
      for (int i = 0; i < 32; ++i)
        for (int j = 0; j < 32; ++j)
          tile[j][i] = x[(c + i) * side + block * 32 + j];
      for (int j = 0; j < 32; ++j)
        memcpy(out + (block * 32 + j) * side + c, tile[j], sizeof tile[j]);
    }
}

// C = A B of n x n, n a multiple of 32: panels of 32 columns of B are packed, and 8 rows of sums stay in registers.
// begin and end count blocks of 8 rows.
typedef float Row __attribute__((vector_size(128)));
void sgemm(const float *restrict a, const float *restrict b, float *restrict out, long n, long begin, long end) {
  static _Thread_local float panel[4096 * 32] __attribute__((aligned(64)));
  for (long column = 0; column < n; column += 32) {
    for (long k = 0; k < n; ++k)
      memcpy(panel + k * 32, b + k * n + column, 128);
    for (long block = begin; block < end; ++block) {
      const float *rows = a + block * 8 * n;
      Row sums[8] = {0};
      for (long k = 0; k < n; ++k) {
        const Row right = *(const Row *)(panel + k * 32);
        for (int r = 0; r < 8; ++r)
          sums[r] += rows[r * n + k] * right;
      }
      for (int r = 0; r < 8; ++r)
        memcpy(out + (block * 8 + r) * n + column, &sums[r], 128);
    }
  }
}

// softmax(Q K^T / 8) V for heads of n x 64, n at most 4096 and a multiple of 32; begin and end count blocks of 8 queries.
void attention(const float *restrict q, const float *restrict key, const float *restrict v, float *restrict out, long n, long begin, long end) {
  enum { D = 64, Most = 4096 };
  static _Thread_local float turned[D * Most] __attribute__((aligned(64))), scores[8][Most] __attribute__((aligned(64)));
  long turnedHead = -1;
  for (long block = begin; block < end; ++block) {
    const long head = block * 8 / n;
    const float *queries = q + block * 8 * D, *values = v + head * n * D;
    if (head != turnedHead)
      for (long k = 0; k < n; ++k)
        for (int d = 0; d < D; ++d)
          turned[d * n + k] = key[(head * n + k) * D + d];
    turnedHead = head;
    for (long k = 0; k < n; k += 32) {
      Row sums[8] = {0};
      for (int d = 0; d < D; ++d) {
        Row right;
        memcpy(&right, turned + d * n + k, sizeof right);
        for (int r = 0; r < 8; ++r)
          sums[r] += queries[r * D + d] * right;
      }
      for (int r = 0; r < 8; ++r)
        memcpy(&scores[r][k], &sums[r], sizeof sums[r]);
    }
    float scale[8];
    for (int r = 0; r < 8; ++r) {
      float top = scores[r][0], sum = 0;
      for (long k = 0; k < n; ++k)
        top = scores[r][k] > top ? scores[r][k] : top;
      for (long k = 0; k < n; ++k)
        sum += scores[r][k] = expf((scores[r][k] - top) * 0.125f);
      scale[r] = 1 / sum;
    }
    for (int c = 0; c < D; c += 32) {
      Row sums[8] = {0};
      for (long k = 0; k < n; ++k) {
        Row right;
        memcpy(&right, values + k * D + c, sizeof right);
        for (int r = 0; r < 8; ++r)
          sums[r] += scores[r][k] * right;
      }
      for (int r = 0; r < 8; ++r) {
        sums[r] *= scale[r];
        memcpy(out + (block * 8 + r) * D + c, &sums[r], sizeof sums[r]);
      }
    }
  }
}

// Multiply-adds from registers alone: what one core can do at most. Returns a number so that all are needed.
float peak(long rounds, float factor, float summand) {
  Row sums[6];
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 32; ++j)
      sums[i][j] = (float)(i + j);
  for (long round = 0; round < rounds; ++round)
    for (int i = 0; i < 6; ++i)
      sums[i] = sums[i] * factor + summand;
  float all = 0;
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 32; ++j)
      all += sums[i][j];
  return all;
}
