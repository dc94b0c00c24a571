// SPDX-License-Identifier: MIT
//
// See ThreadPool.h. One mutex guards the list of jobs; units are claimed without it. Threads are detached and
// the pool is never destroyed: at process exit they are parked, and after a fork the child forgets the pool
// and makes its own.
#include "ThreadPool.h"

#include "enigma/Support/Error.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <pthread.h>
#include <signal.h>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace enigma::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kSpinMicroseconds = 50;
/// A job whose remaining units are expected to take less than this stays on the calling thread.
constexpr uint64_t kShareAboveMicroseconds = 20;
/// From this many units on, a job is shared without trying a few units first.
constexpr uint64_t kShareAtOnceUnits = 8192;
/// A piece grows to about this long, so that cancellation, time-outs and the interrupt are seen soon.
constexpr uint64_t kPieceMicroseconds = 500;

/// The next piece to claim, given how long the last one took.
uint64_t nextPiece(uint64_t piece, uint64_t most, uint64_t spentTicks) {
  const uint64_t aim = kPieceMicroseconds * ticksPerMicrosecond();
  if (spentTicks < aim / 2)
    return std::min(piece * 2, most);
  return spentTicks > aim * 2 ? std::max<uint64_t>(piece / 2, 1) : piece;
}

std::atomic<ThreadPool *> currentPool{nullptr};
std::atomic<uint32_t> generation{0};

void forgetPoolInChild() {
  currentPool.store(nullptr, std::memory_order_relaxed);
  generation.fetch_add(1, std::memory_order_relaxed);
}
[[maybe_unused]] const int forkHandlerInstalled = pthread_atfork(nullptr, nullptr, forgetPoolInChild);

#if defined(__linux__)
/// Cores that the container may use at once (cgroup version 2: "quota period" in microseconds, or "max
/// period").
unsigned coresOfContainer() {
  std::ifstream limit("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (limit >> quota >> period && quota > 0 && period > 0)
    return static_cast<unsigned>(std::max(1.0, std::ceil(quota / period)));
  return UINT_MAX;
}
#endif

unsigned usableCores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
    return std::min(static_cast<unsigned>(CPU_COUNT(&set)), coresOfContainer());
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

unsigned requestedThreads() {
  const char *text = std::getenv("ENIGMA_NUM_THREADS");
  if (!text || !*text)
    return usableCores();
  char *end = nullptr;
  errno = 0;
  const long count = std::strtol(text, &end, 10);
  if (*end || errno || count < 1)
    throw Error(ErrorKind::Device,
                std::string("ENIGMA_NUM_THREADS must be a positive integer, got '") + text + "'");
  return static_cast<unsigned>(std::min(count, 1024L));
}

} // namespace

#if defined(__x86_64__)
uint64_t ticks() { return __rdtsc(); }
uint64_t ticksPerMicrosecond() { return 2500; }
void pauseInSpin() { _mm_pause(); }
#else
uint64_t ticks() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}
uint64_t ticksPerMicrosecond() { return 1000; }
void pauseInSpin() {
#if defined(__aarch64__)
  asm volatile("yield");
#endif
}
#endif

/// What the threads see of the pool. They hold it by shared_ptr, so it outlives them.
struct ThreadPool::Shared {
  std::mutex mutex;
  std::condition_variable wake;     // parked threads
  std::condition_variable finished; // callers that wait for a thread's last piece
  std::atomic<uint64_t> epoch{0};   // counts published jobs
  Work *jobs = nullptr;
  unsigned parked = 0;
  unsigned started = 0;

  /// Under the mutex: a job with units left, entered.
  Work *enter() {
    for (Work *w = jobs; w; w = w->following)
      if (!w->cancel.load(std::memory_order_relaxed) && w->next.load(std::memory_order_relaxed) < w->units) {
        w->active.fetch_add(1, std::memory_order_relaxed);
        return w;
      }
    return nullptr;
  }

  void work(Work &job) noexcept {
    try {
      takePart(job, [&] { return job.cancel.load(std::memory_order_relaxed) != 0; });
    } catch (...) {
      std::lock_guard lock(mutex);
      if (!job.error)
        job.error = std::current_exception();
      job.cancel.store(1, std::memory_order_relaxed);
    }
  }

  /// Claims and runs pieces until none is left or `stopped` says so.
  template <class Stopped>
  static void takePart(Work &job, Stopped stopped) {
    uint64_t piece = std::min<uint64_t>(32, job.mostPerPiece);
    while (!job.cancel.load(std::memory_order_relaxed)) {
      const uint64_t begin = job.next.fetch_add(piece, std::memory_order_relaxed);
      if (begin >= job.units)
        return;
      const uint64_t start = ticks();
      job.body(job.state, begin, begin + std::min(piece, job.units - begin));
      if (stopped())
        return;
      if (job.isEnough && job.isEnough(job.state, job.next.load(std::memory_order_relaxed)))
        job.next.store(job.units, std::memory_order_relaxed);
      piece = nextPiece(piece, job.mostPerPiece, ticks() - start);
    }
  }

