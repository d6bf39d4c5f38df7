// Writes messages to the stream, whole, from any thread. Who writes may wait: the host's end always reads.
#pragma once

#include <atomic>
#include <initializer_list>
#include <mutex>
#include <span>

#include "vm_stream/plane.h"

namespace aliquot::vm_stream {

class StreamWriter {
 public:
  /// `stream` is non-blocking, and somebody else's.
  void use(int stream) {
    const std::lock_guard guard(mutex_);
    stream_ = stream;
    plane_ = nullptr;
    broken_ = stream < 0;
  }
  /// From now on bulk data goes there first; it must outlive the stream.
  void use_plane(PlaneWriter& plane) {
    const std::lock_guard guard(mutex_);
    plane_ = &plane;
  }
  /// Whoever waits to write gives up, and nothing is written any more.
  void give_up() { broken_ = true; }

  /// False: the stream is gone.
  bool send(MessageKind kind, uint32_t channel, uint32_t argument,
            std::initializer_list<std::span<const unsigned char>> parts);
  /// A kFill of as many of the first bytes as one message can tell of: how many; 0: the stream is gone.
  size_t fill(uint32_t channel, const Bulk& bulk);
  /// The run that begins a stream, then the hello; false also where nobody takes it for a second.
  bool begin(const Hello& hello);

 private:
  bool put(std::span<const unsigned char> message);
  bool write_all(std::span<const unsigned char> bytes, int patience_ms);

  std::mutex mutex_;
  int stream_ = -1;
  PlaneWriter* plane_ = nullptr;
  std::atomic<bool> broken_{true};
};

template <class Value>
std::span<const unsigned char> as_bytes_of(const Value& value) {
  return {reinterpret_cast<const unsigned char*>(&value), sizeof value};
}

}  // namespace aliquot::vm_stream
