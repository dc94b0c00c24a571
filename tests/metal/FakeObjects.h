// SPDX-License-Identifier: MIT
//
// The objects that both files of the fake Metal know.
#pragma once

#include "FakeKernels.h"
#include "FakeMetal.h"
#include "ObjectiveC.h"

#include <functional>

namespace enigma::fakemetal {

using objc::Class;
using objc::misuse;
using objc::Object;
using objc::Ref;
using objc::Selector;

/// As MTL::Size lies in memory.
struct Size {
  uint64_t width, height, depth;
};

struct String : Object {
  std::string text;
};
struct Error : Object {
  long code = 0;
  std::string text;
};
struct Url : Object {
  std::string path;
};
struct Array : Object {
  std::vector<Ref<Object>> items;
};
struct Library : Object {
  std::string source;
  std::shared_ptr<KernelLibrary> kernels;
};
struct Function : Object {
  std::shared_ptr<KernelLibrary> kernels;
  const Kernel *kernel = nullptr;
  std::string identity; // of the text, the constants and the name
};
struct Pipeline : Object {
  ~Pipeline() override;
  std::shared_ptr<KernelLibrary> kernels;
  const Kernel *kernel = nullptr;
  uint64_t maxThreads = 0;
  std::atomic<int> uses{0}; // by command buffers, which do not retain
};
struct Buffer : Object {
  ~Buffer() override;
  char *contents = nullptr;
  uint64_t length = 0, mapped = 0; // not mapped: the user's memory
  std::atomic<int> uses{0};
};

String *autoreleasedString(const std::string &text);
Error *newError(long code, const std::string &text);
Pipeline *newPipeline(Object *device, Selector, Function *function, Object **error);
Object *newQueue();
/// Classes and methods of FakePrograms.cpp.
void addPrograms(Class &device);
void note(const std::function<void(Record &)> &change);

} // namespace enigma::fakemetal
