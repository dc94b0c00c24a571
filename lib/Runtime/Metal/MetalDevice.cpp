// SPDX-License-Identifier: MIT
//
// See Runtime/MetalDevice.h: what the pieces in this folder make together.
#include "MetalDevice.h"

#include "../LaunchChecks.h"
#include "Capture.h"
#include "PipelineCache.h"
#include "Queue.h"

#include <algorithm>
#include <map>

namespace enigma::runtime {
namespace metal {
namespace {

constexpr uint32_t kLanes = hostabi::kLanes;

std::string familyOf(MTL::Device &device) {
  // MTL::GPUFamily numbers them 1001 (Apple1) and on.
  for (int number = 12; number > 0; --number)
    if (device.supportsFamily(MTL::GPUFamily(1000 + number)))
      return "apple" + std::to_string(number);
  return device.supportsFamily(MTL::GPUFamilyMac2) ? "mac2" : "";
}

Capabilities capabilitiesOf(MTL::Device &device) {
  Capabilities caps;
  caps.name = textOf(device.name());
  caps.backend = "metal";
  caps.family = familyOf(device);
  caps.maxThreadsPerThreadgroup = uint32_t(device.maxThreadsPerThreadgroup().width);
  caps.simdgroupSize = kLanes;
  caps.maxThreadgroupMemory = uint32_t(device.maxThreadgroupMemoryLength());
  caps.maxBufferLength = device.maxBufferLength();
  caps.totalMemory = device.recommendedMaxWorkingSetSize();
  caps.computeUnits = 0;
  caps.hasUnifiedMemory = device.hasUnifiedMemory();
  return caps;
}

class Stream final : public CommandStream {
public:
  Stream(const Capabilities &of, std::shared_ptr<Queue> onto, std::shared_ptr<MemoryMap> memory)
      : capabilities(of), queue(std::move(onto)), map(std::move(memory)) {}

  uint64_t submit(std::shared_ptr<Pipeline> pipeline, std::span<const Argument> args, Size3 grid,
                  Size3 threads, const RunOptions &) override {
    const Pool pool;
    const auto &kernel = pipeline->kernel();
    hostabi::LaunchContext sizes;
    setSizes(kernel, capabilities, grid, threads, sizes);
    for (size_t i = 0; i < std::min(args.size(), kernel.params.size()); ++i)
      if (!args[i].isScalar() && !args[i].buffer())
        throw Error(ErrorKind::Launch, kernel.name + ": parameter " + kernel.params[i].name +
                                           " of a launch in the background must be a buffer or a scalar");
    auto binding = std::make_shared<Binding>(checkedPipeline(*pipeline), capabilities, args, map);
    return binding->needsCopies() ? queue->runInOrder(binding, sizes) : queue->submit(binding, sizes);
  }
  void wait(uint64_t ticket, const RunOptions &options) override { queue->wait(ticket, options); }
  void synchronize(const RunOptions &options) override { queue->synchronize(options); }
  void hold() override { queue->hold(); }
  void release() override { queue->release(); }

  static const MetalPipeline &checkedPipeline(const Pipeline &pipeline) {
    const auto *own = dynamic_cast<const MetalPipeline *>(&pipeline);
    if (!own)
      throw Error(ErrorKind::Launch, pipeline.kernel().name + ": the pipeline is another device's");
    return *own;
  }

private:
  const Capabilities &capabilities;
  std::shared_ptr<Queue> queue;
  std::shared_ptr<MemoryMap> map;
};

class Prepared final : public PreparedLaunch {
public:
  Prepared(const Capabilities &of, std::shared_ptr<Queue> on, std::shared_ptr<Pipeline> what,
           std::shared_ptr<Binding> to)
      : capabilities(of), queue(std::move(on)), pipeline(std::move(what)), binding(std::move(to)) {}

  double run(Size3 grid, Size3 threads, const RunOptions &options) override {
    hostabi::LaunchContext sizes;
    setSizes(pipeline->kernel(), capabilities, grid, threads, sizes);
    if (!binding->needsCopies())
      return queue->run(binding, sizes, options);
    std::lock_guard lock(mutex); // one dispatch at a time: the copies are reused
    return queue->run(binding, sizes, options);
  }

  uint64_t submit(Size3 grid, Size3 threads, const RunOptions &) override {
    hostabi::LaunchContext sizes;
    setSizes(pipeline->kernel(), capabilities, grid, threads, sizes);
    if (binding->hasUsersMemory())
      throw Error(ErrorKind::Launch,
                  pipeline->kernel().name +
                      ": was prepared with memory of the caller, so it cannot run in the background");
    if (!binding->needsCopies())
      return queue->submit(binding, sizes);
    std::lock_guard lock(mutex);
    return queue->runInOrder(binding, sizes);
  }

private:
  const Capabilities capabilities;
  std::shared_ptr<Queue> queue;
  std::shared_ptr<Pipeline> pipeline;
  std::shared_ptr<Binding> binding;
  std::mutex mutex;
};

class MetalDevice final : public Device {
public:
  explicit MetalDevice(const Owned<MTL::Device> &device)
      : object(device), caps(capabilitiesOf(*device.get())),
        map(std::make_shared<MemoryMap>(device, caps.maxBufferLength)),
        queue(std::make_shared<Queue>(device, map)), pipelines(device), commands(caps, queue, map) {}
  ~MetalDevice() override { queue->finish(); }

