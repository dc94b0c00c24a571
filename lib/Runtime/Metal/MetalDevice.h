// SPDX-License-Identifier: MIT
//
// The device behind Runtime/MetalDevice.h, for tests that want one that they can destroy.
#pragma once

#include "enigma/Runtime/MetalDevice.h"

namespace enigma::runtime::metal {

/// A device of its own, with a queue and caches of its own.
std::shared_ptr<Device> makeDevice(std::string_view name);

} // namespace enigma::runtime::metal
