// SPDX-License-Identifier: MIT
//
// See FakeKernels.h. The compiler is a Python program of tests/msl, so every text is compiled once per
// process.
#include "FakeKernels.h"

#include "../msl/runtime/dispatch.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <unistd.h>

namespace enigma::fakemetal {
namespace {

using Dispatch = int (*)(MslRequest *);
Dispatch dispatch = nullptr;
std::mutex mutex; // of the compiler's results, and of the runtime, which runs one kernel at a time

bool compileTo(const std::string &source, const std::string &constants, std::string &output) {
  char path[] = "/tmp/enigma-fake-metal-XXXXXX";
  const int file = mkstemp(path);
  if (file < 0)
    return false;
  close(file);
  std::ofstream(path) << source;
  const std::string command =
      std::string("env -u LD_PRELOAD '" ENIGMA_TEST_PYTHON "' '" ENIGMA_MSL_COMPILER "' ") + path + " " +
      constants + " 2>&1";
  FILE *pipe = popen(command.c_str(), "r");
  char text[4096];
  while (const size_t n = pipe ? std::fread(text, 1, sizeof text, pipe) : 0)
    output.append(text, n);
  const int status = pipe ? pclose(pipe) : -1;
  unlink(path);
  return status == 0;
}

std::shared_ptr<KernelLibrary> load(const std::string &description, std::string &log) {
  auto library = std::make_shared<KernelLibrary>();
  void *object = nullptr;
  std::istringstream lines(description);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string what, name, entry, group;
    words >> what >> name;
    if (what == "runtime" && !dispatch) {
      void *runtime = dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL);
      dispatch = runtime ? reinterpret_cast<Dispatch>(dlsym(runtime, "msl_dispatch")) : nullptr;
    } else if (what == "library") {
      object = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    } else if (what == "kernel" && object) {
      words >> entry >> group;
      Kernel kernel;
      kernel.name = name;
      kernel.entry = dlsym(object, entry.c_str());
      if (auto *bounds = static_cast<char **>(dlsym(object, group.c_str()))) {
        kernel.groupMemory = bounds[0];
        kernel.groupBytes = uint64_t(bounds[1] - bounds[0]);
      }
      library->kernels.push_back(std::move(kernel));
    } else if (what == "buffer" && !library->kernels.empty()) {
      KernelBuffer buffer;
      words >> buffer.slot >> buffer.isWritten;
      buffer.index = uint32_t(std::stoul(name));
      library->kernels.back().buffers.push_back(buffer);
    }
  }
  if (dispatch && object)
    return library;
  log = "the compiled kernels cannot be loaded:\n" + description;
  return nullptr;
}

} // namespace

const Kernel *KernelLibrary::find(const std::string &name) const {
  const auto found =
      std::find_if(kernels.begin(), kernels.end(), [&](const Kernel &kernel) { return kernel.name == name; });
  return found == kernels.end() ? nullptr : &*found;
}

std::shared_ptr<KernelLibrary> compileMetal(const std::string &source, const std::string &constants,
                                            std::string &log) {
  static auto *compiled = new std::map<std::string, std::shared_ptr<KernelLibrary>>;
  std::lock_guard lock(mutex);
  if (const auto found = compiled->find(constants + "\n" + source); found != compiled->end())
    return found->second;
  std::string output;
  if (!compileTo(source, constants, output)) {
    log = output;
    return nullptr;
  }
  auto library = load(output, log);
  if (library)
    (*compiled)[constants + "\n" + source] = library;
  return library;
}

std::string run(const Kernel &kernel, const std::array<Bound, 31> &bound, const std::array<uint32_t, 3> &grid,
                const std::array<uint32_t, 3> &threads) {
  std::vector<MslBuffer> buffers;
  for (const KernelBuffer &wanted : kernel.buffers) {
    const Bound &b = bound[wanted.index];
    if (!b.data)
      return "buffer " + std::to_string(wanted.index) + " is not bound";
    MslBuffer buffer{b.data, b.bytes, wanted.slot, wanted.index, wanted.isWritten, 0, 0};
    for (size_t i = 0; i < buffers.size() && !buffer.alias; ++i) {
      MslBuffer &other = buffers[i];
      const char *begin = static_cast<char *>(other.data);
      if (other.data == b.data && other.bytes == b.bytes) {
        buffer.alias = uint32_t(i + 1);
        other.writable |= buffer.writable;
      } else if ((other.writable || wanted.isWritten) && begin < b.data + b.bytes &&
                 b.data < begin + other.bytes) {
        return "the stand-in cannot run a kernel on buffers that overlap in part";
      }
    }
    buffers.push_back(buffer);
  }
  char error[2048] = "";
  MslRequest request = {};
  request.entry = reinterpret_cast<MslEntry>(kernel.entry);
  std::copy_n(grid.begin(), 3, request.grid);
  std::copy_n(threads.begin(), 3, request.threads);
  request.buffers = buffers.data();
  request.bufferCount = uint32_t(buffers.size());
  request.groupMemory = kernel.groupMemory;
  request.groupBytes = kernel.groupBytes;
  request.timeout = 60;
  request.error = error;
  request.errorBytes = sizeof error;
  std::lock_guard lock(mutex);
  return dispatch(&request) ? error : "";
}

} // namespace enigma::fakemetal
