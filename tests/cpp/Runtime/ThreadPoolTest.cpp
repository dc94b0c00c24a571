// SPDX-License-Identifier: MIT
//
// The pool runs each unit once, whoever calls, and survives exceptions, cancellation and fork.
#include "ThreadPool.h"

#include "enigma/Support/Error.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using enigma::runtime::ThreadPool;
using enigma::runtime::Work;

namespace {

struct Visits {
  std::vector<std::atomic<uint32_t>> times;
  uint64_t nanosecondsPerUnit = 0;
  explicit Visits(size_t units) : times(units) {}

  static void visit(void *self, uint64_t begin, uint64_t end) {
    auto &visits = *static_cast<Visits *>(self);
    for (uint64_t i = begin; i < end; ++i)
      visits.times[i].fetch_add(1);
    if (visits.nanosecondsPerUnit) {
      const auto until = std::chrono::steady_clock::now() +
                         std::chrono::nanoseconds(visits.nanosecondsPerUnit * (end - begin));
      while (std::chrono::steady_clock::now() < until) {
      }
    }
  }
  bool eachOnce() const {
    for (const auto &count : times)
      if (count.load() != 1)
        return false;
    return true;
  }
};

TEST(ThreadPool, RunsEveryUnitOnce) {
  for (const uint64_t units : {1, 2, 3, 7, 8, 31, 1000, 8191, 8192, 100003}) {
    Visits visits(units);
    Work work;
    work.body = &Visits::visit;
    work.state = &visits;
    work.units = units;
    ThreadPool::instance().run(work);
    EXPECT_TRUE(visits.eachOnce()) << units << " units";
  }
}

TEST(ThreadPool, RunsSlowUnitsOnceOnSeveralThreads) {
  Visits visits(64);
  visits.nanosecondsPerUnit = 20000;
  Work work;
  work.body = &Visits::visit;
  work.state = &visits;
  work.units = 64;
  ThreadPool::instance().run(work);
  EXPECT_TRUE(visits.eachOnce());
  EXPECT_EQ(ThreadPool::instance().startedThreads() + 1, ThreadPool::instance().threadCount());
}

TEST(ThreadPool, KeepsAShortJobOnTheCallingThread) {
  const auto caller = std::this_thread::get_id();
  struct State {
    std::thread::id caller;
    std::atomic<bool> elsewhere{false};
  } state{caller, {}};
  for (int i = 0; i < 200; ++i) {
    Work work;
    work.body = [](void *s, uint64_t, uint64_t) {
      auto *mine = static_cast<State *>(s);
      if (std::this_thread::get_id() != mine->caller)
        mine->elsewhere = true;
    };
    work.state = &state;
    work.units = 32;
    ThreadPool::instance().run(work);
  }
  EXPECT_FALSE(state.elsewhere);
}

TEST(ThreadPool, ServesSeveralCallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 6; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        Visits visits(9000);
        Work work;
        work.body = &Visits::visit;
        work.state = &visits;
        work.units = 9000;
        ThreadPool::instance().run(work);
        wrong += !visits.eachOnce();
      }
    });
  for (auto &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadPool, RethrowsWhatABodyThrowsAndStaysUsable) {
  for (const uint64_t bad : {uint64_t(0), uint64_t(50), uint64_t(99999)}) {
    struct State {
      uint64_t bad;
    } state{bad};
    Work work;
    work.body = [](void *s, uint64_t begin, uint64_t end) {
      const uint64_t bad = static_cast<State *>(s)->bad;
      if (begin <= bad && bad < end)
        throw std::runtime_error("unit " + std::to_string(bad));
    };
    work.state = &state;
    work.units = 100000;
    try {
      ThreadPool::instance().run(work);
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error &error) {
      EXPECT_EQ(error.what(), "unit " + std::to_string(bad));
    }
  }
  Visits visits(20000);
  Work work;
  work.body = &Visits::visit;
  work.state = &visits;
  work.units = 20000;
  ThreadPool::instance().run(work);
  EXPECT_TRUE(visits.eachOnce());
}

TEST(ThreadPool, StopsSoonWhenCancelled) {
  struct State {
    std::atomic<uint64_t> ran{0};
  } state;
  Work work;
  work.body = [](void *s, uint64_t begin, uint64_t end) {
    static_cast<State *>(s)->ran += end - begin;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  };
  work.state = &state;
  work.units = 1u << 20;
  work.between = [](void *s) { return static_cast<State *>(s)->ran.load() > 1000; };
  ThreadPool::instance().run(work);
  EXPECT_GT(state.ran, 1000u);
  EXPECT_LT(state.ran, 1u << 20);
}

/// Runs `check` in a child, which has no pool yet, with ENIGMA_NUM_THREADS set so.
bool inChildWith(const char *threads, bool (*check)()) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    setenv("ENIGMA_NUM_THREADS", threads, 1);
    _exit(check() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ThreadPool, TakesItsSizeFromTheEnvironment) {
  EXPECT_TRUE(inChildWith("1", [] { return ThreadPool::instance().threadCount() == 1; }));
  EXPECT_TRUE(inChildWith("5", [] {
    Visits visits(100000);
    Work work;
    work.body = &Visits::visit;
    work.state = &visits;
    work.units = 100000;
    ThreadPool::instance().run(work);
    return ThreadPool::instance().threadCount() == 5 && ThreadPool::instance().startedThreads() == 4 &&
           visits.eachOnce();
  }));
}

TEST(ThreadPool, RefusesASizeThatIsNoPositiveInteger) {
  for (const char *wrong : {"0", "-2", "many", "3x", "99999999999999999999"})
    EXPECT_TRUE(inChildWith(wrong, [] {
      try {
        ThreadPool::instance();
      } catch (const enigma::Error &error) {
        return error.kind() == enigma::ErrorKind::Device &&
               error.message() == std::string("ENIGMA_NUM_THREADS must be a positive integer, got '") +
                                      getenv("ENIGMA_NUM_THREADS") + "'";
      }
      return false;
    })) << wrong;
}

TEST(ThreadPool, AForkedChildHasAPoolOfItsOwn) {
  Visits before(20000);
  Work work;
  work.body = &Visits::visit;
  work.state = &before;
  work.units = 20000;
  ThreadPool::instance().run(work);

  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    Visits visits(50000);
    Work inChild;
    inChild.body = &Visits::visit;
    inChild.state = &visits;
    inChild.units = 50000;
    ThreadPool::instance().run(inChild);
    _exit(visits.eachOnce() && ThreadPool::forkGeneration() == 1 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

} // namespace
