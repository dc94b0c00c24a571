// SPDX-License-Identifier: MIT
//
// Metal text as functions of this process: tests/msl compiles it, its fiber runtime runs it.
//
//   auto library = compileMetal(text, "", log);                 // null: `log` has the diagnostics
//   std::string wrong = run(*library->find("saxpy"), buffers, grid, threads);
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace enigma::fakemetal {

struct KernelBuffer {
  uint32_t index = 0, slot = 0;
  bool isWritten = false;
};

struct Kernel {
  std::string name;
  void *entry = nullptr;
  char *groupMemory = nullptr;
  uint64_t groupBytes = 0;
  std::vector<KernelBuffer> buffers;
};

struct KernelLibrary {
  std::vector<Kernel> kernels;
  const Kernel *find(const std::string &name) const;
};

/// What is bound to one index.
struct Bound {
  char *data = nullptr;
  uint64_t bytes = 0;
};

/// `constants` are the values of function constants, such as "0=7 1=0x1.8p+0"; others count as undefined.
std::shared_ptr<KernelLibrary> compileMetal(const std::string &source, const std::string &constants,
                                            std::string &log);

/// What the kernel did wrong; "" when it did nothing wrong.
std::string run(const Kernel &kernel, const std::array<Bound, 31> &buffers,
                const std::array<uint32_t, 3> &grid, const std::array<uint32_t, 3> &threads);

} // namespace enigma::fakemetal
