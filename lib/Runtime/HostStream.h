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

class HostStream final : public CommandStream {
public:
  explicit HostStream(const Capabilities &capabilities);
  uint64_t submit(std::shared_ptr<Pipeline> pipeline, std::span<const Argument> args, Size3 grid,
                  Size3 threads, const RunOptions &options) override;
  void wait(uint64_t ticket, const RunOptions &options) override;
  void synchronize(const RunOptions &options) override;

  /// True if nothing is queued or running.
  bool isIdle() const {
    return completed.load(std::memory_order_acquire) == submitted.load(std::memory_order_acquire);
  }
  /// Waits until all that was submitted has run, leaving errors for `wait` and `synchronize`.
  void drain(const RunOptions &options);

private:
  struct Launch { // whole before State: libc++'s deque needs its size
    std::shared_ptr<Pipeline> pipeline;
    std::vector<Argument> args; // keep the buffers alive, and hold the scalars
    std::vector<hostabi::BufferArg> bound;
    hostabi::LaunchContext sizes;
    double timeout = 0;
    uint64_t ticket = 0;
  };
  struct Failure {
    uint64_t ticket = 0;
    std::exception_ptr error;
  };
  /// Everything that a fork in another thread can leave in a bad state; a child makes a new one.
  struct State {
    std::mutex mutex;
    std::condition_variable wake, done;
    std::deque<Launch> queue;
    std::deque<Failure> failures;
    std::atomic<uint32_t> dropAll{0};
    bool hasThread = false;
    bool isBusy = false; // a launch is running, here or there
  };

  State &state();
  static void runAndRecord(State &state, Launch &launch, uint64_t ticket);
  void threadMain(std::shared_ptr<State> mine);
  void runQueue(State &state, std::unique_lock<std::mutex> &lock);
  void waitOrThrow(uint64_t ticket, const RunOptions &options);
  bool waitUntil(uint64_t ticket, const RunOptions &options, std::exception_ptr &thrown);
  std::exception_ptr takeFailure(uint64_t ticket);

  const Capabilities &capabilities;
  std::atomic<uint64_t> submitted{0}, completed{0};
  std::atomic<uint32_t> generation{0};
  std::shared_ptr<State> current;
};

} // namespace enigma::runtime
