#include "vm_stream/guest/stream_writer.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <cstring>
#include <vector>

namespace aliquot::vm_stream {

namespace {
constexpr int kSliceMs = 100;
constexpr int kBeginMs = 1000;
}  // namespace

bool StreamWriter::write_all(std::span<const unsigned char> bytes, int patience_ms) {
  int waited = 0;
  while (!bytes.empty()) {
    if (broken_) return false;
    const ssize_t written = ::write(stream_, bytes.data(), bytes.size());
    if (written > 0) {
      bytes = bytes.subspan(static_cast<size_t>(written));
      waited = 0;
      continue;
    }
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno != EAGAIN) return false;
    if (patience_ms > 0 && waited >= patience_ms) return false;
    pollfd watched{stream_, POLLOUT, 0};
    ::poll(&watched, 1, kSliceMs);
    // A port whose host is not there tells so at once.
    if ((watched.revents & POLLHUP) != 0) ::usleep(kSliceMs * 1000);
    waited += kSliceMs;
  }
  return true;
}

bool StreamWriter::send(MessageKind kind, uint32_t channel, uint32_t argument,
                        std::initializer_list<std::span<const unsigned char>> parts) {
  // One write for a message: each is a request to the hypervisor.
  thread_local std::vector<unsigned char> whole;
  Header header{0, kind, 0, channel, argument};
  for (const auto& part : parts) header.bytes += static_cast<uint32_t>(part.size());
  whole.resize(sizeof header + header.bytes);
  std::memcpy(whole.data(), &header, sizeof header);
  size_t at = sizeof header;
  for (const auto& part : parts) {
    if (!part.empty()) std::memcpy(whole.data() + at, part.data(), part.size());
    at += part.size();
  }
  const std::lock_guard guard(mutex_);
  return put(whole);
}

bool StreamWriter::put(std::span<const unsigned char> message) {
  if (broken_) return false;
  if (!write_all(message, 0)) broken_ = true;
  return !broken_;
}

// Bytes lie in the plane in the order in which the stream tells of them.
size_t StreamWriter::fill(uint32_t channel, const Bulk& bulk) {
  {
    const std::lock_guard guard(mutex_);
    if (const size_t piece = plane_ == nullptr ? 0 : plane_->put(bulk.data)) {
      const Header header{sizeof bulk.place, MessageKind::kFill, 0, channel,
                          static_cast<uint32_t>(piece)};
      unsigned char message[sizeof header + sizeof bulk.place];
      std::memcpy(message, &header, sizeof header);
      std::memcpy(message + sizeof header, &bulk.place, sizeof bulk.place);
      return put(message) ? piece : 0;
    }
  }
  const auto piece = bulk.data.first(std::min(bulk.data.size(), kPiece));
  return send(MessageKind::kFill, channel, 0, {as_bytes_of(bulk.place), piece}) ? piece.size() : 0;
}

bool StreamWriter::begin(const Hello& hello) {
  std::vector<unsigned char> bytes(kRunBytes, kRunByte);
  const Header header{sizeof hello, MessageKind::kHello, 0, 0, 0};
  for (const auto& part : {as_bytes_of(header), as_bytes_of(hello)})
    bytes.insert(bytes.end(), part.begin(), part.end());
  const std::lock_guard guard(mutex_);
  broken_ = stream_ < 0;
  return !broken_ && write_all(bytes, kBeginMs);
}

}  // namespace aliquot::vm_stream
