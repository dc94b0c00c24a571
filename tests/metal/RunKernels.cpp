// SPDX-License-Identifier: MIT
//
// Runs emitted Metal text through the Metal device on the fake Metal: EnigmaMetalRun <file of commands>.
// tests/python/test_metal_kernels.py writes the commands, one a line:
//
//     kernel <name> <MSL version> <fast math: 0 or 1> <vec_width> <path of the text>
//     buffer <name> <element type> <written: 0 or 1> <path>     its bytes; written ones are written back
//     scalar <name> <element type> <bits in hexadecimal>
//     run <once or batch> <grid x y z> <threads x y z>
//
// Prints "ok" for each run; anything else, objects that leak and misuse of Metal too, is an error.
#include "FakeMetal.h"
#include "Metal/MetalDevice.h"

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <thread>

using namespace enigma;
using namespace enigma::runtime;

namespace {

struct Memory {
  std::string path, bytes;
  bool isWritten = false;
  bool isScalar = false;
  uint64_t bits = 0;
};

hostabi::ElementKind elementOf(const std::string &name) {
  for (int kind = 0; kind <= int(hostabi::ElementKind::B1); ++kind)
    if (hostabi::elementName(hostabi::ElementKind(kind)) == name)
      return hostabi::ElementKind(kind);
  throw std::runtime_error("no element type " + name);
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// On arrays of the caller, at once.
void runOnce(Device &device, const std::shared_ptr<Pipeline> &pipeline, std::vector<Memory> &memory,
             Size3 grid, Size3 threads) {
  std::vector<Argument> args;
  for (Memory &m : memory)
    args.push_back(m.isScalar ? Argument::scalarBytes(&m.bits, m.bytes.size())
                              : Argument::memory(m.bytes.data(), m.bytes.size()));
  device.run(*pipeline, args, grid, threads);
}

/// On buffers of the device, prepared and in a batch.
void runInBatch(Device &device, const std::shared_ptr<Pipeline> &pipeline, std::vector<Memory> &memory,
                Size3 grid, Size3 threads) {
  std::vector<Argument> args;
  for (Memory &m : memory) {
    if (m.isScalar) {
      args.push_back(Argument::scalarBytes(&m.bits, m.bytes.size()));
      continue;
    }
    auto buffer = device.allocate(m.bytes.size());
    m.bytes.copy(static_cast<char *>(buffer->data()), m.bytes.size());
    args.push_back(Argument::of(buffer));
  }
  auto prepared = device.prepare(pipeline, args);
  {
    const Batch batch(device.stream());
    prepared->submit(grid, threads);
  }
  device.stream().synchronize();
  for (size_t i = 0; i < memory.size(); ++i)
    if (!memory[i].isScalar)
      memory[i].bytes.assign(static_cast<char *>(args[i].data()), memory[i].bytes.size());
}

void follow(std::istream &commands) {
  auto device = metal::makeDevice("");
  PipelineSource source;
  std::vector<Memory> memory;
  for (std::string line; std::getline(commands, line);) {
    std::istringstream words(line);
    std::string what, name, type, path;
    words >> what;
    if (what == "kernel") {
      source = {};
      memory.clear();
      words >> source.kernel.name >> source.mslVersion >> source.fastMath >> source.kernel.vecWidth >> path;
      source.metalSource = readFile(path);
    } else if (what == "buffer" || what == "scalar") {
      Memory m;
      m.isScalar = what == "scalar";
      words >> name >> type;
      const hostabi::ElementKind element = elementOf(type);
      if (m.isScalar) {
        words >> std::hex >> m.bits;
        m.bytes.resize(hostabi::elementSize(element));
      } else {
        words >> m.isWritten >> m.path;
        m.bytes = readFile(m.path);
      }
      source.kernel.params.push_back({name, element, m.isScalar, true, m.isWritten});
      memory.push_back(std::move(m));
    } else if (what == "run") {
      Size3 grid, threads;
      std::string how;
      words >> how >> grid.x >> grid.y >> grid.z >> threads.x >> threads.y >> threads.z;
      auto pipeline = device->createPipeline(source);
      (how == "batch" ? runInBatch : runOnce)(*device, pipeline, memory, grid, threads);
      for (const Memory &m : memory)
        if (m.isWritten)
          std::ofstream(m.path, std::ios::binary).write(m.bytes.data(), std::streamsize(m.bytes.size()));
      std::cout << "ok\n";
    }
  }
}

} // namespace

int main(int, char **argv) {
  const auto before = objc::liveObjects();
  try {
    std::ifstream commands(argv[1]);
    follow(commands);
  } catch (const std::exception &error) {
    std::cout << error.what() << "\n";
    return 1;
  }
  // The thread of a queue lets go of a command buffer a moment after it is done.
  for (int i = 0; i < 5000 && objc::liveObjects() != before; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  int wrong = 0;
  for (const std::string &misuse : objc::takeMisuse())
    ++wrong, std::cout << "misuse: " << misuse << "\n";
  if (objc::liveObjects() != before) {
    ++wrong;
    for (const std::string &object : objc::liveObjects())
      std::cout << "alive: " << object << "\n";
  }
  return wrong != 0;
}
