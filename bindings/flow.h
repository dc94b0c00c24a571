// SPDX-License-Identifier: MIT
//
// Regions of the trace, for enigma/flow.py: what a loop or branch of the user's kernel becomes is decided there, and built here.
#pragma once

#include "errors.h"

namespace enigma::bindings {

void bindFlow(nb::module_ &module);

} // namespace enigma::bindings
