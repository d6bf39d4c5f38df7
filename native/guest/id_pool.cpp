#include <cstdlib>

#include "guest/connection.h"

namespace aliquot::guest {

uint32_t IdPool::take() {
  if (free_count_ != 0) return free_[--free_count_];
  if (next_ > limit_) return 0;
  return next_++;
}

void IdPool::give_back(uint32_t id) {
  if (free_count_ == capacity_) {
    const uint32_t capacity = capacity_ == 0 ? 64 : capacity_ * 2;
    void* grown = realloc(free_, capacity * sizeof *free_);
    if (grown == nullptr) return;  // the id is lost; there are a million
    free_ = static_cast<uint32_t*>(grown);
    capacity_ = capacity;
  }
  free_[free_count_++] = id;
}

}  // namespace aliquot::guest
