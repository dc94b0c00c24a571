// SPDX-License-Identifier: MIT
//
// `with rt.batch():` as Python sees it: which threads have a batch open, and what they may not do meanwhile.
#pragma once

#include "errors.h"
#include "runtime.h"

namespace enigma::bindings {

/// Whether this thread has a batch open on a device. Under the GIL.
bool isInBatch(const runtime::Device &device);

void bindBatch(nb::module_ &module);

} // namespace enigma::bindings
