// SPDX-License-Identifier: MIT
//
// Runs a grid as dispatchThreads does: one threadgroup after the other, one fiber per thread, 32 lanes to a
// simdgroup. A thread runs until it ends or synchronises, so code that lacks a barrier reads poison or stale
// data.
//
// Lanes that meet at a simd operation are those whose place in the program is the same; the lanes at the
// earliest place go first and later ones wait for them, as in hardware that reconverges at the end of each
// construct. Faults inside a kernel (bad address, trap of the sanitiser, time-out) end the dispatch with a
// message.
#include "dispatch.h"

#include "fiber.h"
#include "guarded.h"

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

using msl::Fiber;
using msl::GuardedBuffer;

namespace {
constexpr std::uint32_t laneWidth = 32;
constexpr unsigned char poison = 0xff; // reads as NaN in every float format
constexpr std::size_t valueBytes = 256;

struct Scope {
  std::uint32_t position, phase;
  bool operator==(const Scope &o) const { return position == o.position && phase == o.phase; }
  bool operator<(const Scope &o) const {
    return position != o.position ? position < o.position : phase < o.phase;
  }
};

enum class State { ready, exchange, simdBarrier, groupBarrier, done };

struct Lane {
  State state = State::ready;
  std::unique_ptr<Fiber> fiber;
  std::uint32_t numbers[numberCount];
  std::vector<Scope> place; // enclosing scopes; while blocked, the last entry is the site
  const void *value = nullptr;
  std::uint32_t bytes = 0;
  std::uint32_t mask = 0; // result of an exchange
};

struct Simdgroup {
  alignas(16) unsigned char values[laneWidth][valueBytes];
};

struct Fault {
  int signal = 0;
  const void *address = nullptr;
  bool write = false;
  int check = -1; // sanitiser check
};

class Dispatch {
public:
  explicit Dispatch(MslRequest &r) : request(r) {}
  bool run();
  void block(State state, std::uint32_t site);
  void runLane(Lane &lane);
  void finish(const std::string &message);
  std::string describe(const Lane &lane) const;

