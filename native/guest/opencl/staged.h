// A staging block for one question to the worker.
#pragma once

#include "guest/opencl/internal.h"

namespace aliquot::guest::opencl {

/// Holds at most one block, given back at the end of its scope. The command that uses it must have
/// been answered by then, or the connection be dead.
class Staged {
 public:
  explicit Staged(Connection& connection) : connection_(connection) {}
  ~Staged() { give_back(); }
  Staged(const Staged&) = delete;
  Staged& operator=(const Staged&) = delete;

  /// A block of at least `bytes`, in the place of the one held. False: none to be had.
  bool take(uint64_t bytes) {
    give_back();
    return take_staging(connection_, bytes == 0 ? 1 : bytes, &block_);
  }
  /// Without one, its arena is 0 and it has no bytes.
  const Block& block() const { return block_; }

 private:
  void give_back() {
    if (block_ && !connection_.dead()) give_back_staging(connection_, block_);
    block_ = Block();
  }

  Connection& connection_;
  Block block_;
};

}  // namespace aliquot::guest::opencl
