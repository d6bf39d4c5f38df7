// The arenas of one connection: shared memory made by the device host, named by the guest driver
// with small numbers. An arena is unmapped when it was dropped and nothing uses it any more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "worker/mapping.h"

namespace aliquot::worker {

struct Arena {
  ~Arena() {
    if (gone) gone(*this);
  }
  /// The address of `bytes` bytes at `offset`, or nullptr when they don't all lie inside.
  unsigned char* range(uint64_t offset, uint64_t bytes) const {
    const uint64_t size = mapping.bytes();
    if (offset > size || bytes > size - offset) return nullptr;
    return mapping.data() + offset;
  }

  uint32_t id = 0;
  Mapping mapping;
  std::function<void(const Arena&)> gone;  // called before the pages are unmapped
};

class Arenas {
 public:
  static constexpr size_t kMost = 4096;

  /// From the main thread. False: too many, a number in use, or not to be mapped.
  bool add(uint32_t id, int descriptor, uint64_t bytes, std::function<void(const Arena&)> gone);
  /// From the decode thread. An arena may be named before its descriptor has arrived, so this
  /// waits for some seconds, or until `abandon` or `close`. nullptr: there is none.
  std::shared_ptr<Arena> find(uint32_t id);
  /// How long `find` waits, from now on. For tests; before any other thread comes in.
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }
  /// Forgets the arena; it lives on while somebody holds it.
  std::shared_ptr<Arena> take(uint32_t id);
  /// Ends all waiting, since nobody needs what would come. From any thread.
  void abandon();
  /// Likewise, and forgets all arenas.
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::unordered_map<uint32_t, std::shared_ptr<Arena>> arenas_;
  bool abandoned_ = false;
  bool closed_ = false;
  // On a busy machine the main thread may get no processor for more than a second. A freeze, which has
  // seven, isn't attended to meanwhile.
  std::chrono::milliseconds patience_{5'000};
};

}  // namespace aliquot::worker