  MslRequest &request;
  Lane *current = nullptr;
  std::vector<Lane> lanes;
  std::vector<Simdgroup> simdgroups;
  std::vector<void *> arguments;
  std::string error;
  Fault fault;
  sigjmp_buf escape;
  volatile sig_atomic_t inKernel = 0;

private:
  void runGroup(const std::uint32_t group[3], const std::uint32_t groups[3]);
  bool releaseSimdgroup(std::size_t index);
  bool releaseGroup();
  void describeFault();
};

// Runtime code on a fiber: the timer must not jump out of it.
struct InRuntime {
  Dispatch &dispatch;
  explicit InRuntime(Dispatch &d) : dispatch(d) { dispatch.inKernel = 0; }
  ~InRuntime() { dispatch.inKernel = 1; }
};

// One dispatch at a time in a process: kernels keep threadgroup variables in static storage.
std::mutex dispatchMutex;
Dispatch *active = nullptr;
GuardedBuffer slots[64];
std::vector<std::unique_ptr<Fiber>> idleFibers;

std::string placeText(std::uint32_t site) { return "line " + std::to_string(site >> 12); }

std::string Dispatch::describe(const Lane &lane) const {
  auto *p = lane.numbers + positionInGrid;
  auto *g = lane.numbers + threadgroupPosition;
  auto triple = [](const std::uint32_t *v) {
    return "(" + std::to_string(v[0]) + ", " + std::to_string(v[1]) + ", " + std::to_string(v[2]) + ")";
  };
  return "thread " + triple(p) + " of threadgroup " + triple(g);
}

void Dispatch::finish(const std::string &message) {
  if (error.empty())
    error = message;
}

extern "C" void mslThreadMain(void *argument) {
  auto *lane = static_cast<Lane *>(argument);
  active->request.entry(active->arguments.data(), lane->numbers);
  lane->state = State::done;
  lane->fiber->suspend();
}

void Dispatch::runLane(Lane &lane) {
  if (!lane.fiber) {
    if (idleFibers.empty())
      idleFibers.push_back(std::make_unique<Fiber>());
    lane.fiber = std::move(idleFibers.back());
    idleFibers.pop_back();
    lane.fiber->start(mslThreadMain, &lane);
  }
  current = &lane;
  inKernel = 1;
  lane.fiber->resume();
  inKernel = 0;
  current = nullptr;
  if (lane.state == State::done)
    idleFibers.push_back(std::move(lane.fiber));
}

void Dispatch::block(State state, std::uint32_t site) {
  Lane &lane = *current;
  lane.place.push_back({site, 0});
  lane.state = state;
  lane.fiber->suspend();
  lane.place.pop_back();
}

// Lets the lanes at the earliest place go on, if that is a simd operation. Every lane is blocked or done.
bool Dispatch::releaseSimdgroup(std::size_t index) {
  std::size_t begin = index * laneWidth, end = std::min(lanes.size(), begin + laneWidth);
  Lane *first = nullptr;
  for (std::size_t i = begin; i < end; ++i)
    if (lanes[i].state != State::done && (!first || lanes[i].place < first->place))
      first = &lanes[i];
  if (!first || first->state == State::groupBarrier)
    return false;
  std::uint32_t mask = 0;
  bool whole = true;
  for (std::size_t i = begin; i < end; ++i) {
    Lane &lane = lanes[i];
    if (lane.state == first->state && lane.place == first->place && lane.bytes == first->bytes)
      mask |= 1u << (i - begin);
    else
      whole = false;
  }
  if (first->state == State::simdBarrier && !whole) {
    for (std::size_t i = begin; i < end; ++i)
      if (!(mask & (1u << (i - begin)))) {
        finish("simdgroup_barrier at " + placeText(first->place.back().position) + ": " + describe(*first) +
               " waits, but " + describe(lanes[i]) +
               (lanes[i].state == State::done ? " has ended" : " is elsewhere") +
               "; every thread of the simdgroup must reach the barrier");
        return false;
      }
  }
  for (std::size_t i = begin; i < end; ++i)
    if (mask & (1u << (i - begin))) {
      Lane &lane = lanes[i];
      if (lane.state == State::exchange)
        std::memcpy(simdgroups[index].values[i - begin], lane.value, lane.bytes);
      lane.mask = mask;
      lane.state = State::ready;
    }
  return true;
}

// Every lane waits at threadgroup_barrier, is done, or is held up in its simdgroup by such a lane.
bool Dispatch::releaseGroup() {
  Lane *first = nullptr;
  for (Lane &lane : lanes)
    if (lane.state == State::groupBarrier && (!first || lane.place < first->place))
      first = &lane;
  for (Lane &lane : lanes)
    if (lane.state != State::groupBarrier || !(lane.place == first->place)) {
      finish("threadgroup_barrier at " + placeText(first->place.back().position) + ": " + describe(*first) +
             " waits, but " + describe(lane) +
             (lane.state == State::done
                  ? " has ended"
                  : " is at " + placeText(lane.place.back().position) +
                        (lane.place.back().position == first->place.back().position ? " in another iteration"
                                                                                    : "")) +
             "; every thread of the threadgroup must reach the barrier");
      return false;
    }
  for (Lane &lane : lanes)
    lane.state = State::ready;
  return true;
}

void Dispatch::runGroup(const std::uint32_t group[3], const std::uint32_t groups[3]) {
  std::uint32_t size[3];
  std::uint32_t full = 1, total = 1;
  for (int d = 0; d < 3; ++d) {
    size[d] = std::min(request.threads[d], request.grid[d] - group[d] * request.threads[d]);
    total *= size[d];
    full *= request.threads[d];
  }
  if (request.groupBytes)
    std::memset(request.groupMemory, poison, request.groupBytes);
  for (std::uint32_t b = 0; b < request.bufferCount; ++b)
    if (request.buffers[b].threadgroup)
      std::memset(slots[request.buffers[b].slot].data(), poison, request.buffers[b].bytes);

  lanes.resize(total);
  simdgroups.resize((total + laneWidth - 1) / laneWidth);
  for (std::uint32_t i = 0; i < total; ++i) {
    Lane &lane = lanes[i];
    lane.state = State::ready;
    lane.place.clear();
    std::uint32_t at[3] = {i % size[0], i / size[0] % size[1], i / (size[0] * size[1])};
    for (int d = 0; d < 3; ++d) {
      lane.numbers[positionInGrid + d] = group[d] * request.threads[d] + at[d];
      lane.numbers[positionInThreadgroup + d] = at[d];
      lane.numbers[threadgroupPosition + d] = group[d];
      lane.numbers[threadsPerThreadgroup + d] = size[d];
      lane.numbers[dispatchThreadsPerThreadgroup + d] = request.threads[d];
      lane.numbers[threadsPerGrid + d] = request.grid[d];
      lane.numbers[threadgroupsPerGrid + d] = groups[d];
      lane.numbers[gridOrigin + d] = 0;
    }
    lane.numbers[indexInThreadgroup] = i;
    lane.numbers[indexInSimdgroup] = i % laneWidth;
    lane.numbers[simdgroupIndex] = i / laneWidth;
    lane.numbers[simdgroupsPerThreadgroup] = (total + laneWidth - 1) / laneWidth;
    lane.numbers[dispatchSimdgroupsPerThreadgroup] = (full + laneWidth - 1) / laneWidth;
    lane.numbers[threadsPerSimdgroup] = laneWidth;
    lane.numbers[indexInQuadgroup] = i % 4;
    lane.numbers[quadgroupIndex] = i / 4;
    lane.numbers[quadgroupsPerThreadgroup] = (total + 3) / 4;
    lane.numbers[dispatchQuadgroupsPerThreadgroup] = (full + 3) / 4;
  }
  while (error.empty()) {
    for (std::uint32_t k = 0; k < total; ++k) {
      Lane &lane = lanes[request.reverse ? total - 1 - k : k];
      if (lane.state == State::ready)
        runLane(lane);
    }
    bool progress = false;
    for (std::size_t s = 0; s < simdgroups.size() && error.empty(); ++s)
      progress |= releaseSimdgroup(s);
    if (progress || !error.empty())
      continue;
    if (std::all_of(lanes.begin(), lanes.end(), [](const Lane &l) { return l.state == State::done; }))
      return;
    releaseGroup();
  }
}

// ---- faults ----------------------------------------------------------------------------------------------
// `-fsanitize-trap` emits ud1 with the number of the failed check in its last byte.
const char *checkName(int check) {
  switch (check) {
  case 0:
    return "signed addition overflows";
  case 3:
    return "signed division overflows";
  case 5:
    return "a float does not fit the integer it is converted to";
  case 12:
    return "signed multiplication overflows";
  case 13:
    return "signed negation overflows";
  case 18:
    return "an array index is out of bounds";
  case 21:
    return "signed subtraction overflows";
  default:
    return "undefined behaviour";
  }
}

void onFault(int signal, siginfo_t *info, void *context) {
  Dispatch *d = active;
  if (signal == SIGVTALRM && (!d || !d->inKernel))
    return; // the scheduler is running: the timer comes again
  if (!d || !d->inKernel) {
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, nullptr);
    return; // the instruction runs again and the process ends as it would have
  }
  d->inKernel = 0;
  d->fault.signal = signal;
  d->fault.address = info->si_addr;
#if defined(__x86_64__) && defined(__linux__)
  auto *u = static_cast<ucontext_t *>(context);
  d->fault.write = (u->uc_mcontext.gregs[REG_ERR] & 2) != 0;
  if (signal == SIGILL) {
    auto *code = reinterpret_cast<const unsigned char *>(u->uc_mcontext.gregs[REG_RIP]);
    if (code[0] == 0x67 && code[1] == 0x0f && code[2] == 0xb9)
      d->fault.check = code[3] == 0x40 ? code[4] : 0; // no displacement byte: check 0
  }
#else
  (void)context;
#endif
  siglongjmp(d->escape, 1);
}

