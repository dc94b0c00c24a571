// SPDX-License-Identifier: MIT
//
// What is refused before a launch, the same on every device: sizes of the grid and the threadgroup, and
// arguments that do not fit their parameters. The messages name the kernel, what was given and what is
// needed:
//
//   saxpy: threads must be at least 1 in each dimension, got (0, 1, 1)
#pragma once

#include "enigma/Runtime/Device.h"

#include <span>

namespace enigma::runtime {

/// Checks and fills grid, threads, groups and blocksPerRow of `launch`.
void setSizes(const hostabi::KernelDescriptor &kernel, const Capabilities &device, Size3 grid, Size3 threads,
              hostabi::LaunchContext &launch);

/// Checks the arguments against the parameters and writes one entry per parameter to `bound`.
void bindArguments(const hostabi::KernelDescriptor &kernel, const Capabilities &device,
                   std::span<const Argument> args, hostabi::BufferArg *bound);

/// Checks what a pipeline is made of: number of parameters, threadgroup memory.
void checkKernel(const hostabi::KernelDescriptor &kernel, const Capabilities &device);

} // namespace enigma::runtime
