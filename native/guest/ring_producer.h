// Typed commands into the ring. The frame is encoded where the worker reads it, except when it
// would wrap around the ring's end: then it is put together aside and copied in two pieces.
#pragma once

#include "guest/connection.h"

namespace aliquot::guest {

/// Encodes one command of any API (its `encoded_size` and `encode` are found by its type). The
/// connection lock must be held. False: the connection is dead, or the frame would be larger than
/// kLargestFrame (callers keep within the limits of commands.toml, so that can't happen to them).
template <class Command>
inline bool put_command(Connection& connection, const Command& command) {
  const size_t size = encoded_size(command);
  unsigned char* out = connection.reserve(size);
  if (out == nullptr) return false;
  encode(command, out);
  connection.commit(size);
  return true;
}

}  // namespace aliquot::guest
