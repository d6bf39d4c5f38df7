// Who holds one vGPU: control connections, and processes of whose end a pidfd tells. Both are in
// the state memory and in the supervisor's keeping, so that leases outlive a device host, and a
// process's lease ends with it whoever else is dead by then.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "device_host/event_loop.h"
#include "device_host/rebirth.h"
#include "device_host/state_memory.h"
#include "device_host/supervisor_link.h"
#include "protocol/descriptor.h"

namespace aliquot {

struct Lease {
  uint64_t number = 0;
  uint64_t control = 0;   // the connection that asked for it, and its request
  uint32_t sequence = 0;
  pid_t process = 0;      // that holds it, or whose connection does
  bool answered = false;  // whoever asked knows
  uint64_t since_ns = 0;
  Descriptor holder;      // the process's pidfd; invalid: the connection holds it
  uint64_t token = 0;
  StateMemory::Slot slot = 0;
};

class Leases {
 public:
  static constexpr size_t kMost = 64;

  /// `ended` is called once for each lease that ended by itself.
  Leases(EventLoop& loop, SupervisorLink& link, StateMemory& state, uint64_t vgpu,
         std::function<void(const Lease&)> ended)
      : loop_(loop), link_(link), state_(state), vgpu_(vgpu), ended_(std::move(ended)) {}
  ~Leases() { end_all(); }
  Leases(const Leases&) = delete;
  Leases& operator=(const Leases&) = delete;

  /// Adds a lease, as it is but for what is kept of it. nullptr: its holder can't be watched and
  /// kept, for want of descriptors.
  Lease* add(Lease lease);
  /// False: there is none of this number.
  bool end(uint64_t number);
  /// Those that connections hold of which `goes` is true. `ended` is called for them, too.
  void end_held_by(const std::function<bool(uint64_t control)>& goes);
  void end_all();
  void set_answered(Lease& lease);

  bool empty() const { return leases_.empty(); }
  size_t count() const { return leases_.size(); }
  Lease* find(uint64_t number);
  /// The one that this request has got.
  Lease* find(uint64_t control, uint32_t sequence);
  /// By number, as a copy of the numbers: what is done about one may end another.
  std::vector<uint64_t> unanswered() const;
  const std::map<uint64_t, Lease>& all() const { return leases_; }

  /// Takes over those of another device host. What can't be watched any more ends.
  void adopt(Rebirth& rebirth);

 private:
  KeptKey key(uint64_t number) const { return {KeptKind::kLeaseHolder, 0, vgpu_, number}; }
  bool watch(Lease& lease);
  void forget(Lease& lease);
  void save(Lease& lease);

  EventLoop& loop_;
  SupervisorLink& link_;
  StateMemory& state_;
  uint64_t vgpu_;
  std::function<void(const Lease&)> ended_;
  std::map<uint64_t, Lease> leases_;
};

}  // namespace aliquot
