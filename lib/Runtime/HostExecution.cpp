// SPDX-License-Identifier: MIT
//
// See HostExecution.h.
#include "HostExecution.h"

#include <bit>
#include <cstdio>
#include <utility>

namespace enigma::runtime {
namespace {

constexpr auto kAskEvery = std::chrono::milliseconds(20);
/// The clock is read no more often than this: most launches end before.
constexpr uint64_t kLookEveryMicroseconds = 500;
/// A launch of more units than this stops handing them out once the access that it will report is known. A
/// smaller one runs to its end, and the report says how many accesses were out of bounds.
constexpr uint64_t kCountAllUnits = 1 << 16;
/// Its address names the thread.
thread_local char threadMark;

} // namespace

HostExecution::HostExecution(const Pipeline &of, const std::atomic<uint32_t> *stopFlag)
    : pipeline(of), stopAll(stopFlag) {
  launch.outOfBounds = &outOfBounds;
  launch.groupFault = &groupFault;
  launch.cancel = &work.cancel;
  launch.poll = &pollFromKernel;
  launch.runtime = this;
}

void HostExecution::runUnits(void *self, uint64_t begin, uint64_t end) {
  auto *execution = static_cast<HostExecution *>(self);
  execution->pipeline.kernel().entry(&execution->launch, begin, end);
}

bool HostExecution::betweenPieces(void *self) { return static_cast<HostExecution *>(self)->mustStop(); }

/// Whether no thread of the units from `nextUnit` on can come before the one whose access is on record. Units
/// are claimed in order, and their first threads are in grid order.
bool HostExecution::isReported(void *self, uint64_t nextUnit) {
  const auto *execution = static_cast<HostExecution *>(self);
  const uint64_t reported = execution->outOfBounds.firstThread.load(std::memory_order_relaxed);
  if (reported == UINT64_MAX)
    return false;
  const auto &launch = execution->launch;
  const uint64_t width = launch.grid[0], height = launch.grid[1];
  if (execution->pipeline.kernel().traversal == hostabi::Traversal::Flat) {
    const uint64_t row = nextUnit / launch.blocksPerRow, block = nextUnit % launch.blocksPerRow;
    return row * width + block * hostabi::kLanes > reported;
  }
  const uint64_t x = nextUnit % launch.groups[0] * launch.threads[0];
  const uint64_t y = nextUnit / launch.groups[0] % launch.groups[1] * launch.threads[1];
  const uint64_t z = nextUnit / launch.groups[0] / launch.groups[1] * launch.threads[2];
  return (z * height + y) * width + x > reported;
}

bool HostExecution::pollFromKernel(const hostabi::LaunchContext *launch) {
  auto *execution = static_cast<HostExecution *>(launch->runtime);
  if (!execution->mustStop())
    return false;
  execution->work.cancel.store(1, std::memory_order_relaxed);
  return true;
}

bool HostExecution::mustStop() {
  if (work.cancel.load(std::memory_order_relaxed))
    return true;
  const auto note = [&](Stop why) {
    Stop none = Stop::None;
    stop.compare_exchange_strong(none, why);
    return true;
  };
  if (stopAll && stopAll->load(std::memory_order_relaxed))
    return note(Stop::Dropped);
  if (options->timeout <= 0 && !options->interrupt)
    return false;
  const uint64_t tick = ticks();
  if (tick - lookedAt.load(std::memory_order_relaxed) < kLookEveryMicroseconds * ticksPerMicrosecond())
    return false;
  lookedAt.store(tick, std::memory_order_relaxed);
  const Clock::time_point now = Clock::now();
  if (options->timeout > 0 && std::chrono::duration<double>(now - start).count() > options->timeout)
    return note(Stop::Timeout);
  if (options->interrupt && &threadMark == callingThread && now - lastAsked >= kAskEvery) {
    lastAsked = now;
    // Kernel code is below this frame on the stack and cannot be unwound, so what is thrown waits until the
    // end.
    try {
      if (options->interrupt(options->interruptState))
        return note(Stop::Interrupt);
    } catch (...) {
      thrown = std::current_exception();
      return note(Stop::Interrupt);
    }
  }
  return false;
}

double HostExecution::execute(const RunOptions &how) {
  const auto &kernel = pipeline.kernel();
  options = &how;
  const bool watched = how.timeout > 0 || how.interrupt || stopAll;
  work.body = &runUnits;
  work.state = this;
  work.between = watched ? &betweenPieces : nullptr;
  work.units = hostabi::workUnits(launch, kernel.traversal);
  work.isEnough = work.units > kCountAllUnits ? &isReported : nullptr;
  work.cancel.store(0, std::memory_order_relaxed);
  work.error = nullptr;
  outOfBounds.reset();
  groupFault.reset();
  stop.store(Stop::None, std::memory_order_relaxed);
  thrown = nullptr;
  callingThread = &threadMark;
  lookedAt.store(watched ? ticks() : 0, std::memory_order_relaxed);
  lastAsked = Clock::time_point();
  if (how.timeout > 0 || how.timed)
    start = Clock::now();

  if (!stopAll || !mustStop())
    ThreadPool::instance().run(work);

  const double milliseconds =
      how.timed ? std::chrono::duration<double, std::milli>(Clock::now() - start).count() : 0.0;
  switch (stop.load(std::memory_order_relaxed)) {
  case Stop::None:
    break;
  case Stop::Timeout: {
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%g", how.timeout);
    throw Error(ErrorKind::Launch, kernel.name + ": stopped after the time-out of " + seconds + " s", {},
                {"what the kernel had written by then stays written"});
  }
  case Stop::Interrupt:
    if (thrown)
      std::rethrow_exception(std::exchange(thrown, nullptr));
    throw Error(ErrorKind::Launch, kernel.name + ": interrupted", {},
                {"what the kernel had written by then stays written"});
  case Stop::Dropped:
    throw Error(ErrorKind::Launch, kernel.name + ": stopped, because its stream was interrupted");
  }
  if (groupFault.isRaised())
    throwGroupFault();
  if (outOfBounds.count.load(std::memory_order_relaxed))
    throwOutOfBounds();
  return milliseconds;
}

void HostExecution::throwGroupFault() const {
  using Kind = hostabi::GroupFault::Kind;
  const hostabi::GroupFault &fault = groupFault;
  const std::string &name = pipeline.kernel().name;
  if (fault.kind == Kind::Memory)
    throw Error(ErrorKind::Device, name + ": no memory for the threads that wait at its barriers");
  const auto simdgroup = [](uint32_t number) { return "simdgroup " + std::to_string(number); };
  const std::string group = "threadgroup (" + std::to_string(fault.group[0]) + ", " +
                            std::to_string(fault.group[1]) + ", " + std::to_string(fault.group[2]) + ")";
  std::string message = name + ": ";
  std::vector<std::string> notes;
  const std::string threads = std::to_string(std::popcount(fault.present)) + " of the " +
                              std::to_string(std::popcount(fault.expected)) + " threads of " +
                              simdgroup(fault.simdgroup) + ", " + group;
  constexpr const char *left = "the threadgroup was given up there; what it had written stays written";
  const SourceLoc place = pipeline.siteLocation(fault.site);
  switch (fault.kind) {
  case Kind::Matrix:
    throw Error(
        ErrorKind::Launch, message + "the operation on a simdgroup matrix is reached by " + threads, place,
        {"all threads of a simdgroup must come to it: branch on what is the same in all lanes", left});
  case Kind::Place:
    throw Error(
        ErrorKind::Launch, message + "the place of a simdgroup matrix in memory is the same in " + threads,
        place,
        {"it must be the same in all lanes; simd_broadcast_first(x) gives that of the first one", left});
  case Kind::Carried:
    throw Error(
        ErrorKind::Launch,
        message + "the lanes of a simdgroup would hold different matrices: the condition parts " + threads +
            ", from the others",
        place,
        {"all lanes hold a matrix together: change it where the condition is the same in all of them", left});
  case Kind::Lanes:
    message += "the barrier is reached by " + threads;
    break;
  case Kind::Rounds:
    message += "the barrier is reached by " + simdgroup(fault.simdgroup) + " in one round of a loop and by " +
               simdgroup(fault.otherSimdgroup) + " of the same threadgroup in another, " + group;
    break;
  default:
    message += "the barrier is reached by " + simdgroup(fault.simdgroup) + " while " +
               simdgroup(fault.otherSimdgroup);
    if (fault.other == hostabi::GroupFault::finished) {
      message += " of the same threadgroup has ended without it, " + group;
    } else {
      message += " of the same threadgroup waits at another one, " + group;
      if (const SourceLoc other = pipeline.siteLocation(fault.other))
        notes.push_back("the other barrier is at " + other.file + ":" + std::to_string(other.line));
    }
  }
  notes.push_back("all threads of a threadgroup must come to each barrier, in the same order");
  notes.emplace_back(left);
  throw Error(ErrorKind::Launch, std::move(message), place, std::move(notes));
}

void HostExecution::throwOutOfBounds() const {
  const auto &kernel = pipeline.kernel();
  const auto &record = outOfBounds;
  std::string index = record.indexIsUnsigned ? std::to_string(static_cast<uint64_t>(record.index))
                                             : std::to_string(record.index);
  // A vector that begins inside and ends outside.
  if (record.index >= 0 && static_cast<uint64_t>(record.index) < static_cast<uint64_t>(record.size))
    index += " and its neighbours";
  const bool isParam = record.param < kernel.params.size();
  const size_t array = record.param - kernel.params.size();
  const std::string what = isParam                        ? "parameter " + kernel.params[record.param].name
                           : array < kernel.arrays.size() ? "array " + kernel.arrays[array].name
                                                          : "array ?";
  const uint64_t others = record.count.load(std::memory_order_relaxed) - 1;
  std::string message = kernel.name + ": " + (record.isStore ? "store to" : "load from") + " " + what +
                        " is out of bounds: index " + index + ", size " + std::to_string(record.size) +
                        ", thread (" + std::to_string(record.thread[0]) + ", " +
                        std::to_string(record.thread[1]) + ", " + std::to_string(record.thread[2]) + ")";
  std::vector<std::string> notes;
  notes.push_back(record.isStore ? "the store was left out" : "the load gave 0");
  if (work.isEnough)
    notes.push_back("the launch stopped there: threads after that one may not have run");
  else if (others)
    notes.push_back(std::to_string(others) + (others == 1 ? " more access was" : " more accesses were") +
                    " out of bounds");
  notes.push_back(record.isStore ? std::string("guard it with store_if") : "guard it with load_if");
  if (isParam)
    notes.back() += ", or launch a smaller grid";
  throw Error(ErrorKind::OutOfBounds, std::move(message), pipeline.siteLocation(record.site),
              std::move(notes));
}

} // namespace enigma::runtime
