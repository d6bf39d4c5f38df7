// A growing array for a library without exceptions: growth reports failure instead of throwing.
// Elements are trivially copyable.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <type_traits>

namespace aliquot::guest {

/// `Inline` elements fit without a heap block.
template <class T, size_t Inline = 0>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() = default;
  ~Array() {
    if (data_ != inline_data()) free(data_);
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  void clear() { size_ = 0; }
  void pop_back() { --size_; }
  /// Takes the last element's place for element `i`: order is not kept.
  void remove_unordered(size_t i) { data_[i] = data_[--size_]; }

  /// False: no memory; the array is as before.
  [[nodiscard]] bool push_back(const T& value) {
    if (size_ == capacity_ && !reserve(capacity_ < 8 ? 8 : capacity_ * 2)) return false;
    data_[size_++] = value;
    return true;
  }
  /// New elements are uninitialized.
  [[nodiscard]] bool resize(size_t size) {
    if (size > capacity_ && !reserve(size)) return false;
    size_ = size;
    return true;
  }
  [[nodiscard]] bool reserve(size_t capacity) {
    if (capacity <= capacity_) return true;
    const bool was_inline = data_ == inline_data();
    void* grown = realloc(was_inline ? nullptr : static_cast<void*>(data_), capacity * sizeof(T));
    if (grown == nullptr) return false;
    if (was_inline && size_ != 0) __builtin_memcpy(grown, data_, size_ * sizeof(T));
    data_ = static_cast<T*>(grown);
    capacity_ = capacity;
    return true;
  }

 private:
  T* inline_data() { return Inline == 0 ? nullptr : reinterpret_cast<T*>(inline_); }
  alignas(T) unsigned char inline_[Inline == 0 ? 1 : Inline * sizeof(T)];
  T* data_ = inline_data();
  size_t size_ = 0;
  size_t capacity_ = Inline;
};

}  // namespace aliquot::guest
