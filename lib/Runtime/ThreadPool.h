// SPDX-License-Identifier: MIT
//
// The process's pool of CPU threads. A caller brings Work (a body over a range of units) and takes part in
// it; parked threads are woken only when the first units show that the rest is worth the 4 us that a wake-up
// costs. Several callers may run at once: free threads spread over them. Threads spin for 50 us after a job,
// then park.
//
//   Work work{.body = body, .state = &state, .units = 1000};
//   ThreadPool::instance().run(work);      // back when all 1000 units have run
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>

namespace enigma::runtime {

/// One job, on its caller's stack. Units are claimed in pieces by whoever is free.
struct Work {
  void (*body)(void *state, uint64_t begin, uint64_t end) = nullptr;
  void *state = nullptr;
  uint64_t units = 0;
  /// Called on the calling thread only, between pieces and every 20 ms of waiting; true sets `cancel`. Must
  /// not throw.
  bool (*between)(void *state) = nullptr;
  /// Called by any thread after each of its pieces: whether no unit from `next` on is needed. Pieces that
  /// have started run to their end. May be null; must not throw.
  bool (*isEnough)(void *state, uint64_t next) = nullptr;
  /// Non-zero: no further piece starts.
  std::atomic<uint32_t> cancel{0};

  // The pool's own.
  std::atomic<uint64_t> next{0};
  std::atomic<uint32_t> active{0};
  uint64_t mostPerPiece = 1;
  std::exception_ptr error;
  Work *following = nullptr;
};

class ThreadPool {
public:
  /// The pool of this process (of the child, after a fork). Throws enigma::Error if ENIGMA_NUM_THREADS is
  /// unusable.
  static ThreadPool &instance();
  /// Times this process has been created by fork since the library was loaded.
  static uint32_t forkGeneration();

  /// Threads that can work on one job, the caller included.
  unsigned threadCount() const { return threads; }
  /// Threads started so far (tests look at it).
  unsigned startedThreads() const;

  /// Runs all units, or until cancelled. Rethrows what a body threw.
  void run(Work &work);

private:
  explicit ThreadPool(unsigned count);
  struct Shared;
  void publish(Work &work);
  void retire(Work &work);
  unsigned threads;
  std::shared_ptr<Shared> shared;
};

/// Cheap, unscaled time stamp for scheduling decisions; `ticksPerMicrosecond` is a rough scale.
uint64_t ticks();
uint64_t ticksPerMicrosecond();
/// Tells the core that this is a spin loop.
void pauseInSpin();

} // namespace enigma::runtime