void Dispatch::describeFault() {
  std::string who = current ? describe(*current) : "a thread";
  if (fault.signal == SIGSEGV || fault.signal == SIGBUS) {
    for (std::uint32_t b = 0; b < request.bufferCount; ++b) {
      const MslBuffer &buffer = request.buffers[b];
      if (buffer.alias)
        continue;
      GuardedBuffer &slot = slots[buffer.slot];
      if (!slot.reserves(fault.address))
        continue;
      long long offset = static_cast<const char *>(fault.address) - slot.data();
      bool inside = offset >= 0 && static_cast<std::uint64_t>(offset) < buffer.bytes;
      finish(who + (fault.write ? " writes " : " reads ") +
             (inside ? "read-only memory, " : "out of bounds: ") +
             (buffer.threadgroup ? "threadgroup(" : "buffer(") + std::to_string(buffer.index) + ") has " +
             std::to_string(buffer.bytes) + " bytes, the access is at byte offset " + std::to_string(offset));
      return;
    }
    if (current && current->fiber && current->fiber->guardContains(fault.address))
      return finish(who + " uses more than " + std::to_string(Fiber::stackBytes) + " bytes of stack");
    char address[32];
    std::snprintf(address, sizeof address, "%p", fault.address);
    return finish(who + (fault.write ? " writes" : " reads") + " at " + address +
                  ", which belongs to no buffer");
  }
  if (fault.signal == SIGILL || fault.signal == SIGTRAP)
    return finish(who + ": " + checkName(fault.check) + " (check " + std::to_string(fault.check) + ")");
  if (fault.signal == SIGFPE)
    return finish(who + ": arithmetic fault");
  finish("time-out after " + std::to_string(request.timeout) + " s in " + who);
}

