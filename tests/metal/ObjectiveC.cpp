// SPDX-License-Identifier: MIT
//
// See ObjectiveC.h. objc_msgSend keeps the registers of the arguments, finds the method, and jumps to it, so
// that a method is an ordinary function of (self, selector, arguments...). x86-64 System V only.
#include "ObjectiveC.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <objc/message.h>
#include <set>
#include <unordered_set>
#include <utility>

#if !defined(__x86_64__)
#error "messages are passed on in assembly for x86-64 only"
#endif

namespace enigma::objc {
namespace {

struct World {
  std::mutex mutex;
  std::set<std::string> selectors;
  std::map<std::string, Class *> classes;
  std::unordered_set<const Object *> alive;
  std::vector<std::string> wrong;
};

// Static objects of metal-cpp look classes up before main, and pools may outlive it.
World &world() {
  static auto *the = new World;
  return *the;
}

struct AutoreleasePool : Object {
  std::vector<Object *> objects;
};
thread_local std::vector<AutoreleasePool *> pools;

[[noreturn]] void die(const std::string &why) {
  std::fprintf(stderr, "Objective-C: %s\n", why.c_str());
  std::abort();
}

void drain(AutoreleasePool *pool) {
  if (std::find(pools.begin(), pools.end(), pool) == pools.end())
    die("an autorelease pool is drained on another thread");
  if (pools.back() != pool)
    misuse("autorelease pools are drained out of order");
  std::erase(pools, pool);
  // A destructor may autorelease, into the pool outside.
  for (auto it = pool->objects.rbegin(); it != pool->objects.rend(); ++it)
    release(*it);
}

const Class &object() {
  static const Class &the = []() -> Class & {
    Class &base = *new Class;
    base.name = "NSObject";
    base.meta = new Class;
    base.isa = base.meta;
    base.meta->name = base.name;
    base.meta->isa = base.meta;
    base.add("init", [](Object *self, Selector) { return self; });
    base.add("retain", [](Object *self, Selector) {
      retain(self);
      return self;
    });
    base.add("release", [](Object *self, Selector) { release(self); });
    base.add("autorelease", [](Object *self, Selector) {
      autorelease(self);
      return self;
    });
    base.add("respondsToSelector:", [](Object *self, Selector, Selector asked) {
      for (const Class *c = self->isa; c; c = c->parent)
        if (c->methods.contains(asked))
          return true;
      return false;
    });
    base.add("methodSignatureForSelector:", [](Object *, Selector, Selector) -> Object * { return nullptr; });
    base.meta->add("alloc", [](Class *self, Selector) -> Object * {
      if (!self->create)
        die("+[" + self->name + " alloc] is not possible");
      Object *made = self->create();
      enroll(made, *self);
      return made;
    });
    return base;
  }();
  return the;
}

const Class &poolClass() {
  static Class &the = []() -> Class & {
    Class &made = define("NSAutoreleasePool", []() -> Object * { return new AutoreleasePool; });
    made.add("init", [](AutoreleasePool *self, Selector) {
      pools.push_back(self);
      return self;
    });
    return made;
  }();
  return the;
}

} // namespace

Selector Class::intern(const char *selector) {
  World &w = world();
  std::lock_guard lock(w.mutex);
  return w.selectors.insert(selector).first->c_str();
}

Class &define(const char *name, Object *(*create)(), const Class *parent) {
  const Class &base = parent ? *parent : object();
  auto *made = new Class;
  made->name = name;
  made->parent = &base;
  made->create = create;
  made->meta = new Class;
  made->meta->name = name;
  made->meta->parent = base.meta;
  made->meta->isa = made->meta;
  made->isa = made->meta;
  World &w = world();
  std::lock_guard lock(w.mutex);
  w.classes[name] = made;
  return *made;
}

void enroll(Object *object, const Class &of) {
  object->isa = &of;
  World &w = world();
  std::lock_guard lock(w.mutex);
  w.alive.insert(object);
}

void retain(Object *object) { object->references.fetch_add(1, std::memory_order_relaxed); }

void release(Object *object) {
  {
    World &w = world();
    std::lock_guard lock(w.mutex);
    if (!w.alive.contains(object))
      die("an object is released too often");
    if (object->references.fetch_sub(1, std::memory_order_acq_rel) > 1)
      return;
    w.alive.erase(object);
  }
  if (auto *pool = dynamic_cast<AutoreleasePool *>(object))
    drain(pool);
  delete object;
}

void autorelease(Object *object) {
  if (pools.empty())
    misuse("a " + object->isa->name + " is autoreleased where there is no pool, and leaks");
  else
    pools.back()->objects.push_back(object);
}

void misuse(const std::string &what) {
  World &w = world();
  std::lock_guard lock(w.mutex);
  w.wrong.push_back(what);
}

std::vector<std::string> takeMisuse() {
  World &w = world();
  std::lock_guard lock(w.mutex);
  return std::exchange(w.wrong, {});
}

std::vector<std::string> liveObjects() {
  World &w = world();
  std::lock_guard lock(w.mutex);
  std::vector<std::string> names;
  for (const Object *object : w.alive)
    names.push_back(object->isa->name);
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace enigma::objc

using enigma::objc::Object, enigma::objc::Selector, enigma::objc::World, enigma::objc::world;

extern "C" {

void standInNothing();

/// The method that a message calls; one that gives zero for a message to nil.
void *standInFindMethod(Object *self, Selector selector) {
  if (!self)
    return reinterpret_cast<void *>(&standInNothing);
  World &w = world();
  std::lock_guard lock(w.mutex);
  const bool isClass = std::any_of(w.classes.begin(), w.classes.end(),
                                   [&](const auto &entry) { return entry.second == self; });
  if (!isClass && !w.alive.contains(self))
    enigma::objc::die(std::string("the message ") + selector + " is sent to a dead object");
  for (const enigma::objc::Class *c = self->isa; c; c = c->parent)
    if (const auto found = c->methods.find(selector); found != c->methods.end())
      return found->second;
  enigma::objc::die((isClass ? "+[" : "-[") + self->isa->name + " " + selector + "] does not exist here");
}

enigma::objc::Class *standInLookUp(const char *name) {
  enigma::objc::poolClass();
  World &w = world();
  std::lock_guard lock(w.mutex);
  const auto found = w.classes.find(name);
  return found == w.classes.end() ? nullptr : found->second;
}

Protocol *objc_getProtocol(const char *) { return nullptr; }
SEL sel_registerName(const char *name) {
  return reinterpret_cast<SEL>(const_cast<char *>(enigma::objc::Class::intern(name)));
}
}

// Six integer registers, rax (the number of vector arguments) and eight vector registers carry arguments.
// With a large result, rdi is its address and the object comes second.
asm(R"(
.macro enigma_message name, self, selector
  .text
  .globl \name
  .type \name, @function
\name:
  pushq %rbp
  movq %rsp, %rbp
  pushq %rdi
  pushq %rsi
  pushq %rdx
  pushq %rcx
  pushq %r8
  pushq %r9
  pushq %rax
  subq $136, %rsp
  movups %xmm0, 0(%rsp)
  movups %xmm1, 16(%rsp)
  movups %xmm2, 32(%rsp)
  movups %xmm3, 48(%rsp)
  movups %xmm4, 64(%rsp)
  movups %xmm5, 80(%rsp)
  movups %xmm6, 96(%rsp)
  movups %xmm7, 112(%rsp)
  movq \self(%rbp), %rdi
  movq \selector(%rbp), %rsi
  call standInFindMethod
  movq %rax, %r11
  movups 0(%rsp), %xmm0
  movups 16(%rsp), %xmm1
  movups 32(%rsp), %xmm2
  movups 48(%rsp), %xmm3
  movups 64(%rsp), %xmm4
  movups 80(%rsp), %xmm5
  movups 96(%rsp), %xmm6
  movups 112(%rsp), %xmm7
  addq $136, %rsp
  popq %rax
  popq %r9
  popq %r8
  popq %rcx
  popq %rdx
  popq %rsi
  popq %rdi
  popq %rbp
  jmpq *%r11
  .size \name, .-\name
.endm
enigma_message objc_msgSend, -8, -16
enigma_message objc_msgSend_fpret, -8, -16
enigma_message objc_msgSend_stret, -16, -24
  .globl standInNothing
  .type standInNothing, @function
standInNothing:
  xorl %eax, %eax
  xorl %edx, %edx
  xorps %xmm0, %xmm0
  ret
  .size standInNothing, .-standInNothing
)");
