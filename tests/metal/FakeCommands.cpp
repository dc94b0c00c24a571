// SPDX-License-Identifier: MIT
//
// Command queues, command buffers and compute encoders of the fake Metal. Command buffers retain nothing that
// is bound in them, as those of the runtime ask for, so that freeing something too early is seen.
#include "FakeObjects.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace enigma::fakemetal {
namespace {

enum Status : uint64_t { NotEnqueued = 0, Committed = 2, Completed = 4, Failed = 5 };
constexpr size_t kSlots = 31;
constexpr long kPageFault = 3; // MTLCommandBufferErrorPageFault

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Slot {
  Buffer *buffer = nullptr;
  uint64_t offset = 0;
  std::string bytes;
};

struct Dispatch {
  Pipeline *pipeline = nullptr;
  std::array<Slot, kSlots> slots;
  Size grid{}, threads{};
};

struct CommandBuffer;

/// The thread of a queue; outlives it until what was committed is done.
struct Worker {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Ref<CommandBuffer>> waiting;
  bool isClosed = false;
};

struct Queue : Object {
  Ref<Object> resident;
  std::shared_ptr<Worker> worker = std::make_shared<Worker>();
  ~Queue() override {
    std::lock_guard lock(worker->mutex);
    worker->isClosed = true;
    worker->changed.notify_all();
  }
};

struct Encoder;

struct CommandBuffer : Object {
  std::shared_ptr<Worker> worker;
  std::vector<Dispatch> dispatches;
  Encoder *open = nullptr;
  std::atomic<uint64_t> status{NotEnqueued};
  double start = 0, end = 0;
  Ref<Error> error;

