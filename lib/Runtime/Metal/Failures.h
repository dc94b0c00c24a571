// SPDX-License-Identifier: MIT
//
// What Metal reports, as errors of this library: the compiler's text with the numbered source, and why the
// GPU gave up on a launch.
#pragma once

#include "Objects.h"
#include "enigma/Support/Error.h"

#include <string>
#include <string_view>

namespace enigma::runtime::metal {

/// "saxpy: Metal's compiler refused the source:", its text, and the source with line numbers.
Error compileError(std::string_view kernel, const NS::Error *error, std::string_view source);

/// `what` failed for a kernel, with Metal's reason where it gives one.
Error pipelineError(std::string_view kernel, std::string_view what, const NS::Error *error);

/// Why the GPU did not complete a command buffer. `launches` names its kernels.
Error launchError(std::string_view launches, const NS::Error *error);

} // namespace enigma::runtime::metal
