// SPDX-License-Identifier: MIT
//
// The CPU's command stream: launches in order of submission on a thread of its own, which starts when the
// first launch is too big to run at once. A small launch on an idle stream runs on the calling thread, so a
// chain of small kernels costs no wake-up. Tickets count submissions; everything up to `completed` has run.
#pragma once

#include "enigma/Runtime/Device.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

namespace enigma::runtime {

/// A kernel with arguments that were checked, for any number of launches.
struct BoundLaunch {
  BoundLaunch(std::shared_ptr<Pipeline> of, const Capabilities &capabilities, std::span<const Argument> to);
  const std::shared_ptr<Pipeline> pipeline;
  const std::vector<Argument> args; // keep the buffers alive, and hold the scalars
  std::vector<hostabi::BufferArg> bound;
};

class HostStream final : public CommandStream {
public:
  explicit HostStream(const Capabilities &capabilities);
  /// Queues a launch that is bound already; allocates nothing but, now and then, room in the queue.
  uint64_t submit(std::shared_ptr<const BoundLaunch> what, Size3 grid, Size3 threads,
                  const RunOptions &options);
  uint64_t submit(std::shared_ptr<Pipeline> pipeline, std::span<const Argument> args, Size3 grid,
                  Size3 threads, const RunOptions &options) override;
  void wait(uint64_t ticket, const RunOptions &options) override;
  void synchronize(const RunOptions &options) override;
  void hold() override;
  void release() override;

  /// True if nothing is queued or running.
  bool isIdle() const {
    return completed.load(std::memory_order_acquire) == submitted.load(std::memory_order_acquire);
  }
  /// Waits until all that was submitted has run, leaving errors for `wait` and `synchronize`.
  void drain(const RunOptions &options);

private:
  struct Launch {
    std::shared_ptr<const BoundLaunch> what;
    hostabi::LaunchContext sizes;
    double timeout = 0;
    uint64_t ticket = 0;
  };
  /// Launches in order, in a ring that grows and is never given back: a deque would allocate all the time.
  class LaunchQueue {
  public:
    bool empty() const { return count == 0; }
    size_t size() const { return count; }
    Launch &operator[](size_t i) { return ring[(first + i) & (ring.size() - 1)]; }
    Launch &front() { return ring[first]; }
    void push(Launch launch);
    Launch pop();

  private:
    std::vector<Launch> ring; // of a size that is a power of two
    size_t first = 0, count = 0;
  };
  struct Failure {
    uint64_t ticket = 0;
    std::exception_ptr error;
  };
  /// Everything that a fork in another thread can leave in a bad state; a child makes a new one.
  struct State {
    std::mutex mutex;
    std::condition_variable wake, done;
    LaunchQueue queue;
    std::deque<Failure> failures;
    uint32_t holds = 0;    // batches that are open
    uint64_t released = 0; // launches up to this ticket may run
    std::atomic<uint32_t> dropAll{0};
    bool hasThread = false;
    bool isBusy = false; // a launch is running, here or there
  };

  State &state();
  static void runAndRecord(State &state, Launch &launch, uint64_t ticket);
  void threadMain(std::shared_ptr<State> mine);
  static bool isRunnable(State &state);
  void letGo(State &state, std::unique_lock<std::mutex> &lock, uint64_t ticket, uint64_t here);
  void runQueue(State &state, std::unique_lock<std::mutex> &lock, uint64_t here);
  void waitOrThrow(uint64_t ticket, const RunOptions &options);
  bool waitUntil(uint64_t ticket, const RunOptions &options, std::exception_ptr &thrown);
  std::exception_ptr takeFailure(uint64_t ticket);

  const Capabilities &capabilities;
  std::atomic<uint64_t> submitted{0}, completed{0};
  std::atomic<uint32_t> generation{0};
  std::shared_ptr<State> current;
};

} // namespace enigma::runtime
