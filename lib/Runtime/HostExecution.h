// SPDX-License-Identifier: MIT
//
// One launch on the CPU, from checked sizes to reported errors: it sets up the LaunchContext, spreads the
// work units over the pool, watches the interrupt and the time-out, and turns what went wrong into an
// exception.
//
//   HostExecution run(pipeline);  bindArguments(..., run.launch.args);  double ms = run.execute(options);
#pragma once

#include "ThreadPool.h"
#include "enigma/Runtime/Device.h"

#include <chrono>
#include <exception>

namespace enigma::runtime {

class HostExecution {
public:
  /// Tells all executions that look at it to stop (a stream's own flag); may be null.
  explicit HostExecution(const Pipeline &pipeline, const std::atomic<uint32_t> *stopAll = nullptr);

  hostabi::LaunchContext launch;

  /// Runs the launch on this thread and the pool's. Milliseconds if `options.timed`, else 0. Throws what the
  /// kernel did wrong (OutOfBounds), what stopped it (Launch), or what the interrupt threw. May be called
  /// again.
  double execute(const RunOptions &options);

private:
  using Clock = std::chrono::steady_clock;
  bool mustStop();
  static void runUnits(void *self, uint64_t begin, uint64_t end);
  static bool betweenPieces(void *self);
  static bool isReported(void *self, uint64_t nextUnit);
  static bool pollFromKernel(const hostabi::LaunchContext *launch);
  [[noreturn]] void throwOutOfBounds() const;
  [[noreturn]] void throwGroupFault() const;

  const Pipeline &pipeline;
  const std::atomic<uint32_t> *stopAll;
  hostabi::OutOfBoundsRecord outOfBounds;
  hostabi::GroupFault groupFault;
  Work work;
  const RunOptions *options = nullptr;
  const void *callingThread = nullptr;
  Clock::time_point start, lastAsked;
  std::atomic<uint64_t> lookedAt{0}; ///< ticks when the clock was last read
  std::exception_ptr thrown;
  enum class Stop : uint8_t { None, Timeout, Interrupt, Dropped };
  std::atomic<Stop> stop{Stop::None};
};

} // namespace enigma::runtime
