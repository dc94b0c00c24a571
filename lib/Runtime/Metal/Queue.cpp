// SPDX-License-Identifier: MIT
//
// See Queue.h.
#include "Queue.h"

#include "../ThreadPool.h"
#include "Failures.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace enigma::runtime::metal {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr size_t kMostInBatch = 64;
constexpr uint64_t kSpinMicroseconds = 100;
constexpr auto kLongestSleep = microseconds(1000);
constexpr auto kAskEvery = std::chrono::milliseconds(20);

bool isDone(const MTL::CommandBuffer *commands) {
  return commands->status() >= MTL::CommandBufferStatusCompleted; // or the error, which comes after it
}

bool hasFailed(const MTL::CommandBuffer *commands) {
  return commands->status() == MTL::CommandBufferStatusError;
}

std::string namesOf(const std::vector<std::shared_ptr<Binding>> &bindings) {
  std::string out;
  std::vector<std::string> seen;
  for (const auto &binding : bindings)
    if (std::find(seen.begin(), seen.end(), binding->kernel()) == seen.end()) {
      seen.push_back(binding->kernel());
      out += (out.empty() ? "" : ", ") + binding->kernel();
    }
  return bindings.size() > 1 ? out + " (one of " + std::to_string(bindings.size()) + " launches)" : out;
}

} // namespace

/// Waits for command buffers on behalf of one caller.
class Patience {
public:
  explicit Patience(RunOptions of) : options(of) {}

  /// False if the caller's time-out or interrupt came first.
  bool waitFor(MTL::CommandBuffer *commands) {
    const uint64_t until = ticks() + kSpinMicroseconds * ticksPerMicrosecond();
    while (!isDone(commands) && ticks() < until)
      pauseInSpin();
    if (options.timeout <= 0 && !options.interrupt) {
      if (!isDone(commands))
        commands->waitUntilCompleted();
      return true;
    }
    for (auto sleep = microseconds(20); !isDone(commands); sleep = std::min(2 * sleep, kLongestSleep)) {
      const Clock::time_point now = Clock::now();
      if (options.timeout > 0 && std::chrono::duration<double>(now - start).count() > options.timeout) {
        isTimedOut = true;
        return false;
      }
      if (options.interrupt && now - asked >= kAskEvery) {
        asked = now;
        try {
          if (options.interrupt(options.interruptState))
            return false;
        } catch (...) {
          thrown = std::current_exception();
          return false;
        }
      }
      std::this_thread::sleep_for(sleep);
    }
    return true;
  }

  /// Throws why `waitFor` gave up.
  [[noreturn]] void giveUp(const std::string &subject) const {
    if (thrown)
      std::rethrow_exception(thrown);
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%g", options.timeout);
    throw Error(ErrorKind::Launch,
                subject + (isTimedOut ? std::string(": not done after the time-out of ") + seconds + " s"
                                      : std::string(": interrupted")),
                {}, {"a GPU cannot be stopped: the launch goes on, and later ones come after it"});
  }

private:
  const RunOptions options;
  const Clock::time_point start = Clock::now();
  Clock::time_point asked = start;
  bool isTimedOut = false;
  std::exception_ptr thrown;
};

Queue::Queue(const Owned<MTL::Device> &device, std::shared_ptr<MemoryMap> memory)
    : map(std::move(memory)), queue(owned(device->newCommandQueue())) {
  if (!queue)
    throw Error(ErrorKind::Device, "Metal gave no command queue");
  if (map->residency())
    queue->addResidencySet(map->residency().get());
}

void Queue::finish() {
  const Pool pool;
  Patience patience({});
  drain(UINT64_MAX, patience);
}

/// The references of what it uses are the Batch's or the caller's.
Owned<MTL::CommandBuffer> Queue::newCommands() {
  auto commands = shared(queue->commandBufferWithUnretainedReferences());
  if (!commands)
    throw Error(ErrorKind::Device, "Metal gave no command buffer");
  return commands;
}

void Queue::commitOpen() {
  if (!open.commands)
    return;
  encoder->endEncoding();
  encoder.reset();
  open.commands->commit();
  flying.push_back(std::move(open));
  open = {};
}

/// Moves what the GPU is done with to `done`, which the caller destroys after it has unlocked.
void Queue::retire(std::vector<Batch> &done) {
  while (!flying.empty() && isDone(flying.front().commands.get())) {
    Batch &batch = flying.front();
    if (hasFailed(batch.commands.get()) && !batch.isForgiven)
      failures.push_back({batch.first, std::make_exception_ptr(
                                           launchError(namesOf(batch.bindings), batch.commands->error()))});
    done.push_back(std::move(batch));
    flying.pop_front();
  }
}

