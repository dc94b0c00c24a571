// SPDX-License-Identifier: MIT
//
// The Metal device on the fake Metal as a library to preload: any program on the unchanged libenigma, Python
// with the package too, then has a Metal device, on which everything from the trace to the results is run.
//
//   LD_PRELOAD=build/bin/libEnigmaFakeMetalPreload.so python uses_metal.py
//
// Only runtime::metalDevice, runtime::metalDeviceNames and the functions below are visible. libenigma binds
// its own calls inside, so C++ programs name the device: runtime::metalDevice(), not defaultDevice().
#include "FakeMetal.h"

#include <chrono>
#include <string>
#include <thread>

using namespace enigma;

#define EXPORT extern "C" __attribute__((visibility("default")))

/// Objects of the fake alive, once nothing more changes; for a comparison of before and after.
EXPORT long enigma_fake_metal_objects() {
  // The thread of a queue lets go of a command buffer a moment after it is done.
  size_t count = objc::liveObjects().size();
  for (int quiet = 0; quiet < 20; ++quiet) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (const size_t now = objc::liveObjects().size(); now != count) {
      count = now;
      quiet = 0;
    }
  }
  return long(count);
}

/// What was noted as misuse since the last call, one a line; empty if nothing was.
EXPORT const char *enigma_fake_metal_misuse() {
  static std::string text;
  text.clear();
  for (const std::string &misuse : objc::takeMisuse())
    text += misuse + "\n";
  return text.c_str();
}

/// Metal libraries compiled from text so far.
EXPORT unsigned enigma_fake_metal_libraries() { return fakemetal::record().libraries; }
/// Kernels dispatched, and command buffers committed, so far.
EXPORT unsigned enigma_fake_metal_dispatches() { return fakemetal::record().dispatches; }
EXPORT unsigned enigma_fake_metal_command_buffers() { return fakemetal::record().commandBuffers; }
