// SPDX-License-Identifier: MIT
//
// What every device must do, run on each of them: ConformanceTest.cpp is linked once per device, with the
// function below. Its kernels exist twice, by hand for the CPU and in Metal.
#pragma once

#include "HandWritten.h"

namespace enigma::runtime::testing {

/// The device under test.
std::shared_ptr<Device> conformanceDevice();

/// out[i] = out[i] * 3 + value: order matters.
inline void timesThreePlus(const LaunchContext *launch, uint64_t begin, uint64_t end) {
  auto *out = static_cast<uint32_t *>(launch->args[0].data);
  const uint32_t value = *static_cast<const uint32_t *>(launch->args[1].data);
  forEachThread(launch, begin, end, [&](uint32_t x, uint32_t, uint32_t) { out[x] = out[x] * 3 + value; });
}

inline PipelineSource saxpySource() {
  return {.kernel = saxpyKernel(), .metalSource = R"(#include <metal_stdlib>
using namespace metal;
kernel void saxpy(const device float *X [[buffer(0)]], constant float &alpha [[buffer(1)]],
                  device float *Out [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  Out[i] = alpha * X[i] + Out[i];
}
)"};
}

inline PipelineSource countSource() {
  return {.kernel = countKernel(), .metalSource = R"(#include <metal_stdlib>
using namespace metal;
kernel void count_visits(device uint *Out [[buffer(0)]], uint3 p [[thread_position_in_grid]],
                         uint3 n [[threads_per_grid]]) {
  Out[(p.z * n.y + p.y) * n.x + p.x] += 1u;
}
)"};
}

inline PipelineSource chainSource() {
  KernelDescriptor kernel;
  kernel.name = "chain";
  kernel.params = {ParamDescriptor{.name = "Out", .element = ElementKind::U32, .isWritten = true},
                   ParamDescriptor{.name = "value", .element = ElementKind::U32, .isScalar = true}};
  kernel.entry = timesThreePlus;
  return {.kernel = kernel, .metalSource = R"(#include <metal_stdlib>
using namespace metal;
kernel void chain(device uint *Out [[buffer(0)]], constant uint &value [[buffer(1)]],
                  uint i [[thread_position_in_grid]]) {
  Out[i] = Out[i] * 3u + value;
}
)"};
}

/// B[i] = 5, then C[i] = A[i]: shows whether A and B are one memory.
inline void writeThenRead(const LaunchContext *launch, uint64_t begin, uint64_t end) {
  const auto *a = static_cast<const volatile uint32_t *>(launch->args[0].data);
  auto *b = static_cast<volatile uint32_t *>(launch->args[1].data);
  auto *c = static_cast<volatile uint32_t *>(launch->args[2].data);
  forEachThread(launch, begin, end, [&](uint32_t x, uint32_t, uint32_t) {
    b[x] = 5;
    c[x] = a[x];
  });
}

inline PipelineSource aliasSource() {
  KernelDescriptor kernel;
  kernel.name = "alias";
  kernel.params = {ParamDescriptor{.name = "A", .element = ElementKind::U32},
                   ParamDescriptor{.name = "B", .element = ElementKind::U32, .isWritten = true},
                   ParamDescriptor{.name = "C", .element = ElementKind::U32, .isWritten = true}};
  kernel.entry = writeThenRead;
  return {.kernel = kernel, .metalSource = R"(#include <metal_stdlib>
using namespace metal;
kernel void alias(const device uint *A [[buffer(0)]], device uint *B [[buffer(1)]], device uint *C [[buffer(2)]],
                  uint i [[thread_position_in_grid]]) {
  B[i] = 5u;
  C[i] = A[i];
}
)"};
}

} // namespace enigma::runtime::testing
