// SPDX-License-Identifier: MIT
//
// The workloads as GPU-style kernels for OpenCL: local memory and barriers.
#define WIDTH 1024

kernel void saxpy(global const float *x, global const float *y, global float *out) {
  size_t i = get_global_id(0);
  out[i] = 2.5f * x[i] + y[i];
}

// Sums over 256 threads, in all of them.
float summed(float value, local float *part, size_t t) {
  part[t] = value;
  for (uint step = 128; step; step /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (t < step)
      part[t] += part[t + step];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  return part[0];
}

kernel void rms_norm(global const float *x, global const float *w, global float *out) {
  local float part[256];
  size_t t = get_local_id(0), first = get_group_id(0) * WIDTH;
  float sum = 0;
  for (uint c = t; c < WIDTH; c += 256)
    sum += x[first + c] * x[first + c];
  float scale = rsqrt(summed(sum, part, t) / WIDTH + 1e-6f);
  for (uint c = t; c < WIDTH; c += 256)
    out[first + c] = x[first + c] * scale * w[c];
}

kernel void softmax(global const float *x, global float *out) {
  local float part[256];
  size_t t = get_local_id(0), first = get_group_id(0) * WIDTH;
  float top = -INFINITY;
  for (uint c = t; c < WIDTH; c += 256)
    top = fmax(top, x[first + c]);
  part[t] = top;
  for (uint step = 128; step; step /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (t < step)
      part[t] = fmax(part[t], part[t + step]);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  top = part[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  float e[WIDTH / 256], sum = 0;
  for (uint i = 0; i < WIDTH / 256; ++i)
    sum += e[i] = exp(x[first + t + i * 256] - top);
  float scale = 1 / summed(sum, part, t);
  for (uint i = 0; i < WIDTH / 256; ++i)
    out[first + t + i * 256] = e[i] * scale;
}

kernel void scan(global const float *x, global float *out) {
  local float part[256];
  size_t t = get_local_id(0), first = get_group_id(0) * WIDTH + t * 4;
  float own[4], sum = 0;
  for (uint i = 0; i < 4; ++i)
    own[i] = sum += x[first + i];
  part[t] = sum;
  for (uint step = 1; step < 256; step *= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    float before = t >= step ? part[t - step] : 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    part[t] += before;
  }
  for (uint i = 0; i < 4; ++i)
    out[first + i] = part[t] - sum + own[i];
}

kernel void heat(global const float *x, global float *out, int side) {
  int pitch = side + 8, i = (get_global_id(1) + 1) * pitch + 4 + get_global_id(0);
  out[i] = x[i] + 0.2f * (x[i - pitch] + x[i + pitch] + x[i - 1] + x[i + 1] - 4 * x[i]);
}

kernel void transpose(global const float *x, global float *out, int side) {
  local float tile[16][17];
  int lx = get_local_id(0), ly = get_local_id(1), bx = get_group_id(0) * 16, by = get_group_id(1) * 16;
  tile[ly][lx] = x[(by + ly) * side + bx + lx];
  barrier(CLK_LOCAL_MEM_FENCE);
  out[(bx + ly) * side + by + lx] = tile[lx][ly];
}

kernel void sgemm(global const float *a, global const float *b, global float *out, int n) {
  local float left[16][16], right[16][16];
  int lx = get_local_id(0), ly = get_local_id(1), row = get_global_id(1), column = get_global_id(0);
  float sum = 0;
  for (int k = 0; k < n; k += 16) {
    left[ly][lx] = a[row * n + k + lx];
    right[ly][lx] = b[(k + ly) * n + column];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < 16; ++i)
      sum += left[ly][i] * right[i][lx];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  out[row * n + column] = sum;
}
