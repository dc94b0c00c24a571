// SPDX-License-Identifier: MIT
//
// A small Objective-C runtime, enough for metal-cpp's calls: classes with methods, messages, reference
// counts, autorelease pools. It watches what a real one leaves to luck: messages to dead objects,
// over-release, autorelease without a pool.
//
//   struct Lamp : objc::Object { bool on = false; };
//   objc::Class &lamp = objc::define("Lamp");
//   lamp.add("switchOn", [](Lamp *self, objc::Selector) { self->on = true; });
//   Lamp *one = objc::make<Lamp>(lamp);           // the caller owns it
#pragma once

#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

namespace enigma::objc {

using Selector = const char *; // interned: equal text is one pointer

struct Class;

struct Object {
  const Class *isa = nullptr;
  std::atomic<long> references{1};
  virtual ~Object() = default;
};

/// Class methods are those of `meta`.
struct Class : Object {
  std::string name;
  const Class *parent = nullptr;
  Class *meta = nullptr;
  Object *(*create)() = nullptr; // for `alloc`; null for what only a device makes
  std::unordered_map<Selector, void *> methods;

  template <class Method>
  void add(const char *selector, Method method) {
    methods[intern(selector)] = reinterpret_cast<void *>(+method);
  }
  static Selector intern(const char *selector);
};

/// A new class below `parent` (null: NSObject).
Class &define(const char *name, Object *(*create)() = nullptr, const Class *parent = nullptr);
/// Begins the life of an object that was made with `new`.
void enroll(Object *object, const Class &of);

template <class T>
T *make(const Class &of) {
  T *object = new T;
  enroll(object, of);
  return object;
}

void retain(Object *object);
void release(Object *object);
/// Hands a reference to the innermost pool of this thread.
void autorelease(Object *object);

/// A reference that is counted.
template <class T>
class Ref {
public:
  Ref() = default;
  explicit Ref(T *to) : object(to) {
    if (object)
      retain(object);
  }
  Ref(const Ref &other) : Ref(other.object) {}
  Ref &operator=(Ref other) {
    std::swap(object, other.object);
    return *this;
  }
  ~Ref() {
    if (object)
      release(object);
  }
  T *operator->() const { return object; }
  T *get() const { return object; }
  explicit operator bool() const { return object; }

private:
  T *object = nullptr;
};

/// Notes something that a program must not do, for `takeMisuse`.
void misuse(const std::string &what);
/// What was noted since the last call.
std::vector<std::string> takeMisuse();
/// Names of the classes of all objects alive, sorted; pools included, classes not.
std::vector<std::string> liveObjects();

} // namespace enigma::objc
