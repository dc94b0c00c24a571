// SPDX-License-Identifier: MIT
//
// Devices as Python sees them: launches, prepared launches and arrays in device memory. The argument path is
// here, in C++, because a small launch costs less than a microsecond; enigma/runtime.py adds what is about
// NumPy and nothing else.
#pragma once

#include "errors.h"

namespace enigma::bindings {

void bindRuntime(nb::module_ &module);

} // namespace enigma::bindings
