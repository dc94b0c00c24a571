// SPDX-License-Identifier: MIT
//
// See FakeMetal.h: devices, libraries, pipelines and buffers. Command buffers are in FakeCommands.cpp.
#include "FakeMetal.h"

#include "FakeObjects.h"

#include <cstring>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace enigma::fakemetal {
namespace {

struct State {
  std::mutex mutex;
  Controls controls;
  Record record;
};
State &state() {
  static auto *the = new State;
  return *the;
}

struct ProcessInfo : Object {};
struct Device : Object {
  std::string name;
};
struct OsVersion {
  long major, minor, patch;
};

template <class T>
Object *create() {
  return new T;
}

uint64_t pageSize() { return uint64_t(sysconf(_SC_PAGESIZE)); }
std::atomic<uint64_t> memoryInUse{0};

struct Classes {
  Class &string, &error, &array, &processInfo, &device, &pipeline, &buffer;
};
Classes &classes();

Device *newDevice(const std::string &name) {
  auto *made = objc::make<Device>(classes().device);
  made->name = name;
  return made;
}

Buffer *newBuffer(Device *, Selector, uint64_t length, uint64_t) {
  if (length == 0) {
    misuse("a buffer of no bytes is asked for");
    return nullptr;
  }
  if (memoryInUse.load() + length > controls().memory)
    return nullptr;
  const uint64_t mapped = (length + pageSize() - 1) / pageSize() * pageSize();
  void *memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  auto *made = objc::make<Buffer>(classes().buffer);
  made->contents = static_cast<char *>(memory);
  made->length = length;
  made->mapped = mapped;
  memoryInUse += length;
  note([](Record &r) { ++r.buffers; });
  return made;
}

Buffer *newBufferNoCopy(Device *, Selector, void *memory, uint64_t length, uint64_t, void *deallocator) {
  if (reinterpret_cast<uintptr_t>(memory) % pageSize() || length % pageSize() || !length)
    misuse("memory that is wrapped without a copy must begin and end at a page");
  if (deallocator)
    misuse("deallocators are not modelled");
  if (controls().refuseNoCopy)
    return nullptr;
  auto *made = objc::make<Buffer>(classes().buffer);
  made->contents = static_cast<char *>(memory);
  made->length = length;
  note([](Record &r) { ++r.noCopyBuffers; });
  return made;
}

void addFoundation(Classes &c) {
  c.string.add("initWithCString:encoding:", [](String *self, Selector, const char *text, uint64_t) {
    self->text = text;
    return self;
  });
  c.string.add("UTF8String", [](String *self, Selector) { return self->text.c_str(); });
  c.error.add("code", [](Error *self, Selector) { return self->code; });
  c.error.add("localizedDescription", [](Error *self, Selector) { return autoreleasedString(self->text); });
  c.array.meta->add("arrayWithObjects:count:", [](Class *, Selector, Object *const *objects, uint64_t count) {
    auto *made = objc::make<Array>(classes().array);
    for (uint64_t i = 0; i < count; ++i)
      made->items.emplace_back(objects[i]);
    objc::autorelease(made);
    return made;
  });
  c.array.add("count", [](Array *self, Selector) { return uint64_t(self->items.size()); });
  c.array.add("objectAtIndex:", [](Array *self, Selector, uint64_t i) { return self->items.at(i).get(); });
  static ProcessInfo *const processInfo = objc::make<ProcessInfo>(c.processInfo);
  c.processInfo.meta->add("processInfo", [](Class *, Selector) { return processInfo; });
  c.processInfo.add("operatingSystemVersion",
                    [](ProcessInfo *, Selector) { return OsVersion{controls().macos, 0, 0}; });
  c.processInfo.add("operatingSystemVersionString", [](ProcessInfo *, Selector) {
    return autoreleasedString("Version " + std::to_string(controls().macos) + ".0 (Build " +
                              controls().build + ")");
  });
}

void addDevice(Class &device) {
  device.add("name", [](Device *self, Selector) { return autoreleasedString(self->name); });
  device.add("maxThreadsPerThreadgroup", [](Device *, Selector) { return Size{1024, 1024, 1024}; });
  device.add("maxThreadgroupMemoryLength", [](Device *, Selector) { return uint64_t(32768); });
  device.add("maxBufferLength", [](Device *, Selector) { return uint64_t(1) << 33; });
  device.add("recommendedMaxWorkingSetSize", [](Device *, Selector) { return uint64_t(1) << 34; });
  device.add("hasUnifiedMemory", [](Device *, Selector) { return true; });
  device.add("supportsFamily:",
             [](Device *, Selector, long family) { return family >= 1001 && family <= 1007; });
  device.add("newCommandQueue",
             [](Device *, Selector) -> Object * { return controls().failQueue ? nullptr : newQueue(); });
  device.add("newBufferWithLength:options:", newBuffer);
  device.add("newBufferWithBytesNoCopy:length:options:deallocator:", newBufferNoCopy);
}

void addMemory(Classes &c) {
  c.pipeline.add("maxTotalThreadsPerThreadgroup", [](Pipeline *self, Selector) { return self->maxThreads; });
  c.pipeline.add("threadExecutionWidth", [](Pipeline *, Selector) { return uint64_t(controls().simdWidth); });
  c.pipeline.add("staticThreadgroupMemoryLength",
                 [](Pipeline *self, Selector) { return self->kernel->groupBytes; });
  c.buffer.add("contents", [](Buffer *self, Selector) { return static_cast<void *>(self->contents); });
  c.buffer.add("length", [](Buffer *self, Selector) { return self->length; });
}

Classes &classes() {
  static Classes &all = []() -> Classes & {
    auto *c = new Classes{objc::define("NSString", create<String>),
                          objc::define("NSError"),
                          objc::define("NSArray"),
                          objc::define("NSProcessInfo"),
                          objc::define("FakeDevice"),
                          objc::define("FakeComputePipelineState"),
                          objc::define("FakeBuffer")};
    addFoundation(*c);
    addDevice(c->device);
    addPrograms(c->device);
    addMemory(*c);
    return *c;
  }();
  return all;
}

} // namespace

