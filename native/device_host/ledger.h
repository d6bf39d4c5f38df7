// The ledger of a device's memory: what is reserved for each vGPU, and how much of it is lent as
// credit to each of its guest processes. Pure bookkeeping: no descriptors, no shared pages, so
// that its one promise can be tested alone. The promise: for every vGPU, at every moment, what is
// lent is at most its limit, and that at most what is reserved for it; and what is reserved is at
// most what the device has. A shelved vGPU is the exception: what was lent to it is not on the device
// meanwhile, so less may be reserved for it, and nothing more is lent.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace aliquot {

class Ledger {
 public:
  /// How much may be lent beyond what was asked for, while plenty is free.
  static constexpr uint64_t kAheadBytes = uint64_t{1} << 20;
  /// "Plenty": this much is still free after the grant.
  static constexpr uint64_t kPlentyBytes = uint64_t{64} << 20;

  explicit Ledger(uint64_t device_memory) : device_memory_(device_memory) {}

  uint64_t device_memory() const { return device_memory_; }
  uint64_t reserved() const { return reserved_; }
  uint64_t unreserved() const { return device_memory_ - reserved_; }

  /// Reserves memory for a new vGPU; 0 bytes means all that is unreserved. Returns what was
  /// reserved, or nothing when that is not there (or the vGPU is in the ledger already).
  std::optional<uint64_t> reserve(uint64_t vgpu, uint64_t bytes);

  /// Reserves so many bytes for a vGPU instead, and lends up to that. False, and nothing has changed,
  /// when more is lent or less is there.
  bool resize(uint64_t vgpu, uint64_t bytes);

  /// Reserves so many bytes, however much is lent: the vGPU's memory isn't on the device. False, and
  /// nothing has changed, when less is there. It is shelved until no more is lent than reserved.
  bool shelve(uint64_t vgpu, uint64_t bytes);
  bool shelved(uint64_t vgpu) const { return lent(vgpu) > limit(vgpu); }

  /// From now on lends no more than `bytes`; what is reserved stays as it is until resize. False,
  /// and nothing has changed, when more is lent or less is reserved.
  bool lower_limit(uint64_t vgpu, uint64_t bytes);

  /// The vGPU is gone with all its connections.
  void release(uint64_t vgpu);

  /// A guest process joins; nothing is lent to it yet. False when the vGPU is unknown or the
  /// connection is there already.
  bool connect(uint64_t vgpu, uint32_t connection);

  /// As it was for another device host: `lent` bytes are. False: that can't be. Of one whose memory
  /// isn't on the device, `off_device`, more may be lent than there is for it.
  bool resume(uint64_t vgpu, uint32_t connection, uint64_t lent, bool off_device = false);

  /// The worker has freed all that this guest process had: everything lent to it is back.
  void disconnect(uint64_t vgpu, uint32_t connection);

  /// Lends at least `wanted` bytes, or nothing. Returns what was lent.
  uint64_t lend(uint64_t vgpu, uint32_t connection, uint64_t wanted);

  /// Unspent credit was taken off a guest process's account page. `bytes` comes from a page that
  /// the guest process can write, so it is believed only up to what was lent. Returns what
  /// became free.
  uint64_t take_back(uint64_t vgpu, uint32_t connection, uint64_t bytes);

  uint64_t limit(uint64_t vgpu) const;
  uint64_t reserved(uint64_t vgpu) const;
  uint64_t lent(uint64_t vgpu) const;
  uint64_t lent(uint64_t vgpu, uint32_t connection) const;
  /// What can be lent at once, without taking anything back.
  uint64_t free_bytes(uint64_t vgpu) const {
    return shelved(vgpu) ? 0 : limit(vgpu) - lent(vgpu);
  }

 private:
  struct Account {
    uint64_t reserved = 0;
    uint64_t limit = 0;
    uint64_t lent = 0;  // the sum over `connections`
    std::map<uint32_t, uint64_t> connections;
  };
  Account* find(uint64_t vgpu);
  const Account* find(uint64_t vgpu) const;

  uint64_t device_memory_;
  uint64_t reserved_ = 0;
  std::map<uint64_t, Account> accounts_;
};

}  // namespace aliquot
