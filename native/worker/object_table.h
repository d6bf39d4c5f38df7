// Objects by the id that the guest driver chose. Ids are small, so this is an array that grows in
// blocks where ids are used; an id that no object has is simply not found.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace aliquot::worker {

template <class Object>
class ObjectTable {
 public:
  /// Ids 1 to `limit` may be used.
  explicit ObjectTable(uint32_t limit) : limit_(limit) {}

  /// The object, or nullptr: 0, out of range or not in use.
  Object* find(uint32_t id) {
    const uint32_t place = id - 1;  // 0 wraps to the largest number
    if (place >= limit_ || place / kBlock >= blocks_.size()) return nullptr;
    Block* block = blocks_[place / kBlock].get();
    if (block == nullptr || !block->used[place % kBlock]) return nullptr;
    return &block->objects[place % kBlock];
  }

  /// Takes an id into use; nullptr: out of range or in use already.
  Object* insert(uint32_t id) {
    const uint32_t place = id - 1;
    if (place >= limit_) return nullptr;
    if (place / kBlock >= blocks_.size()) blocks_.resize(place / kBlock + 1);
    auto& block = blocks_[place / kBlock];
    if (block == nullptr) block = std::make_unique<Block>();
    if (block->used[place % kBlock]) return nullptr;
    block->used[place % kBlock] = true;
    ++count_;
    return &block->objects[place % kBlock];
  }

  /// Makes the id free again. The object must have given up what it held.
  void erase(uint32_t id) {
    Object* object = find(id);
    if (object == nullptr) return;
    *object = Object{};
    const uint32_t place = id - 1;
    blocks_[place / kBlock]->used[place % kBlock] = false;
    --count_;
  }

  /// Calls `visit(id, object)` for all, in the order of their ids. `visit` must not insert.
  template <class Visit>
  void for_each(Visit visit) {
    for (size_t b = 0; b < blocks_.size(); ++b) {
      if (blocks_[b] == nullptr) continue;
      for (size_t i = 0; i < kBlock; ++i) {
        if (blocks_[b]->used[i]) {
          visit(static_cast<uint32_t>(b * kBlock + i + 1), blocks_[b]->objects[i]);
        }
      }
    }
  }

  size_t count() const { return count_; }

 private:
  static constexpr size_t kBlock = 256;
  struct Block {
    std::array<bool, kBlock> used{};
    std::array<Object, kBlock> objects{};
  };
  uint32_t limit_;
  size_t count_ = 0;
  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace aliquot::worker
