// SPDX-License-Identifier: MIT
//
// Kernels made at random (RandomKernel.h). Each is compiled with and without vec_width, contraction and
// checks, run on the CPU, and its memory compared bit for bit (any NaN for any NaN) with an interpreter that
// shares no code with the library (Reference.h).
//
// ENIGMA_RANDOM_KERNELS=5000 runs more of them, ENIGMA_RANDOM_SEED=n starts elsewhere, and
// ENIGMA_RANDOM_DUMP=folder writes each kernel's Metal text and memory for other tools.
// ENIGMA_RANDOM_CONTROL=1 adds loops and branches to every kernel, not only to every third. A failure names
// its seed and prints the kernel.
#include "RandomKernel.h"
#include "enigma/Compile/Compile.h"
#include "enigma/Runtime/HostDevice.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

using namespace enigma;
using namespace enigma::ir;
using enigma::test::Bits, enigma::test::Block, enigma::test::Kernel, enigma::test::columns,
    enigma::test::rows;

namespace {

int fromEnvironment(const char *name, int otherwise) {
  const char *text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

void expectEqual(const Kernel &kernel, const std::vector<Block> &got, const std::vector<Block> &want,
                 const std::string &what) {
  for (size_t i = 0; i < got.size(); ++i) {
    size_t size = bytes(got[i].elem);
    for (size_t at = 0; at < got[i].bytes.size(); at += size) {
      Bits g = 0, w = 0;
      std::memcpy(&g, got[i].bytes.data() + at, size);
      std::memcpy(&w, want[i].bytes.data() + at, size);
      if (g == w || (test::isNan(got[i].elem, g) && test::isNan(got[i].elem, w)))
        continue;
      FAIL() << what << ": block " << i << " (" << name(got[i].elem) << ") element " << at / size << ": got "
             << std::hex << g << ", want " << w << "\n"
             << kernel.f.str();
    }
  }
}

void dump(const std::string &folder, uint64_t seed, const Kernel &kernel,
          const compile::CompiledKernel &compiled, const std::vector<Block> &want) {
  std::string stem = folder + "/k" + std::to_string(seed) + "_" + std::to_string(compiled.vecWidth());
  std::ofstream(stem + ".metal") << compiled.metalSource();
  std::ofstream list(stem + ".txt");
  list << columns / compiled.vecWidth() << " " << rows << "\n";
  for (size_t i = 0; i < kernel.blockOf.size(); ++i) {
    Type t = kernel.f.params()[i].type;
    list << kernel.blockOf[i] << " " << name(t.elem) << " " << (t.isBuffer() ? "buffer" : "scalar") << "\n";
  }
  for (size_t i = 0; i < want.size(); ++i) {
    auto bytesOf = [&](const std::vector<unsigned char> &v, const char *suffix) {
      std::ofstream(stem + "." + std::to_string(i) + suffix, std::ios::binary)
          .write(reinterpret_cast<const char *>(v.data()), v.size());
    };
    bytesOf(kernel.blocks[i].bytes, ".in");
    bytesOf(want[i].bytes, ".out");
  }
}

void check(uint64_t seed) {
  Kernel kernel(seed);
  auto device = runtime::hostDevice();
  for (bool contract : {false, true}) {
    Function f = kernel.f;
    if (contract)
      ir::contract(f);
    std::vector<Block> want = kernel.blocks;
    std::vector<std::span<unsigned char>> memory;
    for (size_t i : kernel.blockOf)
      memory.push_back(want[i].bytes);
    test::Reference reference(f, memory);
    for (uint32_t row = 0; row < rows; ++row)
      for (uint32_t column = 0; column < columns; ++column)
        reference.run({column, row, 0});

    for (int width : {1, 2, 4}) {
      if (contract && width == 2)
        continue;
      std::string what = "seed " + std::to_string(seed) + ", vec_width " + std::to_string(width) +
                         (contract ? ", contracted" : "");
      auto compiled = compile::compile(kernel.f, {.vecWidth = width, .contract = contract});
      if (const char *folder = std::getenv("ENIGMA_RANDOM_DUMP"); folder && !contract && !kernel.beyond)
        dump(folder, seed, kernel, *compiled, want);
      std::vector<Block> got = kernel.blocks;
      std::vector<runtime::Argument> args;
      for (size_t i = 0; i < kernel.blockOf.size(); ++i) {
        auto &memoryOf = got[kernel.blockOf[i]].bytes;
        args.push_back(kernel.f.params()[i].type.isBuffer()
                           ? runtime::Argument::memory(memoryOf.data(), memoryOf.size())
                           : runtime::Argument::scalarBytes(memoryOf.data(), memoryOf.size()));
      }
      // Checked for one form of contraction, unchecked for the other.
      auto pipeline = compiled->hostPipeline(*device, !contract);
      device->run(*pipeline, args, {columns / uint32_t(width), rows}, {9});
      expectEqual(kernel, got, want, what);
      if (testing::Test::HasFatalFailure()) {
        std::printf("%s\n", compiled->metalSource().c_str());
        return;
      }
    }
  }
}

TEST(RandomKernels, AgreeWithTheReference) {
  int count = fromEnvironment("ENIGMA_RANDOM_KERNELS", 30), first = fromEnvironment("ENIGMA_RANDOM_SEED", 1);
  for (int seed = first; seed < first + count; ++seed) {
    try {
      check(seed);
    } catch (const std::exception &error) {
      FAIL() << "seed " << seed << ": " << error.what() << "\n" << Kernel(seed).f.str();
    }
    if (HasFatalFailure())
      return;
  }
}

} // namespace
