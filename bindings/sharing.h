// SPDX-License-Identifier: MIT
// Device arrays on memory that another library owns.
#pragma once

#include "arguments.h"
#include "runtime.h"

namespace enigma::bindings {

/// Makes a device array of a DLPack producer's memory, which stays its own and alive.
void shareArray(DeviceArray *self, const Runtime &rt, nb::handle object);

} // namespace enigma::bindings