class Signals {
public:
  explicit Signals(double timeout) {
    stack.resize(64 * 1024);
    stack_t alternate{};
    alternate.ss_sp = stack.data();
    alternate.ss_size = stack.size();
    sigaltstack(&alternate, &oldStack);
    struct sigaction action{};
    action.sa_sigaction = onFault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (std::size_t i = 0; i < std::size(numbers); ++i)
      sigaction(numbers[i], &action, &old[i]);
#if defined(__linux__)
    if (timeout > 0) {
      sigevent event{};
      event.sigev_notify = SIGEV_THREAD_ID;
      event.sigev_signo = numbers[std::size(numbers) - 1];
      event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
      if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) {
        armed = true;
        itimerspec when{};
        when.it_value.tv_sec = static_cast<time_t>(timeout);
        when.it_value.tv_nsec =
            static_cast<long>((timeout - static_cast<double>(when.it_value.tv_sec)) * 1e9);
        when.it_interval.tv_nsec = 50'000'000; // again, in case the first finds the scheduler running
        timer_settime(timer, 0, &when, nullptr);
      }
    }
#else
    (void)timeout;
#endif
  }
  ~Signals() {
#if defined(__linux__)
    if (armed)
      timer_delete(timer);
#endif
    for (std::size_t i = 0; i < std::size(numbers); ++i)
      sigaction(numbers[i], &old[i], nullptr);
    sigaltstack(&oldStack, nullptr);
  }

private:
  static constexpr int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGVTALRM};
  struct sigaction old[std::size(numbers)];
  std::vector<char> stack;
  stack_t oldStack{};
#if defined(__linux__)
  timer_t timer{};
  bool armed = false;
#endif
};

} // namespace

