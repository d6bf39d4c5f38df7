// Answers of any length. A short one lies in the reply slot; a longer one is asked for again with
// a staging block to put it in. Either way it is copied to private memory, once, so that nothing
// can change it while it is being read.
#pragma once

#include <cstdlib>
#include <cstring>

#include "guest/opencl/staged.h"

namespace aliquot::guest::opencl {

struct LongAnswer {
  int32_t status = CL_OUT_OF_RESOURCES;
  unsigned char* data = nullptr;
  size_t bytes = 0;

  LongAnswer() = default;
  ~LongAnswer() { free(data); }
  LongAnswer(const LongAnswer&) = delete;
  LongAnswer& operator=(const LongAnswer&) = delete;

  /// Takes a private copy. False: no memory.
  bool copy(const void* from, size_t size) {
    free(data);
    data = static_cast<unsigned char*>(malloc(size == 0 ? 1 : size));
    bytes = data == nullptr ? 0 : size;
    if (data == nullptr) {
      status = CL_OUT_OF_HOST_MEMORY;
      return false;
    }
    if (size != 0) memcpy(data, from, size);
    return true;
  }
};

/// Sends `command` and fetches its whole answer. The status is the worker's, or
/// CL_OUT_OF_RESOURCES when the connection is dead, or CL_OUT_OF_HOST_MEMORY.
template <class Command>
void ask_long(Connection& connection, Command& command, LongAnswer* answer) {
  Staged staged(connection);
  // An answer may grow between two questions, but not for ever.
  for (int attempt = 0; attempt < 4; ++attempt) {
    const Block& block = staged.block();
    ReplyWait reply(connection);
    const bool answered =
        ask(connection, reply, command, block.arena_id, block.offset, block.bytes);
    answer->status = answered ? reply.status() : CL_OUT_OF_RESOURCES;
    if (!answered) return;
    const size_t total = reply.total_bytes();
    if (total <= reply.bytes() || total <= block.bytes) {
      answer->copy(total <= reply.bytes() ? reply.data() : block.pointer, total);
      return;
    }
    answer->status = CL_OUT_OF_HOST_MEMORY;
    if (!staged.take(total)) return;
  }
}

}  // namespace aliquot::guest::opencl
