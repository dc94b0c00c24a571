// SPDX-License-Identifier: MIT
//
// Context switch: 20 instructions on x86-64 Linux, ucontext elsewhere.
#include "fiber.h"

#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace msl {
namespace {
std::size_t page() {
  static const std::size_t bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}
} // namespace

Fiber::Fiber() {
  void *m = mmap(nullptr, page() + stackBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (m == MAP_FAILED)
    throw std::bad_alloc();
  memory = static_cast<char *>(m);
  mprotect(memory + page(), stackBytes, PROT_READ | PROT_WRITE);
}
Fiber::~Fiber() { munmap(memory, page() + stackBytes); }
bool Fiber::guardContains(const void *address) const {
  auto *a = static_cast<const char *>(address);
  return a >= memory && a < memory + page();
}

#if defined(__x86_64__) && defined(__linux__)
// Saves the callee-saved registers and the stack pointer in *from, continues with those of `to`.
extern "C" void mslSwitch(void **from, void *to);
asm(R"(
.text
.globl mslSwitch
.hidden mslSwitch
.type mslSwitch,@function
mslSwitch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size mslSwitch,.-mslSwitch
.globl mslTrampoline
.hidden mslTrampoline
.type mslTrampoline,@function
mslTrampoline:
  movq %r13, %rdi
  callq *%r12
  ud2
.size mslTrampoline,.-mslTrampoline
)");
extern "C" void mslTrampoline();

void Fiber::start(void (*function)(void *), void *argument) {
  void **sp = reinterpret_cast<void **>(memory + page() + stackBytes);
  *--sp = nullptr; // the ABI wants rsp + 8 to be a multiple of 16 where a function begins
  *--sp = nullptr;
  *--sp = reinterpret_cast<void *>(&mslTrampoline);
  *--sp = nullptr;                            // rbp
  *--sp = nullptr;                            // rbx
  *--sp = reinterpret_cast<void *>(function); // r12
  *--sp = argument;                           // r13
  *--sp = nullptr;                            // r14
  *--sp = nullptr;                            // r15
  fiberSp = sp;
}
void Fiber::resume() { mslSwitch(&schedulerSp, fiberSp); }
void Fiber::suspend() { mslSwitch(&fiberSp, schedulerSp); }
#else
namespace {
void enter(unsigned fLow, unsigned fHigh, unsigned aLow, unsigned aHigh) {
  auto join = [](unsigned low, unsigned high) {
    return reinterpret_cast<void *>((static_cast<std::size_t>(high) << 32) | low);
  };
  reinterpret_cast<void (*)(void *)>(join(fLow, fHigh))(join(aLow, aHigh));
}
} // namespace
void Fiber::start(void (*function)(void *), void *argument) {
  getcontext(&fiberContext);
  fiberContext.uc_stack.ss_sp = memory + page();
  fiberContext.uc_stack.ss_size = stackBytes;
  fiberContext.uc_link = nullptr;
  auto f = reinterpret_cast<std::size_t>(function), a = reinterpret_cast<std::size_t>(argument);
  makecontext(&fiberContext, reinterpret_cast<void (*)()>(enter), 4, static_cast<unsigned>(f),
              static_cast<unsigned>(f >> 32), static_cast<unsigned>(a), static_cast<unsigned>(a >> 32));
}
void Fiber::resume() { swapcontext(&schedulerContext, &fiberContext); }
void Fiber::suspend() { swapcontext(&fiberContext, &schedulerContext); }
#endif
} // namespace msl
