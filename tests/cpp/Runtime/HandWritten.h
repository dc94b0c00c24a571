// SPDX-License-Identifier: MIT
//
// Kernels written by hand against HostAbi.h, as Target/Host would generate them, so that the runtime is
// tested without a compiler.
#pragma once

#include "enigma/Runtime/HostDevice.h"

#include <algorithm>
#include <functional>
#include <string>

namespace enigma::runtime::testing {

using hostabi::ElementKind;
using hostabi::KernelDescriptor;
using hostabi::LaunchContext;
using hostabi::ParamDescriptor;
using hostabi::Traversal;

/// Calls `each(x, y, z)` for the grid positions of the flat work units [begin, end).
template <class Each>
void forEachThread(const LaunchContext *launch, uint64_t begin, uint64_t end, Each each) {
  for (uint64_t unit = begin; unit < end; ++unit) {
    const uint64_t row = unit / launch->blocksPerRow;
    const uint32_t first = uint32_t(unit % launch->blocksPerRow) * hostabi::kLanes;
    const uint32_t last = uint32_t(std::min<uint64_t>(launch->grid[0], uint64_t(first) + hostabi::kLanes));
    for (uint32_t x = first; x < last; ++x)
      each(x, uint32_t(row % launch->grid[1]), uint32_t(row / launch->grid[1]));
  }
}

inline uint64_t linear(const LaunchContext *launch, uint32_t x, uint32_t y, uint32_t z) {
  return (uint64_t(z) * launch->grid[1] + y) * launch->grid[0] + x;
}

/// out[i] += 1 over the whole grid.
inline void countVisits(const LaunchContext *launch, uint64_t begin, uint64_t end) {
  auto *out = static_cast<uint32_t *>(launch->args[0].data);
  forEachThread(launch, begin, end,
                [&](uint32_t x, uint32_t y, uint32_t z) { ++out[linear(launch, x, y, z)]; });
}

/// out[i] = a * x[i] + out[i], checked, with x as parameter 0, a as 1 and out as 2.
inline void saxpy(const LaunchContext *launch, uint64_t begin, uint64_t end) {
  const auto *in = static_cast<const float *>(launch->args[0].data);
  const float a = *static_cast<const float *>(launch->args[1].data);
  auto *out = static_cast<float *>(launch->args[2].data);
  forEachThread(launch, begin, end, [&](uint32_t x, uint32_t y, uint32_t z) {
    const uint64_t i = linear(launch, x, y, z);
    if (i >= launch->args[0].count || i >= launch->args[2].count) {
      launch->outOfBounds->report(i, x, y, z, 1, 0, false, true, int64_t(i), launch->args[0].count);
      return;
    }
    out[i] = a * in[i] + out[i];
  });
}

inline KernelDescriptor saxpyKernel() {
  KernelDescriptor kernel;
  kernel.name = "saxpy";
  kernel.params = {ParamDescriptor{.name = "X"}, ParamDescriptor{.name = "alpha", .isScalar = true},
                   ParamDescriptor{.name = "Out", .isWritten = true}};
  kernel.entry = saxpy;
  return kernel;
}

inline KernelDescriptor countKernel() {
  KernelDescriptor kernel;
  kernel.name = "count_visits";
  kernel.params = {ParamDescriptor{.name = "Out", .element = ElementKind::U32, .isWritten = true}};
  kernel.entry = countVisits;
  return kernel;
}

/// Runs `statement` and returns the message of the Error that it throws; "" if it throws none.
inline std::string errorOf(const std::function<void()> &statement, ErrorKind *kind = nullptr) {
  try {
    statement();
  } catch (const Error &error) {
    if (kind)
      *kind = error.kind();
    return std::string(error.message());
  }
  return "";
}

} // namespace enigma::runtime::testing
