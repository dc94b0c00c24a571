// SPDX-License-Identifier: MIT
//
// See LaunchChecks.h.
#include "LaunchChecks.h"

#include <algorithm>
#include <string>

namespace enigma::runtime {
namespace {

using hostabi::KernelDescriptor;
using hostabi::LaunchContext;
using hostabi::ParamDescriptor;

[[noreturn]] void refuse(const KernelDescriptor &kernel, std::string why,
                         std::vector<std::string> notes = {}) {
  throw Error(ErrorKind::Launch, kernel.name + ": " + std::move(why), {}, std::move(notes));
}

std::string show(Size3 size) {
  return "(" + std::to_string(size.x) + ", " + std::to_string(size.y) + ", " + std::to_string(size.z) + ")";
}

void checkRange(const KernelDescriptor &kernel, const char *what, Size3 size) {
  constexpr int64_t most = UINT32_MAX;
  if (size.x < 1 || size.y < 1 || size.z < 1)
    refuse(kernel, std::string(what) + " must be at least 1 in each dimension, got " + show(size));
  if (size.x > most || size.y > most || size.z > most)
    refuse(kernel, std::string(what) + " must be at most 4294967295 in each dimension, got " + show(size));
}

std::string describe(const ParamDescriptor &param) {
  return std::string(param.isScalar ? "scalar parameter " : "parameter ") + param.name;
}

/// Threadgroups whole and at the ends of the grid.
void checkSimdgroups(const KernelDescriptor &kernel, const uint64_t grid[3], const uint64_t threads[3]) {
  for (unsigned last = 0; last < 8; ++last) {
    uint64_t size = 1;
    for (unsigned d = 0; d < 3; ++d) {
      const bool atEnd = last >> d & 1;
      const uint64_t rest = grid[d] % threads[d];
      size *= atEnd && rest ? rest : std::min(grid[d], threads[d]);
    }
    if (size % hostabi::kLanes)
      refuse(kernel,
             "simdgroup matrices need all 32 lanes of every simdgroup, but a threadgroup has " +
                 std::to_string(size) + " threads",
             {"make threads a multiple of 32, and grid a multiple of threads"});
  }
}

} // namespace

void setSizes(const KernelDescriptor &kernel, const Capabilities &device, Size3 grid, Size3 threads,
              LaunchContext &launch) {
  checkRange(kernel, "grid", grid);
  checkRange(kernel, "threads", threads);
  const uint64_t g[3] = {uint64_t(grid.x), uint64_t(grid.y), uint64_t(grid.z)};
  const uint64_t t[3] = {uint64_t(threads.x), uint64_t(threads.y), uint64_t(threads.z)};

  uint64_t total = 0, perGroup = 0;
  if (__builtin_mul_overflow(g[0] * g[1], g[2], &total))
    refuse(kernel, "grid " + show(grid) + " has more than 18446744073709551615 threads");
  const uint32_t limit = std::min(device.maxThreadsPerThreadgroup, kernel.maxThreadsPerThreadgroup);
  if (__builtin_mul_overflow(t[0] * t[1], t[2], &perGroup) || perGroup > limit)
    refuse(kernel,
           "threads " + show(threads) + " make a threadgroup of more than the " + std::to_string(limit) +
               " threads that the device allows",
           {"threads is the size of one threadgroup; grid is the number of threads in all"});

  if (kernel.needsFullSimdgroups)
    checkSimdgroups(kernel, g, t);
  for (int d = 0; d < 3; ++d) {
    launch.grid[d] = uint32_t(g[d]);
    launch.threads[d] = uint32_t(t[d]);
    launch.groups[d] = uint32_t((g[d] + t[d] - 1) / t[d]);
  }
  launch.blocksPerRow = uint32_t((g[0] + hostabi::kLanes - 1) / hostabi::kLanes);
}

void bindArguments(const KernelDescriptor &kernel, const Capabilities &, std::span<const Argument> args,
                   hostabi::BufferArg *bound) {
  if (args.size() != kernel.params.size())
    refuse(kernel, "takes " + std::to_string(kernel.params.size()) + " arguments, got " +
                       std::to_string(args.size()));
  for (size_t i = 0; i < args.size(); ++i) {
    const ParamDescriptor &param = kernel.params[i];
    const Argument &arg = args[i];
    const uint32_t size = param.bytes(), alignment = hostabi::elementSize(param.element);
    const std::string type = param.type();
    if (!arg.isScalar() && !arg.data() && arg.bytes())
      refuse(kernel, describe(param) + " is bound to no memory");
    if (arg.bytes() % size)
      refuse(kernel, describe(param) + " needs a multiple of " + std::to_string(size) + " bytes (" + type +
                         "), got " + std::to_string(arg.bytes()));
    if (param.isScalar && arg.bytes() != size)
      refuse(kernel, describe(param) + " needs one " + type + " (" + std::to_string(size) + " bytes), got " +
                         std::to_string(arg.bytes()) + " bytes");
    if (!param.isScalar && arg.isScalar())
      refuse(kernel, describe(param) + " needs a buffer of " + type + ", got a scalar");
    if (reinterpret_cast<uintptr_t>(arg.data()) % alignment)
      refuse(kernel, describe(param) + " needs memory aligned to " + std::to_string(alignment) + " bytes (" +
                         hostabi::elementName(param.element) + ")");
    if (param.isWritten && !arg.isWritable())
      refuse(kernel, describe(param) + " is written by the kernel, got read-only memory");
    bound[i] = {arg.data(), arg.bytes() / size};
  }
}

void checkKernel(const KernelDescriptor &kernel, const Capabilities &device) {
  if (kernel.params.size() > device.maxBuffers)
    refuse(kernel, "has " + std::to_string(kernel.params.size()) + " parameters, the device allows " +
                       std::to_string(device.maxBuffers));
  if (kernel.threadgroupBytes > device.maxThreadgroupMemory)
    refuse(kernel, "uses " + std::to_string(kernel.threadgroupBytes) +
                       " bytes of threadgroup memory, the device has " +
                       std::to_string(device.maxThreadgroupMemory));
}

void Device::startCapture(const std::string &) {
  throw Error(ErrorKind::Unsupported, "capture: " + capabilities().name + " has no GPU trace", {},
              {"a .gputrace is made by enigma.MetalRuntime(), on macOS"});
}
void Device::stopCapture() {}

} // namespace enigma::runtime
