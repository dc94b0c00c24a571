// SPDX-License-Identifier: MIT
//
// metal-cpp, and who owns its objects. Methods whose name begins with `new` or `Copy` give an object that the
// caller owns: `owned` takes it. What others give belongs to the innermost autorelease pool: `shared` retains
// it.
//
//   const Pool pool;                                       // in every function that is called from outside
//   Owned<MTL::CommandQueue> queue = owned(device->newCommandQueue());
//   Owned<MTL::CommandBuffer> commands = shared(queue->commandBuffer());
#pragma once

#include <Foundation/Foundation.hpp>
#include <Metal/Metal.hpp>

#include <string>
#include <string_view>

namespace enigma::runtime::metal {

template <class T>
using Owned = NS::SharedPtr<T>;

template <class T>
Owned<T> owned(T *object) {
  return NS::TransferPtr(object);
}
template <class T>
Owned<T> shared(T *object) {
  return NS::RetainPtr(object);
}

/// An autorelease pool for as long as it exists. Threads that are not the program's first have none.
class Pool {
public:
  Pool() : pool(NS::AutoreleasePool::alloc()->init()) {}
  ~Pool() { pool->release(); }
  Pool(const Pool &) = delete;
  Pool &operator=(const Pool &) = delete;

private:
  NS::AutoreleasePool *pool;
};

inline std::string textOf(const NS::String *string) {
  const char *text = string ? string->utf8String() : nullptr;
  return text ? text : "";
}

inline Owned<NS::String> stringOf(std::string_view text) {
  return owned(NS::String::alloc()->init(std::string(text).c_str(), NS::UTF8StringEncoding));
}

} // namespace enigma::runtime::metal