  [[noreturn]] void threadMain() {
    std::unique_lock lock(mutex);
    for (;;) {
      const uint64_t seen = epoch.load(std::memory_order_relaxed);
      if (Work *job = enter()) {
        lock.unlock();
        work(*job);
        lock.lock();
        // After this store the caller may destroy the job. Only the pool's own fields are touched from here.
        if (job->active.fetch_sub(1, std::memory_order_release) == 1)
          finished.notify_all();
        continue;
      }
      lock.unlock();
      const uint64_t until = ticks() + kSpinMicroseconds * ticksPerMicrosecond();
      while (epoch.load(std::memory_order_relaxed) == seen && ticks() < until)
        pauseInSpin();
      lock.lock();
      if (epoch.load(std::memory_order_relaxed) == seen) {
        ++parked;
        wake.wait(lock, [&] { return epoch.load(std::memory_order_relaxed) != seen; });
        --parked;
      }
    }
  }
};

ThreadPool::ThreadPool(unsigned count) : threads(count), shared(std::make_shared<Shared>()) {}

ThreadPool &ThreadPool::instance() {
  if (ThreadPool *pool = currentPool.load(std::memory_order_acquire))
    return *pool;
  // No lock here: it could be held by another thread at the moment of a fork. A pool has no threads until its
  // first shared job, so the loser of the race just deletes its own.
  std::unique_ptr<ThreadPool> fresh(new ThreadPool(requestedThreads()));
  ThreadPool *expected = nullptr;
  if (currentPool.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel))
    return *fresh.release();
  return *expected;
}

uint32_t ThreadPool::forkGeneration() { return generation.load(std::memory_order_relaxed); }

unsigned ThreadPool::startedThreads() const {
  std::lock_guard lock(shared->mutex);
  return shared->started;
}

void ThreadPool::publish(Work &work) {
  std::lock_guard lock(shared->mutex);
  if (shared->started + 1 < threads) {
    // Signals belong to the program's own threads (Python handles them on its main thread).
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      while (shared->started + 1 < threads) {
        std::thread([s = shared] { s->threadMain(); }).detach();
        ++shared->started;
      }
    } catch (const std::system_error &) {
      // The system gives no more threads: those that there are do the work.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  work.following = shared->jobs;
  shared->jobs = &work;
  shared->epoch.fetch_add(1, std::memory_order_release);
  if (shared->parked > 0)
    shared->wake.notify_all();
}

void ThreadPool::retire(Work &work) {
  std::unique_lock lock(shared->mutex);
  for (Work **link = &shared->jobs; *link; link = &(*link)->following)
    if (*link == &work) {
      *link = work.following;
      break;
    }
  const auto idle = [&] { return work.active.load(std::memory_order_acquire) == 0; };
  if (idle())
    return;
  lock.unlock();
  const uint64_t until = ticks() + kSpinMicroseconds * ticksPerMicrosecond();
  while (!idle() && ticks() < until)
    pauseInSpin();
  lock.lock();
  while (!shared->finished.wait_for(lock, std::chrono::milliseconds(20), idle)) {
    lock.unlock();
    if (work.between && work.between(work.state))
      work.cancel.store(1, std::memory_order_relaxed);
    lock.lock();
  }
}

void ThreadPool::run(Work &work) {
  const uint64_t shareAbove = kShareAboveMicroseconds * ticksPerMicrosecond();
  uint64_t done = 0;
  const auto stopped = [&] {
    if (work.between && work.between(work.state))
      work.cancel.store(1, std::memory_order_relaxed);
    return work.cancel.load(std::memory_order_relaxed) != 0;
  };
  const auto runHere = [&](uint64_t count) {
    work.body(work.state, done, done + count);
    done += count;
    if (work.isEnough && work.isEnough(work.state, done))
      done = work.units;
  };

  // A few units on this thread first: 1/8 of the job, then twice as many, as long as the rest looks short.
  if (threads > 1 && work.units > 1 && work.units < kShareAtOnceUnits) {
    const uint64_t start = ticks();
    uint64_t count = std::max<uint64_t>(1, work.units / 8);
    while (done < work.units) {
      runHere(std::min(count, work.units - done));
      if (done == work.units || stopped())
        return;
      if ((ticks() - start) * (work.units - done) / done > shareAbove)
        break;
      count = done;
    }
  }

  if (threads == 1 || work.units - done <= 1) {
    uint64_t count = 32;
    while (done < work.units) {
      const uint64_t start = ticks();
      runHere(std::min(count, work.units - done));
      if (done == work.units || stopped())
        return;
      count = nextPiece(count, work.units, ticks() - start);
    }
    return;
  }

  work.mostPerPiece = std::clamp<uint64_t>(work.units / (uint64_t(threads) * 16), 1, 1u << 24);
  work.next.store(done, std::memory_order_relaxed);
  publish(work);
  try {
    Shared::takePart(work, stopped);
  } catch (...) {
    // The job lives on this stack: no thread may be left in it.
    work.cancel.store(1, std::memory_order_relaxed);
    work.between = nullptr;
    retire(work);
    throw;
  }
  retire(work);
  if (work.error)
    std::rethrow_exception(work.error);
}

} // namespace enigma::runtime
