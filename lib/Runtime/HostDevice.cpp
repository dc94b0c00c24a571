// SPDX-License-Identifier: MIT
//
// See Runtime/HostDevice.h: buffers in ordinary memory, pipelines that hold generated code, launches through
// HostExecution, the background stream in HostStream.
#include "enigma/Runtime/HostDevice.h"

#include "HostExecution.h"
#include "HostStream.h"
#include "LaunchChecks.h"
#include "ThreadPool.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace enigma::runtime {
namespace {

using hostabi::BufferArg;

constexpr uint32_t kMaxArguments = 31;

std::string cpuName() {
#if defined(__APPLE__)
  char text[256];
  size_t size = sizeof(text);
  if (sysctlbyname("machdep.cpu.brand_string", text, &size, nullptr, 0) == 0)
    return text;
#else
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name") || line.starts_with("Model")) {
      const size_t colon = line.find(':');
      if (colon != std::string::npos && colon + 2 < line.size())
        return line.substr(colon + 2);
    }
#endif
  return "CPU";
}

uint64_t physicalMemory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? uint64_t(pages) * uint64_t(size) : 0;
}

/// Memory of its own, or a view that keeps its owner.
class HostBuffer final : public Buffer {
public:
  HostBuffer(HostStream &onStream, void *data, uint64_t bytes, bool canWrite, std::shared_ptr<void> keeps)
      : Buffer(data, bytes, canWrite), stream(onStream), owner(std::move(keeps)) {}
  void wait(const RunOptions &options) override {
    if (const uint64_t ticket = lastUse.load(std::memory_order_acquire))
      stream.wait(ticket, options);
  }
  void usedBy(uint64_t ticket) {
    uint64_t before = lastUse.load(std::memory_order_relaxed);
    while (before < ticket && !lastUse.compare_exchange_weak(before, ticket, std::memory_order_release)) {
    }
  }

private:
  HostStream &stream;
  std::shared_ptr<void> owner;
  std::atomic<uint64_t> lastUse{0};
};

class HostPipeline final : public Pipeline {
public:
  explicit HostPipeline(PipelineSource from) : Pipeline(std::move(from)) {}
};

/// The stream as users see it: it also notes on each buffer which launch used it last.
class TrackingStream final : public CommandStream {
public:
  explicit TrackingStream(HostStream &onto) : stream(onto) {}
  uint64_t submit(std::shared_ptr<Pipeline> pipeline, std::span<const Argument> args, Size3 grid,
                  Size3 threads, const RunOptions &options) override {
    const uint64_t ticket = stream.submit(std::move(pipeline), args, grid, threads, options);
    for (const Argument &arg : args)
      if (auto *buffer = dynamic_cast<HostBuffer *>(arg.buffer().get()))
        buffer->usedBy(ticket);
    return ticket;
  }
  void wait(uint64_t ticket, const RunOptions &options) override { stream.wait(ticket, options); }
  void synchronize(const RunOptions &options) override { stream.synchronize(options); }
  void hold() override { stream.hold(); }
  void release() override { stream.release(); }

private:
  HostStream &stream;
};

class HostPrepared final : public PreparedLaunch {
public:
  HostPrepared(const Capabilities &of, HostStream &after, std::shared_ptr<Pipeline> what,
               std::span<const Argument> arguments)
      : capabilities(of), stream(after),
        launch(std::make_shared<const BoundLaunch>(std::move(what), of, arguments)),
        execution(*launch->pipeline) {
    execution.launch.args = launch->bound.data();
  }

  double run(Size3 grid, Size3 threads, const RunOptions &options) override {
    std::lock_guard lock(mutex);
    setSizes(launch->pipeline->kernel(), capabilities, grid, threads, execution.launch);
    stream.drain(options);
    return execution.execute(options);
  }

  uint64_t submit(Size3 grid, Size3 threads, const RunOptions &options) override {
    for (const Argument &arg : launch->args)
      if (!arg.isScalar() && !arg.buffer())
        throw Error(ErrorKind::Launch,
                    launch->pipeline->kernel().name +
                        ": was prepared with memory of the caller, so it cannot run in the background");
    const uint64_t ticket = stream.submit(launch, grid, threads, options);
    for (const Argument &arg : launch->args)
      if (auto *buffer = dynamic_cast<HostBuffer *>(arg.buffer().get()))
        buffer->usedBy(ticket);
    return ticket;
  }

private:
  const Capabilities &capabilities;
  HostStream &stream;
  std::shared_ptr<const BoundLaunch> launch;
  std::mutex mutex; // one dispatch at a time: the record of the launch is reused
  HostExecution execution;
};

