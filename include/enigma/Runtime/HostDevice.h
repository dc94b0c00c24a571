// SPDX-License-Identifier: MIT
//
// The device that runs kernels on this machine's CPU cores, with Metal's execution model. There is one per
// process; its threads start with the first launch that is worth sharing and survive nothing: a forked child
// starts its own.
//
//   auto device = enigma::runtime::hostDevice();      // ENIGMA_NUM_THREADS=4 limits it to four cores
#pragma once

#include "enigma/Runtime/Device.h"

namespace enigma::runtime {

/// The process's CPU device. Throws ErrorKind::Device if ENIGMA_NUM_THREADS is not a positive integer.
std::shared_ptr<Device> hostDevice();

} // namespace enigma::runtime
