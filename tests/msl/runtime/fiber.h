// SPDX-License-Identifier: MIT
//
// A fiber: a stack of its own and a place to resume, the simplest thing that can stop in the middle of a
// kernel.
//
//     fiber.start([](void *) { ... switchToScheduler(fiber) ... }, nullptr);
//     fiber.resume();   // runs until the fiber switches back or its function returns
#pragma once
#include <cstddef>
#if !defined(__x86_64__) || !defined(__linux__)
#include <ucontext.h>
#endif

namespace msl {
class Fiber {
public:
  static constexpr std::size_t stackBytes = 256 * 1024;
  Fiber();
  ~Fiber();
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;
  // Prepares `function(argument)` to run at the next resume. The function never returns: it ends by
  // suspending.
  void start(void (*function)(void *), void *argument);
  void resume();  // scheduler -> fiber
  void suspend(); // fiber -> scheduler
  bool guardContains(const void *address) const;

private:
  char *memory; // guard page, then the stack
#if defined(__x86_64__) && defined(__linux__)
  void *fiberSp = nullptr;
  void *schedulerSp = nullptr;
#else
  ucontext_t fiberContext, schedulerContext;
#endif
};
} // namespace msl
