// SPDX-License-Identifier: MIT
//
// A vector of trivially copyable elements that keeps the first N inside itself,
// so that the small tuples of everyday layouts never touch the heap.
//
//   InlineVector<int, 4> v;  v.push_back(1);  // no allocation up to 4 elements
#ifndef ENIGMA_SUPPORT_INLINEVECTOR_H
#define ENIGMA_SUPPORT_INLINEVECTOR_H

#include <cassert>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

namespace enigma {

template <class T, uint32_t N>
class InlineVector {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

public:
  InlineVector() {}
  InlineVector(const InlineVector &other) { append(other.data(), other.size()); }
  InlineVector(InlineVector &&other) noexcept { take(other); }
  InlineVector &operator=(const InlineVector &other) {
    if (this != &other) {
      size_ = 0;
      append(other.data(), other.size());
    }
    return *this;
  }
  InlineVector &operator=(InlineVector &&other) noexcept {
    if (this != &other) {
      heap_.reset();
      take(other);
    }
    return *this;
  }

  T *data() { return heap_ ? heap_.get() : local(); }
  const T *data() const { return heap_ ? heap_.get() : local(); }
  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T *begin() { return data(); }
  T *end() { return data() + size_; }
  const T *begin() const { return data(); }
  const T *end() const { return data() + size_; }
  T &operator[](uint32_t i) {
    assert(i < size_);
    return data()[i];
  }
  const T &operator[](uint32_t i) const {
    assert(i < size_);
    return data()[i];
  }
  T &back() { return (*this)[size_ - 1]; }
  const T &back() const { return (*this)[size_ - 1]; }
  void clear() { size_ = 0; }
  void pop_back() { --size_; }
  void truncate(uint32_t n) { size_ = n; }

  void push_back(const T &value) {
    T copy = value; // value may live in this very vector
    if (size_ == capacity_)
      grow(size_ + 1);
    data()[size_++] = copy;
  }
  /// Appends n elements, which may lie inside this vector.
  void append(const T *from, uint32_t n) {
    if (size_ + n > capacity_) {
      std::unique_ptr<T[]> old = std::move(heap_);
      const T *mine = old ? old.get() : local();
      uint32_t capacity = capacity_ * 2 > size_ + n ? capacity_ * 2 : size_ + n;
      std::unique_ptr<T[]> bigger(new T[capacity]);
      std::memcpy(static_cast<void *>(bigger.get()), mine, size_ * sizeof(T));
      std::memcpy(static_cast<void *>(bigger.get() + size_), from, n * sizeof(T));
      heap_ = std::move(bigger);
      capacity_ = capacity;
    } else if (n) {
      std::memmove(static_cast<void *>(data() + size_), from, n * sizeof(T));
    }
    size_ += n;
  }
  void resize(uint32_t n, const T &value) {
    while (size_ < n)
      push_back(value);
    size_ = n;
  }

private:
  T *local() { return reinterpret_cast<T *>(bytes_); }
  const T *local() const { return reinterpret_cast<const T *>(bytes_); }
  void grow(uint32_t least) {
    uint32_t capacity = capacity_ * 2 > least ? capacity_ * 2 : least;
    std::unique_ptr<T[]> bigger(new T[capacity]);
    std::memcpy(static_cast<void *>(bigger.get()), data(), size_ * sizeof(T));
    heap_ = std::move(bigger);
    capacity_ = capacity;
  }
  void take(InlineVector &other) noexcept {
    size_ = other.size_;
    if (other.heap_) {
      heap_ = std::move(other.heap_);
      capacity_ = other.capacity_;
    } else {
      capacity_ = N;
      std::memcpy(static_cast<void *>(local()), other.local(), size_ * sizeof(T));
    }
    other.size_ = 0;
    other.capacity_ = N;
  }

  uint32_t size_ = 0;
  uint32_t capacity_ = N;
  std::unique_ptr<T[]> heap_;
  alignas(T) unsigned char bytes_[N * sizeof(T)];
};

} // namespace enigma

#endif
