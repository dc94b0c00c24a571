// SPDX-License-Identifier: MIT
//
// See HostStream.h. Only ThreadPool's fork counter tells a child from its parent: the child finds the
// stream's thread gone and perhaps its mutex locked, so it leaves the old State where it is and starts with
// an empty one; launches that were still queued are reported as lost.
#include "HostStream.h"

#include "HostExecution.h"
#include "LaunchChecks.h"

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <signal.h>
#include <thread>
#include <vector>

namespace enigma::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// A launch of at most so many units runs at once when the stream is idle.
constexpr uint64_t kRunHereUnits = 512;
constexpr uint64_t kSpinMicroseconds = 50;

} // namespace

HostStream::HostStream(const Capabilities &of)
    : capabilities(of), generation(ThreadPool::forkGeneration()), current(std::make_shared<State>()) {}

HostStream::State &HostStream::state() {
  const uint32_t now = ThreadPool::forkGeneration();
  if (generation.load(std::memory_order_acquire) != now) {
    // A child has one thread at first, so nobody else is here. The old state may be locked for ever: it is
    // leaked.
    new std::shared_ptr<State>(std::move(current));
    current = std::make_shared<State>();
    const uint64_t last = submitted.load();
    if (completed.load() != last) {
      current->failures.push_back(
          {last,
           std::make_exception_ptr(Error(
               ErrorKind::Launch, "the process forked while " + std::to_string(last - completed.load()) +
                                      " launches were under way; the child lost them"))});
      completed.store(last);
    }
    generation.store(now, std::memory_order_release);
  }
  return *current;
}

/// Runs one launch, outside the mutex, and keeps its error.
void HostStream::runAndRecord(State &state, Launch &launch, uint64_t ticket) {
  std::exception_ptr error;
  try {
    HostExecution execution(*launch.what->pipeline, &state.dropAll);
    const auto &sizes = launch.sizes;
    std::copy_n(sizes.grid, 3, execution.launch.grid);
    std::copy_n(sizes.threads, 3, execution.launch.threads);
    std::copy_n(sizes.groups, 3, execution.launch.groups);
    execution.launch.blocksPerRow = sizes.blocksPerRow;
    execution.launch.args = launch.what->bound.data();
    RunOptions options;
    options.timeout = launch.timeout;
    execution.execute(options);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    std::lock_guard lock(state.mutex);
    state.failures.push_back({ticket, error});
  }
}

BoundLaunch::BoundLaunch(std::shared_ptr<Pipeline> of, const Capabilities &capabilities,
                         std::span<const Argument> to)
    : pipeline(std::move(of)), args(to.begin(), to.end()),
      bound(std::max<size_t>({1, to.size(), pipeline->kernel().params.size()})) {
  bindArguments(pipeline->kernel(), capabilities, args, bound.data());
}

void HostStream::LaunchQueue::push(Launch launch) {
  if (count == ring.size()) {
    std::vector<Launch> bigger(std::max<size_t>(16, 2 * ring.size()));
    for (size_t i = 0; i < count; ++i)
      bigger[i] = std::move((*this)[i]);
    ring = std::move(bigger);
    first = 0;
  }
  ++count;
  (*this)[count - 1] = std::move(launch);
}

HostStream::Launch HostStream::LaunchQueue::pop() {
  Launch out = std::move(ring[first]);
  first = (first + 1) & (ring.size() - 1);
  --count;
  return out;
}

uint64_t HostStream::submit(std::shared_ptr<Pipeline> pipeline, std::span<const Argument> args, Size3 grid,
                            Size3 threads, const RunOptions &options) {
  const auto &kernel = pipeline->kernel();
  for (size_t i = 0; i < std::min(args.size(), kernel.params.size()); ++i)
    if (!args[i].isScalar() && !args[i].buffer())
      throw Error(ErrorKind::Launch, kernel.name + ": parameter " + kernel.params[i].name +
                                         " of a launch in the background must be a buffer or a scalar");
  return submit(std::make_shared<const BoundLaunch>(std::move(pipeline), capabilities, args), grid, threads,
                options);
}

uint64_t HostStream::submit(std::shared_ptr<const BoundLaunch> what, Size3 grid, Size3 threads,
                            const RunOptions &options) {
  const auto &kernel = what->pipeline->kernel();
  Launch launch;
  setSizes(kernel, capabilities, grid, threads, launch.sizes);
  launch.timeout = options.timeout;
  launch.what = std::move(what);

  State &s = state();
  std::unique_lock lock(s.mutex);
  launch.ticket = submitted.fetch_add(1, std::memory_order_acq_rel) + 1;
  const uint64_t ticket = launch.ticket;
  const bool isSmall = hostabi::workUnits(launch.sizes, kernel.traversal) <= kRunHereUnits;
  const bool isFree = !s.isBusy && s.queue.empty();
  s.queue.push(std::move(launch));
  if (!s.holds)
    letGo(s, lock, ticket, isSmall && isFree ? ticket : 0);
  return ticket;
}

void HostStream::hold() {
  State &s = state();
  std::lock_guard lock(s.mutex);
  ++s.holds;
}

void HostStream::release() {
  State &s = state();
  std::unique_lock lock(s.mutex);
  if (!s.holds || --s.holds) // none: a child, which lost the batch with its launches
    return;
  uint64_t units = 0;
  for (size_t i = 0; i < s.queue.size(); ++i)
    units += hostabi::workUnits(s.queue[i].sizes, s.queue[i].what->pipeline->kernel().traversal);
  const uint64_t last = submitted.load(std::memory_order_acquire);
  letGo(s, lock, last, units <= kRunHereUnits && !s.isBusy ? last : 0);
}