bool Dispatch::run() {
  std::uint32_t most = 0;
  for (std::uint32_t b = 0; b < request.bufferCount; ++b)
    most = std::max(most, request.buffers[b].slot + 1);
  arguments.assign(most, nullptr);
  for (std::uint32_t b = 0; b < request.bufferCount; ++b) {
    MslBuffer &buffer = request.buffers[b];
    if (buffer.alias) {
      arguments[buffer.slot] = arguments[request.buffers[buffer.alias - 1].slot];
      continue;
    }
    std::vector<char> empty;
    if (buffer.threadgroup)
      empty.assign(buffer.bytes, static_cast<char>(poison));
    slots[buffer.slot].fill(buffer.threadgroup ? empty.data() : buffer.data, buffer.bytes,
                            buffer.writable || buffer.threadgroup);
    arguments[buffer.slot] = slots[buffer.slot].data();
  }
  std::uint32_t groups[3];
  for (int d = 0; d < 3; ++d)
    groups[d] = (request.grid[d] + request.threads[d] - 1) / request.threads[d];
  {
    Signals signals(request.timeout);
    if (sigsetjmp(escape, 1) == 0) {
      for (std::uint32_t z = 0; z < groups[2] && error.empty(); ++z)
        for (std::uint32_t y = 0; y < groups[1] && error.empty(); ++y)
          for (std::uint32_t x = 0; x < groups[0] && error.empty(); ++x) {
            std::uint32_t group[3] = {x, y, z};
            runGroup(group, groups);
          }
    } else {
      if (error.empty())
        describeFault();
    }
  }
  // Fibers that stopped in the middle of a kernel own nothing: their stacks are simply used again.
  for (Lane &lane : lanes)
    if (lane.fiber)
      idleFibers.push_back(std::move(lane.fiber));
  for (std::uint32_t b = 0; b < request.bufferCount; ++b) {
    MslBuffer &buffer = request.buffers[b];
    if (buffer.alias)
      continue;
    std::string damage = slots[buffer.slot].damage();
    if (!damage.empty())
      finish("a thread wrote out of bounds: " + std::string(buffer.threadgroup ? "threadgroup(" : "buffer(") +
             std::to_string(buffer.index) + ") has " + std::to_string(buffer.bytes) +
             " bytes, the write is at " + damage);
  }
  for (std::uint32_t b = 0; b < request.bufferCount; ++b) {
    MslBuffer &buffer = request.buffers[b];
    if (buffer.alias)
      continue;
    if (error.empty() && buffer.writable && !buffer.threadgroup && buffer.bytes)
      std::memcpy(buffer.data, slots[buffer.slot].data(), buffer.bytes);
    slots[buffer.slot].clear();
  }
  return error.empty();
}

extern "C" int msl_dispatch(MslRequest *request) {
  std::lock_guard<std::mutex> lock(dispatchMutex);
  auto dispatch = std::make_unique<Dispatch>(*request);
  active = dispatch.get();
  bool good = false;
  try {
    good = dispatch->run();
  } catch (const std::bad_alloc &) {
    dispatch->finish("out of memory for the buffers or stacks of this dispatch");
  }
  active = nullptr;
  if (!good)
    std::snprintf(request->error, request->errorBytes, "%s", dispatch->error.c_str());
  return good ? 0 : 1;
}

extern "C" void msl_barrier(std::uint32_t simdgroupOnly, std::uint32_t site) {
  InRuntime section(*active);
  active->current->bytes = 0;
  active->block(simdgroupOnly ? State::simdBarrier : State::groupBarrier, site);
}

extern "C" std::uint32_t msl_exchange(std::uint32_t site, const void *value, std::uint32_t size, void *all) {
  Dispatch &d = *active;
  InRuntime section(d);
  Lane &lane = *d.current;
  if (size > valueBytes)
    msl_fail("a simdgroup exchange of more than 256 bytes per lane");
  lane.value = value;
  lane.bytes = size;
  d.block(State::exchange, site);
  Simdgroup &group = d.simdgroups[lane.numbers[simdgroupIndex]];
  for (std::uint32_t i = 0; i < laneWidth; ++i)
    std::memcpy(static_cast<char *>(all) + i * size, group.values[i], size);
  return lane.mask;
}

extern "C" void msl_need_all_lanes(std::uint32_t mask) {
  if (mask != 0xffffffffu)
    msl_fail("a simdgroup_matrix operation needs all 32 lanes of the simdgroup");
}

extern "C" std::uint32_t msl_lane() { return active->current->numbers[indexInSimdgroup]; }
extern "C" void msl_scope_enter(std::uint32_t position) {
  InRuntime section(*active);
  active->current->place.push_back({position, 0});
}
extern "C" void msl_scope_advance() { ++active->current->place.back().phase; }
extern "C" void msl_scope_leave() {
  InRuntime section(*active);
  active->current->place.pop_back();
}

extern "C" void msl_fail(const char *message) {
  Dispatch &d = *active;
  d.finish(d.describe(*d.current) + ": " + message);
  d.inKernel = 0;
  siglongjmp(d.escape, 1);
}
