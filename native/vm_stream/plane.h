// Memory that host and guest VM both see, for bulk data: a head, a ring of bytes that the guest VM writes and
// one that the host writes. The stream tells of the pieces in their order and both ends count alike, so that
// a message says only how many bytes are the next ones: no peer names a place in the plane.
//
// All of it may change at any moment. Bytes are copied out once and never looked at before, and the only word
// of a peer's that counts is how far it has read: by it who writes decides whether there is room, so a peer
// that lies spoils its own bytes. Where there is no room nobody waits: the bytes go through the stream.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <span>

#include "vm_stream/messages.h"
#include "vm_stream/shared_mapping.h"

namespace aliquot::vm_stream {

constexpr uint64_t kPlaneMark = 0x454e'414c'5051'4c41;  // "ALQPLANE"
constexpr size_t kPlaneHeadBytes = 4096;
constexpr uint64_t kLeastPlane = uint64_t{1} << 20, kMostPlane = uint64_t{1} << 30;
constexpr size_t kPlanePiece = size_t{1} << 20;  // in one message: in a guest VM a message is dear
constexpr size_t kLeastInPlane = size_t{4} << 10;  // fewer bytes are told as fast as where they lie

struct alignas(64) PlaneCounter {
  std::atomic<uint64_t> bytes;
};

struct PlaneHead {
  uint64_t mark;
  uint64_t random[2];      // by which the host names the plane
  PlaneCounter host_read;  // of the guest VM's ring
  PlaneCounter guest_read;
};
static_assert(sizeof(PlaneHead) <= kPlaneHeadBytes);

/// A size that a PCI device's memory can have, in bounds.
constexpr bool is_plane_size(uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= kLeastPlane && bytes <= kMostPlane;
}

/// One direction's bytes, and how far one end has come there.
class PlaneRing {
 public:
  explicit PlaneRing(std::span<unsigned char> bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  size_t size() const { return bytes_.size(); }
  /// Where so many bytes, no more than the ring's, begin: both ends come to the same. They don't wrap.
  uint64_t start_of(size_t bytes) const {
    const uint64_t start = (position_ + 63) / 64 * 64;
    const uint64_t left = size() - start % size();
    return bytes <= left ? start : start + left;
  }
  unsigned char* at(uint64_t position) const { return bytes_.data() + position % size(); }
  void move_to(uint64_t position) { position_ = position; }

 private:
  std::span<unsigned char> bytes_;
  uint64_t position_ = 0;
};

class PlaneWriter {
 public:
  PlaneWriter(std::span<unsigned char> ring, const std::atomic<uint64_t>& read)
      : ring_(ring), read_(read) {}

  void begin() { ring_.move_to(0); }

  /// Copies the first bytes of `data`: how many, of which a message is to tell before this is called again.
  /// 0: the stream has to carry them.
  size_t put(std::span<const unsigned char> data) {
    const size_t piece = std::min({data.size(), kPlanePiece, ring_.size() / 4});
    if (piece < kLeastInPlane) return 0;
    const uint64_t read = read_.load(std::memory_order_acquire);
    const uint64_t start = ring_.start_of(piece);
    if (read > ring_.position() || start + piece - read > ring_.size()) return 0;
    std::memcpy(ring_.at(start), data.data(), piece);
    ring_.move_to(start + piece);
    // A guest VM's kernel may map it write-combining: the bytes must be there before they are told of.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return piece;
  }

 private:
  PlaneRing ring_;
  const std::atomic<uint64_t>& read_;
};

class PlaneReader {
 public:
  PlaneReader(std::span<unsigned char> ring, std::atomic<uint64_t>& read)
      : ring_(ring), read_(read) {}

  void begin() {
    ring_.move_to(0);
    done();
  }

  /// The next so many bytes, to be copied once; false where so many can't be.
  bool next(size_t bytes, std::span<const unsigned char>& data) {
    if (bytes > ring_.size()) return false;
    const uint64_t start = ring_.start_of(bytes);
    data = {ring_.at(start), bytes};
    ring_.move_to(start + bytes);
    return true;
  }

  /// They are copied, or nobody wants them: their room may be used again.
  void done() {
    read_.store(ring_.position(), std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }

 private:
  PlaneRing ring_;
  std::atomic<uint64_t>& read_;
};

enum class PlaneEnd { kHost, kGuest };

class Plane {
 public:
  /// `memory` is as large as the offer says, which is a size that a plane may have.
  Plane(SharedMapping memory, const PlaneOffer& offer, PlaneEnd end)
      : memory_(std::move(memory)), offer_(offer), end_(end),
        reader_(ring(end == PlaneEnd::kHost ? 0 : 1), counter(end == PlaneEnd::kHost)),
        writer_(ring(end == PlaneEnd::kHost ? 1 : 0), counter(end != PlaneEnd::kHost)) {}

  PlaneReader& reader() { return reader_; }
  PlaneWriter& writer() { return writer_; }
  const PlaneOffer& offer() const { return offer_; }
  /// By its head, whether it is the one that was offered.
  bool is_offered() const {
    const PlaneHead& there = head();
    return there.mark == kPlaneMark &&
           std::memcmp(there.random, offer_.random, sizeof there.random) == 0;
  }

  /// A stream begins: nothing lies in the plane.
  void begin() {
    if (end_ == PlaneEnd::kHost) {
      head().mark = kPlaneMark;
      std::memcpy(head().random, offer_.random, sizeof offer_.random);
    }
    reader_.begin();
    writer_.begin();
  }
  /// Leaves nothing of one VM's for another to see.
  void wipe() { std::memset(memory_.base() + kPlaneHeadBytes, 0, memory_.bytes() - kPlaneHeadBytes); }

 private:
  PlaneHead& head() const { return *memory_.as<PlaneHead>(); }
  std::span<unsigned char> ring(size_t number) const {
    const size_t half = (memory_.bytes() - kPlaneHeadBytes) / 2;
    return {memory_.base() + kPlaneHeadBytes + number * half, half};
  }
  std::atomic<uint64_t>& counter(bool of_host) const {
    return of_host ? head().host_read.bytes : head().guest_read.bytes;
  }

  SharedMapping memory_;  // before what lies in it
  const PlaneOffer offer_;
  const PlaneEnd end_;
  PlaneReader reader_;
  PlaneWriter writer_;
};

/// What a kFill or kBytes is about: a place in an arena, and the bytes for there, wherever they lie now.
struct Bulk {
  Place place;
  std::span<const unsigned char> data;
};

/// Every such message is to be read, also for who has gone, and where there is a plane its reader's `done` is
/// to be called when its bytes are copied. False: it can't be.
inline bool read_bulk(const Header& header, std::span<const unsigned char> payload, Plane* plane,
                      Bulk& bulk) {
  if (payload.size() < sizeof bulk.place) return false;
  std::memcpy(&bulk.place, payload.data(), sizeof bulk.place);
  bulk.data = payload.subspan(sizeof bulk.place);
  if (header.argument == 0) return true;
  return bulk.data.empty() && plane != nullptr && plane->reader().next(header.argument, bulk.data);
}

}  // namespace aliquot::vm_stream