Pipeline *newPipeline(Object *, Selector, Function *function, Object **error) {
  if (controls().failPipelines) {
    *error = newError(2, "Compute function exceeds available stack space");
    objc::autorelease(*error);
    return nullptr;
  }
  auto *made = objc::make<Pipeline>(classes().pipeline);
  made->kernels = function->kernels;
  made->kernel = function->kernel;
  made->maxThreads = controls().maxThreads;
  return made;
}

Controls &controls() { return state().controls; }

Record record() {
  std::lock_guard lock(state().mutex);
  return state().record;
}

void note(const std::function<void(Record &)> &change) {
  std::lock_guard lock(state().mutex);
  change(state().record);
}

void reset() {
  std::lock_guard lock(state().mutex);
  state().controls = {};
  state().record = {};
}

Buffer::~Buffer() {
  if (uses.load())
    misuse("a buffer is freed while a command buffer uses it");
  if (mapped) {
    munmap(contents, mapped);
    memoryInUse -= length;
  }
}

Pipeline::~Pipeline() {
  if (uses.load())
    misuse("a pipeline state is freed while a command buffer uses it");
}

String *autoreleasedString(const std::string &text) {
  auto *made = objc::make<String>(classes().string);
  made->text = text;
  objc::autorelease(made);
  return made;
}

Error *newError(long code, const std::string &text) {
  auto *made = objc::make<Error>(classes().error);
  made->code = code;
  made->text = text;
  return made;
}

} // namespace enigma::fakemetal

using namespace enigma::fakemetal;

extern "C" {

enigma::objc::Class *standInLookUp(const char *name);

enigma::objc::Class *objc_lookUpClass(const char *name) {
  classes();
  return standInLookUp(name);
}

Device *MTLCreateSystemDefaultDevice() {
  const auto &devices = controls().devices;
  return devices.empty() ? nullptr : newDevice(devices.front());
}

Array *MTLCopyAllDevices() {
  auto *made = enigma::objc::make<Array>(classes().array);
  for (const std::string &name : controls().devices) {
    Device *device = newDevice(name);
    made->items.emplace_back(device);
    enigma::objc::release(device);
  }
  return made;
}

Array *MTLCopyAllDevicesWithObserver(Object **, void *) { return MTLCopyAllDevices(); }
void MTLRemoveDeviceObserver(Object *) {}
}
