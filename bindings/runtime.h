// SPDX-License-Identifier: MIT
//
// Devices as Python sees them: launches, prepared launches and arrays in device memory. The argument path is
// here, in C++, because a small launch costs less than a microsecond; enigma/runtime.py adds what is about
// NumPy and nothing else.
#pragma once

#include "enigma/Runtime/Device.h"
#include "errors.h"

namespace enigma::bindings {

/// A device that runs compiled kernels, as Python holds it.
struct Runtime {
  std::shared_ptr<runtime::Device> device;
  bool check;
  bool isMetal = false;
};

void bindRuntime(nb::module_ &module);

} // namespace enigma::bindings
