// SPDX-License-Identifier: MIT
//
// A map from keys to shared results that forgets the least recently used. Two threads that miss one key at
// the same time both make the result, and the first one's is kept: making it under the lock would let one
// slow kernel hold up all others.
#pragma once

#include "enigma/Compile/Compile.h"

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace enigma::compile {

template <class T>
class Cache {
public:
  explicit Cache(size_t capacity) : capacity(capacity) {}

  template <class Make>
  std::shared_ptr<T> get(const Hash128 &key, Make make) {
    {
      std::lock_guard lock(mutex);
      if (auto it = entries.find(key); it != entries.end()) {
        ++hits;
        order.splice(order.begin(), order, it->second.second);
        return it->second.first;
      }
      ++misses;
    }
    std::shared_ptr<T> made = make();
    std::lock_guard lock(mutex);
    if (auto it = entries.find(key); it != entries.end())
      return it->second.first;
    order.push_front(key);
    entries.emplace(key, std::pair(made, order.begin()));
    if (entries.size() > capacity) {
      entries.erase(order.back());
      order.pop_back();
    }
    return made;
  }

  CacheStatistics statistics() {
    std::lock_guard lock(mutex);
    return {hits, misses, entries.size()};
  }

  void clear() {
    std::lock_guard lock(mutex);
    entries.clear();
    order.clear();
  }

private:
  size_t capacity;
  std::mutex mutex;
  std::list<Hash128> order; ///< most recently used first
  std::unordered_map<Hash128, std::pair<std::shared_ptr<T>, std::list<Hash128>::iterator>> entries;
  uint64_t hits = 0, misses = 0;
};

} // namespace enigma::compile