bool HostStream::isRunnable(State &s) { return !s.queue.empty() && s.queue.front().ticket <= s.released; }

/// Lets launches up to `ticket` run: those up to `here` on this thread, the others on the stream's.
void HostStream::letGo(State &s, std::unique_lock<std::mutex> &lock, uint64_t ticket, uint64_t here) {
  s.released = std::max(s.released, ticket);
  if (!isRunnable(s))
    return;
  if (here)
    return runQueue(s, lock, here);
  if (!s.hasThread) {
    // Signals belong to the program's own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread([this, mine = current] { threadMain(mine); }).detach();
      s.hasThread = true;
    } catch (const std::system_error &) {
      // No thread to be had: whoever is running a launch runs the queue, and that is this thread if nobody
      // is.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (s.hasThread)
    s.wake.notify_one();
  else if (!s.isBusy)
    runQueue(s, lock, 0);
}

/// Runs the front of the queue, what follows up to `here`, and where there is no thread to do it all of the
/// queue.
void HostStream::runQueue(State &s, std::unique_lock<std::mutex> &lock, uint64_t here) {
  s.isBusy = true;
  do {
    Launch launch = s.queue.pop();
    lock.unlock();
    const uint64_t ticket = launch.ticket;
    runAndRecord(s, launch, ticket);
    launch = Launch(); // lets go of the buffers before anybody is told
    lock.lock();
    completed.store(ticket, std::memory_order_release);
  } while (isRunnable(s) && (!s.hasThread || s.queue.front().ticket <= here));
  s.isBusy = false;
  s.done.notify_all();
  if (isRunnable(s))
    s.wake.notify_one();
}

void HostStream::threadMain(std::shared_ptr<State> mine) {
  State &s = *mine;
  std::unique_lock lock(s.mutex);
  for (;;) {
    if (s.queue.empty()) {
      lock.unlock();
      const uint64_t until = ticks() + kSpinMicroseconds * ticksPerMicrosecond();
      while (isIdle() && ticks() < until)
        pauseInSpin();
      lock.lock();
    }
    s.wake.wait(lock, [&] { return isRunnable(s) && !s.isBusy; });
    runQueue(s, lock, 0);
  }
}

/// Waits for a ticket; false if the interrupt or the time-out struck first. `thrown` is what the interrupt
/// threw.
bool HostStream::waitUntil(uint64_t ticket, const RunOptions &options, std::exception_ptr &thrown) {
  State &s = state();
  const auto isDone = [&] { return completed.load(std::memory_order_acquire) >= ticket; };
  if (isDone())
    return true;
  {
    std::unique_lock lock(s.mutex);
    if (s.released < ticket) // held by a batch, which nobody may wait for in vain
      letGo(s, lock, ticket, 0);
  }
  const uint64_t until = ticks() + kSpinMicroseconds * ticksPerMicrosecond();
  while (!isDone() && ticks() < until)
    pauseInSpin();
  const Clock::time_point start = Clock::now();
  std::unique_lock lock(s.mutex);
  bool isStopped = false;
  while (!s.done.wait_for(lock, std::chrono::milliseconds(20), isDone)) {
    if (isStopped)
      continue;
    lock.unlock();
    bool stop =
        options.timeout > 0 && std::chrono::duration<double>(Clock::now() - start).count() > options.timeout;
    if (!stop && options.interrupt) {
      try {
        stop = options.interrupt(options.interruptState);
      } catch (...) {
        thrown = std::current_exception();
        stop = true;
      }
    }
    lock.lock();
    if (stop) {
      s.dropAll.store(1, std::memory_order_relaxed);
      isStopped = true;
    }
  }
  if (isStopped) {
    // What was dropped fails with "stopped"; that is this caller's doing, and is not reported to anybody
    // else.
    std::erase_if(s.failures, [&](const Failure &f) { return f.ticket <= ticket; });
    s.dropAll.store(0, std::memory_order_relaxed);
  }
  return !isStopped;
}

std::exception_ptr HostStream::takeFailure(uint64_t ticket) {
  State &s = state();
  std::lock_guard lock(s.mutex);
  if (s.failures.empty() || s.failures.front().ticket > ticket)
    return nullptr;
  std::exception_ptr first = s.failures.front().error;
  std::erase_if(s.failures, [&](const Failure &f) { return f.ticket <= ticket; });
  return first;
}

/// Waits for a ticket, leaving the errors of launches where they are.
void HostStream::waitOrThrow(uint64_t ticket, const RunOptions &options) {
  std::exception_ptr thrown;
  if (waitUntil(ticket, options, thrown))
    return;
  if (thrown)
    std::rethrow_exception(thrown);
  throw Error(ErrorKind::Launch,
              "interrupted while waiting for earlier launches; those still queued were dropped");
}

void HostStream::wait(uint64_t ticket, const RunOptions &options) {
  ticket = std::min(ticket, submitted.load(std::memory_order_acquire));
  waitOrThrow(ticket, options);
  if (std::exception_ptr error = takeFailure(ticket))
    std::rethrow_exception(error);
}

void HostStream::drain(const RunOptions &options) {
  if (!isIdle())
    waitOrThrow(submitted.load(std::memory_order_acquire), options);
}

void HostStream::synchronize(const RunOptions &options) {
  wait(submitted.load(std::memory_order_acquire), options);
}

} // namespace enigma::runtime
