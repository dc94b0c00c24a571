// SPDX-License-Identifier: MIT
//
// The GPU's own code of one kernel, kept for the next process in an MTLBinaryArchive: what Metal makes of the
// text, it makes once for each GPU and build of the system. The archive is an entry of the code store, which
// checks it before Metal sees it; for Metal it is a file for as long as the call lasts.
//
//   auto state = archivedState(device, function, name, key, *store);
//
// An archive saves time and nothing else: whatever fails about it is passed over, and the pipeline is made
// without. What fails about the pipeline is an error.
#pragma once

#include "Objects.h"
#include "enigma/Runtime/CodeStore.h"

namespace enigma::runtime::metal {

/// A pipeline state, from the archive in `store` where there is one, else compiled and put there. `key` says
/// everything about the kernel; the GPU and the system are added to it. Null, with Metal's reason in `error`,
/// where there is no pipeline.
Owned<MTL::ComputePipelineState> archivedState(MTL::Device &device, MTL::Function &function,
                                               const std::string &key, CodeStore &store, NS::Error **error);

} // namespace enigma::runtime::metal