  const Capabilities &capabilities() const override { return caps; }

  std::shared_ptr<Buffer> allocate(uint64_t bytes) override {
    auto memory = map->allocate(bytes);
    char *data = memory->data();
    return std::make_shared<MetalBuffer>(queue, data, bytes, true, std::move(memory), nullptr);
  }

  std::shared_ptr<Buffer> wrap(void *data, uint64_t bytes, bool writable,
                               std::shared_ptr<void> owner) override {
    if (!data && bytes)
      throw Error(ErrorKind::Device,
                  "cannot make a buffer of " + std::to_string(bytes) + " bytes at a null address");
    auto memory = bytes ? map->find(data, bytes) : nullptr;
    if (!memory)
      memory = map->adopt(data, bytes, owner);
    return std::make_shared<MetalBuffer>(queue, data, bytes, writable, std::move(memory), std::move(owner));
  }

  std::shared_ptr<Pipeline> createPipeline(PipelineSource source) override {
    const Pool pool;
    if (source.metalSource.empty() && source.metallib.empty())
      throw Error(ErrorKind::Device,
                  source.kernel.name + ": has no Metal source, so a Metal device can't run it");
    checkKernel(source.kernel, caps);
    auto state = pipelines.get(source);
    if (state->threadExecutionWidth() != kLanes)
      throw Error(ErrorKind::Unsupported, source.kernel.name + ": " + caps.name + " runs simdgroups of " +
                                              std::to_string(state->threadExecutionWidth()) +
                                              " threads; Enigma needs 32");
    source.kernel.maxThreadsPerThreadgroup =
        std::min(source.kernel.maxThreadsPerThreadgroup, uint32_t(state->maxTotalThreadsPerThreadgroup()));
    source.kernel.threadgroupBytes = uint32_t(state->staticThreadgroupMemoryLength());
    checkKernel(source.kernel, caps);
    return std::make_shared<MetalPipeline>(std::move(source), std::move(state));
  }

  std::unique_ptr<PreparedLaunch> prepare(std::shared_ptr<Pipeline> pipeline,
                                          std::span<const Argument> args) override {
    const Pool pool;
    auto binding = std::make_shared<Binding>(Stream::checkedPipeline(*pipeline), caps, args, map);
    return std::make_unique<Prepared>(caps, queue, std::move(pipeline), std::move(binding));
  }

  double run(const Pipeline &pipeline, std::span<const Argument> args, Size3 grid, Size3 threads,
             const RunOptions &options) override {
    const Pool pool;
    hostabi::LaunchContext sizes;
    setSizes(pipeline.kernel(), caps, grid, threads, sizes);
    auto binding = std::make_shared<Binding>(Stream::checkedPipeline(pipeline), caps, args, map);
    return queue->run(binding, sizes, options);
  }

  CommandStream &stream() override { return commands; }

  void startCapture(const std::string &path) override {
    const Pool pool;
    queue->finish(); // what came before is not part of it
    metal::startCapture(*object.get(), path);
  }
  void stopCapture() override {
    const Pool pool;
    queue->finish();
    metal::stopCapture();
  }

private:
  Owned<MTL::Device> object;
  Capabilities caps;
  std::shared_ptr<MemoryMap> map;
  std::shared_ptr<Queue> queue;
  PipelineCache pipelines;
  Stream commands;
};

std::vector<Owned<MTL::Device>> allDevices() {
  auto array = owned(MTL::CopyAllDevices());
  std::vector<Owned<MTL::Device>> out;
  for (NS::UInteger i = 0; array && i < array->count(); ++i)
    out.push_back(shared(array->object<MTL::Device>(i)));
  return out;
}

} // namespace

std::shared_ptr<Device> makeDevice(std::string_view name) {
  const Pool pool;
  Owned<MTL::Device> found;
  std::string names;
  if (name.empty()) {
    found = owned(MTL::CreateSystemDefaultDevice());
  } else {
    for (const auto &device : allDevices()) {
      const std::string own = textOf(device->name());
      if (own == name)
        found = device;
      names += (names.empty() ? "" : ", ") + own;
    }
  }
  if (!found)
    throw Error(ErrorKind::Device,
                name.empty() ? "no Metal device: the system has no GPU that this process may use"
                             : "no Metal device is called '" + std::string(name) + "'; there is " +
                                   (names.empty() ? "none" : names),
                {}, {"enigma.HostRuntime() runs the same compiled kernels on the CPU"});
  return std::make_shared<MetalDevice>(found);
}

} // namespace metal

std::shared_ptr<Device> metalDevice(std::string_view name) {
  // Never destroyed: buffers that others still hold may outlive static destructors.
  static auto *mutex = new std::mutex;
  static auto *devices = new std::map<std::string, std::shared_ptr<Device>, std::less<>>;
  std::lock_guard lock(*mutex);
  if (const auto found = devices->find(name); found != devices->end())
    return found->second;
  auto device = metal::makeDevice(name);
  // The default device by its name is the same one.
  if (const auto found = devices->find(device->capabilities().name); found != devices->end())
    device = found->second;
  (*devices)[device->capabilities().name] = device;
  (*devices)[std::string(name)] = device;
  return device;
}

std::vector<std::string> metalDeviceNames() {
  const metal::Pool pool;
  std::vector<std::string> out;
  for (const auto &device : metal::allDevices())
    out.push_back(metal::textOf(device->name()));
  return out;
}

} // namespace enigma::runtime