  ~CommandBuffer() override {
    if (status == NotEnqueued) {
      misuse("a command buffer is freed that was never committed");
      letGo();
    }
  }
  void letGo() {
    for (Dispatch &dispatch : dispatches) {
      --dispatch.pipeline->uses;
      for (Slot &slot : dispatch.slots)
        if (slot.buffer)
          --slot.buffer->uses;
    }
    dispatches.clear();
  }
};

struct Encoder : Object {
  CommandBuffer *commands = nullptr;
  Pipeline *pipeline = nullptr;
  std::array<Slot, kSlots> slots;
  bool isEnded = false;
  ~Encoder() override {
    if (!isEnded)
      misuse("an encoder is freed without endEncoding");
  }
};

struct Classes {
  Class &queue, &commands, &encoder;
};
Classes &classes();

std::optional<std::pair<long, std::string>> execute(CommandBuffer &commands) {
  std::this_thread::sleep_for(std::chrono::milliseconds(controls().launchMillis));
  if (const long code = controls().failLaunches)
    return std::pair(code, std::string("Injected failure"));
  for (const Dispatch &dispatch : commands.dispatches) {
    std::array<Bound, kSlots> bound;
    for (size_t i = 0; i < kSlots; ++i) {
      const Slot &slot = dispatch.slots[i];
      if (slot.buffer)
        bound[i] = {slot.buffer->contents + slot.offset, slot.buffer->length - slot.offset};
      else if (!slot.bytes.empty())
        bound[i] = {const_cast<char *>(slot.bytes.data()), slot.bytes.size()};
    }
    const auto narrow = [](Size s) {
      return std::array{uint32_t(s.width), uint32_t(s.height), uint32_t(s.depth)};
    };
    const std::string wrong =
        run(*dispatch.pipeline->kernel, bound, narrow(dispatch.grid), narrow(dispatch.threads));
    if (!wrong.empty())
      return std::pair(kPageFault, wrong);
  }
  return {};
}

void work(const std::shared_ptr<Worker> &worker) {
  for (;;) {
    Ref<CommandBuffer> next;
    {
      std::unique_lock lock(worker->mutex);
      worker->changed.wait(lock, [&] { return !worker->waiting.empty() || worker->isClosed; });
      if (worker->waiting.empty())
        return;
      next = worker->waiting.front();
      worker->waiting.pop_front();
    }
    next->start = seconds();
    const auto failure = execute(*next.get());
    next->end = seconds();
    next->letGo();
    if (failure) {
      Error *made = newError(failure->first, failure->second);
      next->error = Ref<Error>(made);
      objc::release(made);
    }
    std::lock_guard lock(worker->mutex);
    next->status = failure ? Failed : Completed;
    worker->changed.notify_all();
  }
}

CommandBuffer *commandBuffer(Queue *self, Selector) {
  auto *made = objc::make<CommandBuffer>(classes().commands);
  made->worker = self->worker;
  objc::autorelease(made);
  note([](Record &r) { ++r.commandBuffers; });
  return made;
}

void commit(CommandBuffer *self, Selector) {
  if (self->open)
    misuse("a command buffer is committed while an encoder is open");
  if (self->status != NotEnqueued) {
    misuse("a command buffer is committed twice");
    return;
  }
  std::lock_guard lock(self->worker->mutex);
  self->status = Committed;
  self->worker->waiting.emplace_back(self);
  self->worker->changed.notify_all();
}

void waitUntilCompleted(CommandBuffer *self, Selector) {
  if (self->status == NotEnqueued) {
    misuse("waiting for a command buffer that was not committed never ends");
    return;
  }
  std::unique_lock lock(self->worker->mutex);
  self->worker->changed.wait(lock, [&] { return self->status >= Completed; });
}

Encoder *encoder(CommandBuffer *self, Selector) {
  if (self->open)
    misuse("a second encoder is asked for while one is open");
  if (self->status != NotEnqueued)
    misuse("an encoder is asked for after the commit");
  auto *made = objc::make<Encoder>(classes().encoder);
  made->commands = self;
  self->open = made;
  objc::autorelease(made);
  return made;
}

void setBuffer(Encoder *self, Selector, Buffer *buffer, uint64_t offset, uint64_t index) {
  if (index >= kSlots)
    return misuse("buffer index " + std::to_string(index) + " is above 30");
  if (buffer && offset >= buffer->length)
    misuse("a buffer is bound at an offset past its end");
  if (offset % 4)
    misuse("a buffer is bound at an offset that is no multiple of 4");
  self->slots[index] = {buffer, offset, ""};
}

void setBytes(Encoder *self, Selector, const void *bytes, uint64_t length, uint64_t index) {
  if (index >= kSlots || length == 0 || length > 4096)
    return misuse("setBytes takes 1 to 4096 bytes at indices up to 30");
  self->slots[index] = {nullptr, 0, std::string(static_cast<const char *>(bytes), length)};
}

void dispatchThreads(Encoder *self, Selector, Size grid, Size threads) {
  if (self->isEnded || !self->pipeline)
    return misuse("a dispatch needs an open encoder and a pipeline state");
  const uint64_t perGroup = threads.width * threads.height * threads.depth;
  if (!perGroup || perGroup > self->pipeline->maxThreads || !(grid.width && grid.height && grid.depth))
    return misuse("a dispatch of " + std::to_string(perGroup) + " threads per threadgroup");
  Dispatch made{self->pipeline, self->slots, grid, threads};
  ++made.pipeline->uses;
  for (const Slot &slot : made.slots)
    if (slot.buffer)
      ++slot.buffer->uses;
  self->commands->dispatches.push_back(std::move(made));
  note([](Record &r) { ++r.dispatches; });
}

void endEncoding(Encoder *self, Selector) {
  if (self->isEnded)
    return misuse("endEncoding is called twice");
  self->isEnded = true;
  self->commands->open = nullptr;
}

Classes &classes() {
  static Classes &all = []() -> Classes & {
    auto *c = new Classes{objc::define("FakeCommandQueue"), objc::define("FakeCommandBuffer"),
                          objc::define("FakeComputeCommandEncoder")};
    c->queue.add("commandBufferWithUnretainedReferences", commandBuffer);
    c->queue.add("addResidencySet:", [](Queue *self, Selector, Object *set) { self->resident = Ref(set); });
    c->commands.add("computeCommandEncoder", encoder);
    c->commands.add("commit", commit);
    c->commands.add("waitUntilCompleted", waitUntilCompleted);
    c->commands.add("status", [](CommandBuffer *self, Selector) { return self->status.load(); });
    c->commands.add("error", [](CommandBuffer *self, Selector) { return self->error.get(); });
    c->commands.add("GPUStartTime", [](CommandBuffer *self, Selector) { return self->start; });
    c->commands.add("GPUEndTime", [](CommandBuffer *self, Selector) { return self->end; });
    c->encoder.add("setComputePipelineState:",
                   [](Encoder *self, Selector, Pipeline *pipeline) { self->pipeline = pipeline; });
    c->encoder.add("setBuffer:offset:atIndex:", setBuffer);
    c->encoder.add("setBytes:length:atIndex:", setBytes);
    c->encoder.add("dispatchThreads:threadsPerThreadgroup:", dispatchThreads);
    c->encoder.add("endEncoding", endEncoding);
    return *c;
  }();
  return all;
}

} // namespace

Object *newQueue() {
  auto *made = objc::make<Queue>(classes().queue);
  std::thread([worker = made->worker] { work(worker); }).detach();
  return made;
}

} // namespace enigma::fakemetal
