// SPDX-License-Identifier: MIT
//
// A Metal for tests on Linux: devices, queues, libraries, pipelines, buffers, command buffers and encoders
// that metal-cpp talks to through ObjectiveC.h. Kernels run through tests/msl, on a thread of each queue, so
// a command buffer is done some time after it was committed. What a program must not do with Metal is noted
// as misuse; what can go wrong is made to go wrong by `controls()`.
//
//   fakemetal::reset();
//   fakemetal::controls().failPipelines = true;
//   ... EXPECT_THROW(device->createPipeline(...)) ...
//   EXPECT_TRUE(objc::takeMisuse().empty());
//
// A metallib is a file with Metal text; a binary archive is a file with the names of its kernels; a capture
// writes an empty document. Not modelled: hazards between command buffers (they run one after the other),
// Metal 4, the calling conventions of arm64.
#pragma once

#include "ObjectiveC.h"

#include <cstdint>
#include <string>
#include <vector>

namespace enigma::fakemetal {

/// What happens from now on. Read under a lock of the fake's own; set it while nothing runs.
struct Controls {
  std::vector<std::string> devices = {"Fake M1"}; ///< the first one is the system's default; may be empty
  int macos = 15;
  uint64_t memory = uint64_t(1) << 30; ///< bytes of all buffers together
  bool refuseNoCopy = false;           ///< of the user's memory
  bool failQueue = false;
  bool failPipelines = false;
  bool failArchives = false;  ///< neither made nor loaded
  bool failResidency = false; ///< no residency set
  bool allowsCaptures = true; ///< MTL_CAPTURE_ENABLED
  std::string build = "24A1"; ///< of the system
  long failLaunches = 0;      ///< MTLCommandBufferError code of every command buffer; 0: they succeed
  unsigned launchMillis = 0;  ///< how much longer each command buffer takes
  unsigned simdWidth = 32;
  unsigned maxThreads = 1024; ///< of every pipeline
};
Controls &controls();

/// What happened since `reset`.
struct Record {
  unsigned libraries = 0, commandBuffers = 0, dispatches = 0, buffers = 0, noCopyBuffers = 0;
  unsigned archivesMade = 0, archivesLoaded = 0, archiveHits = 0; ///< hits: pipelines found in one
  unsigned resident = 0; ///< buffers in residency sets that were committed, now
  unsigned captures = 0;
  uint64_t languageVersion = 0; ///< of the last compilation, as are the next three
  long mathMode = -1;           ///< -1: not set
  long mathFunctions = -1;
  int fastMath = -1;
};
Record record();

/// Back to the defaults, with an empty record.
void reset();

} // namespace enigma::fakemetal