uint64_t Queue::submit(std::shared_ptr<Binding> binding, const hostabi::LaunchContext &sizes) {
  const Pool pool;
  std::vector<Batch> done;
  std::lock_guard lock(mutex);
  if (!open.commands) {
    auto commands = newCommands();
    encoder = shared(commands->computeCommandEncoder());
    if (!encoder)
      throw Error(ErrorKind::Device, "Metal gave no compute encoder");
    open.commands = std::move(commands);
    open.first = submitted + 1;
  }
  binding->encode(encoder.get(), sizes);
  const uint64_t ticket = ++submitted;
  binding->usedBy(ticket);
  open.last = ticket;
  open.bindings.push_back(std::move(binding));
  retire(done);
  if (!holds && (flying.empty() || open.bindings.size() >= kMostInBatch))
    commitOpen();
  return ticket;
}

void Queue::hold() {
  std::lock_guard lock(mutex);
  ++holds;
}

void Queue::release() {
  const Pool pool;
  std::lock_guard lock(mutex);
  if (holds && --holds == 0)
    commitOpen();
}

double Queue::run(const std::shared_ptr<Binding> &binding, const hostabi::LaunchContext &sizes,
                  const RunOptions &options) {
  const Pool pool;
  std::vector<Batch> done;
  Patience patience(options);
  // No launch in the background uses memory that is copied: those on views of it run at once. But one that
  // was given up may still be using the copies.
  if (const uint64_t ticket = binding->needsCopies() ? binding->abandoned.load() : 0)
    drain(ticket, patience);
  binding->copyIn();
  Owned<MTL::CommandBuffer> commands;
  {
    std::lock_guard lock(mutex);
    commitOpen();
    commands = newCommands();
    MTL::ComputeCommandEncoder *once = commands->computeCommandEncoder();
    if (!once)
      throw Error(ErrorKind::Device, "Metal gave no compute encoder");
    binding->encode(once, sizes);
    once->endEncoding();
    commands->commit();
    retire(done);
  }
  if (!patience.waitFor(commands.get())) {
    {
      std::lock_guard lock(mutex);
      const uint64_t ticket = ++submitted;
      binding->usedBy(ticket);
      binding->abandoned = ticket;
      flying.push_back({commands, {binding}, ticket, ticket, true});
    }
    patience.giveUp(binding->kernel());
  }
  if (hasFailed(commands.get()))
    throw launchError(binding->kernel(), commands->error());
  binding->copyOut();
  return options.timed ? (commands->GPUEndTime() - commands->GPUStartTime()) * 1e3 : 0;
}

uint64_t Queue::runInOrder(const std::shared_ptr<Binding> &binding, const hostabi::LaunchContext &sizes) {
  std::exception_ptr error;
  try {
    run(binding, sizes, {});
  } catch (...) {
    error = std::current_exception();
  }
  std::lock_guard lock(mutex);
  const uint64_t ticket = ++submitted;
  binding->usedBy(ticket);
  if (error)
    failures.push_back({ticket, error});
  return ticket;
}

std::exception_ptr Queue::takeFailure(uint64_t ticket) {
  std::exception_ptr first;
  uint64_t least = UINT64_MAX;
  for (const Failure &failure : failures)
    if (failure.ticket <= ticket && failure.ticket < least) {
      least = failure.ticket;
      first = failure.error;
    }
  std::erase_if(failures, [&](const Failure &failure) { return failure.ticket <= ticket; });
  return first;
}

/// Waits until nothing up to that ticket is left on the GPU; errors stay where they are.
void Queue::drain(uint64_t ticket, Patience &patience) {
  std::vector<Batch> done;
  for (;;) {
    Owned<MTL::CommandBuffer> next;
    {
      std::lock_guard lock(mutex);
      if (open.commands && open.first <= ticket)
        commitOpen();
      retire(done);
      if (std::any_of(flying.begin(), flying.end(), [&](const Batch &b) { return b.first <= ticket; }))
        next = flying.front().commands;
    }
    done.clear();
    if (!next)
      return;
    if (!patience.waitFor(next.get()))
      patience.giveUp("waiting for earlier launches");
  }
}

void Queue::wait(uint64_t ticket, const RunOptions &options) {
  const Pool pool;
  Patience patience(options);
  drain(ticket, patience);
  std::exception_ptr error;
  {
    std::lock_guard lock(mutex);
    error = takeFailure(ticket);
  }
  if (error)
    std::rethrow_exception(error);
}

void Queue::synchronize(const RunOptions &options) {
  uint64_t last = 0;
  {
    std::lock_guard lock(mutex);
    last = submitted;
  }
  wait(last, options);
}

} // namespace enigma::runtime::metal