class HostDevice final : public Device {
public:
  HostDevice() : stream_(caps), tracking(stream_) {
    caps.name = cpuName();
    caps.backend = "host";
    caps.totalMemory = physicalMemory();
    caps.maxBufferLength = caps.totalMemory;
    caps.computeUnits = ThreadPool::instance().threadCount();
  }

  const Capabilities &capabilities() const override { return caps; }

  std::shared_ptr<Buffer> allocate(uint64_t bytes) override {
    // Big buffers come from the system as untouched zero pages, so that the threads that first use a page own
    // it.
    constexpr uint64_t mapFrom = 1 << 20;
    constexpr uint64_t alignment = 64;
    std::shared_ptr<void> memory;
    if (bytes >= mapFrom) {
      void *mapped = bytes > caps.maxBufferLength
                         ? MAP_FAILED
                         : mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (mapped == MAP_FAILED)
        outOfMemory(bytes);
#if defined(MADV_HUGEPAGE)
      madvise(mapped, bytes, MADV_HUGEPAGE);
#endif
      memory = std::shared_ptr<void>(mapped, [bytes](void *p) { munmap(p, bytes); });
    } else {
      const uint64_t padded = (std::max<uint64_t>(bytes, 1) + alignment - 1) / alignment * alignment;
      void *block = std::aligned_alloc(alignment, padded);
      if (!block)
        outOfMemory(bytes);
      std::memset(block, 0, padded);
      memory = std::shared_ptr<void>(block, [](void *p) { std::free(p); });
    }
    void *data = memory.get();
    return std::make_shared<HostBuffer>(stream_, data, bytes, true, std::move(memory));
  }

  std::shared_ptr<Buffer> wrap(void *data, uint64_t bytes, bool writable,
                               std::shared_ptr<void> owner) override {
    if (!data && bytes)
      throw Error(ErrorKind::Device,
                  "cannot make a buffer of " + std::to_string(bytes) + " bytes at a null address");
    return std::make_shared<HostBuffer>(stream_, data, bytes, writable, std::move(owner));
  }

  std::shared_ptr<Pipeline> createPipeline(PipelineSource source) override {
    if (!source.kernel.entry)
      throw Error(ErrorKind::Device,
                  source.kernel.name + ": was not compiled for the host, so HostDevice can't run it");
    checkKernel(source.kernel, caps);
    return std::make_shared<HostPipeline>(std::move(source));
  }

  std::unique_ptr<PreparedLaunch> prepare(std::shared_ptr<Pipeline> pipeline,
                                          std::span<const Argument> args) override {
    return std::make_unique<HostPrepared>(caps, stream_, std::move(pipeline), args);
  }

  double run(const Pipeline &pipeline, std::span<const Argument> args, Size3 grid, Size3 threads,
             const RunOptions &options) override {
    std::array<BufferArg, kMaxArguments> bound; // createPipeline admits no more parameters
    HostExecution execution(pipeline);
    setSizes(pipeline.kernel(), caps, grid, threads, execution.launch);
    bindArguments(pipeline.kernel(), caps, args, bound.data());
    execution.launch.args = bound.data();
    stream_.drain(options);
    return execution.execute(options);
  }

  CommandStream &stream() override { return tracking; }

private:
  [[noreturn]] void outOfMemory(uint64_t bytes) const {
    throw Error(ErrorKind::Device, "cannot allocate " + std::to_string(bytes) + " bytes; the machine has " +
                                       std::to_string(caps.totalMemory) + " bytes of memory");
  }

  Capabilities caps;
  HostStream stream_;
  TrackingStream tracking;
};

} // namespace

std::shared_ptr<Device> hostDevice() {
  // Never destroyed: its threads and the buffers that others still hold may outlive static destructors.
  static auto *device = new std::shared_ptr<Device>(std::make_shared<HostDevice>());
  return *device;
}

} // namespace enigma::runtime
