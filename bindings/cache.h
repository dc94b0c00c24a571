// SPDX-License-Identifier: MIT
// The caches of compiled kernels, for enigma/cache.py.
#pragma once

#include "errors.h"

namespace enigma::bindings {

void bindCache(nb::module_ &module);

} // namespace enigma::bindings
