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
  InlineVector(const InlineVector &other) { append(other.data_, other.size_); }
  InlineVector(InlineVector &&other) noexcept { take(other); }
  InlineVector &operator=(const InlineVector &other) {
    if (this != &other) {
      size_ = 0;
      append(other.data_, other.size_);
    }
    return *this;
  }
  InlineVector &operator=(InlineVector &&other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~InlineVector() { release(); }

  T *data() { return data_; }
  const T *data() const { return data_; }
  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T *begin() { return data_; }
  T *end() { return data_ + size_; }
  const T *begin() const { return data_; }
  const T *end() const { return data_ + size_; }
  T &operator[](uint32_t i) {
    assert(i < size_);
    return data_[i];
  }
  const T &operator[](uint32_t i) const {
    assert(i < size_);
    return data_[i];
  }
  T &back() { return (*this)[size_ - 1]; }
  const T &back() const { return (*this)[size_ - 1]; }
  void clear() { size_ = 0; }
  void pop_back() { --size_; }
  void truncate(uint32_t n) { size_ = n; }

  void push_back(T value) { // by value: it may live in this very vector
    if (size_ == capacity_) [[unlikely]]
      grow(size_ + 1);
    data_[size_++] = value;
  }
  /// Appends n elements, which may lie inside this vector.
  void append(const T *from, uint32_t n) {
    if (size_ + n > capacity_) [[unlikely]] {
      bool mine = from >= data_ && from < data_ + size_;
      size_t at = mine ? static_cast<size_t>(from - data_) : 0;
      grow(size_ + n);
      if (mine)
        from = data_ + at;
    }
    copy(data_ + size_, from, n);
    size_ += n;
  }
  /// Appends n elements whose values the caller writes, and gives the place of the first.
  T *extend(uint32_t n) {
    if (size_ + n > capacity_) [[unlikely]]
      grow(size_ + n);
    size_ += n;
    return data_ + size_ - n;
  }
  void resize(uint32_t n, const T &value) {
    if (n > capacity_) [[unlikely]]
      grow(n);
    for (; size_ < n; ++size_)
      data_[size_] = value;
    size_ = n;
  }

private:
  T *local() { return reinterpret_cast<T *>(bytes_); }
  bool onHeap() const { return data_ != reinterpret_cast<const T *>(bytes_); }
  static void copy(T *to, const T *from, uint32_t n) {
    for (uint32_t i = 0; i < n;
         ++i) // a handful; what is appended to a vector from itself does not overlap its end
      to[i] = from[i];
  }
  /// Out of line: the many places that append stay small and keep their registers.
  [[gnu::noinline, gnu::cold]] void grow(uint32_t least) {
    uint32_t capacity = capacity_ * 2 > least ? capacity_ * 2 : least;
    T *bigger = std::allocator<T>().allocate(capacity);
    std::memcpy(static_cast<void *>(bigger), data_, size_ * sizeof(T));
    release();
    data_ = bigger;
    capacity_ = capacity;
  }
  void release() {
    if (onHeap()) [[unlikely]]
      std::allocator<T>().deallocate(data_, capacity_);
    data_ = local();
    capacity_ = N;
  }
  /// Of a vector that owns nothing.
  void take(InlineVector &other) noexcept {
    size_ = other.size_;
    if (other.onHeap()) [[unlikely]] {
      data_ = other.data_;
      capacity_ = other.capacity_;
      other.data_ = other.local();
      other.capacity_ = N;
    } else {
      copy(data_, other.data_, size_);
    }
    other.size_ = 0;
  }

  T *data_ = local();
  uint32_t size_ = 0;
  uint32_t capacity_ = N;
  alignas(T) unsigned char bytes_[N * sizeof(T)];
};

} // namespace enigma

#endif
