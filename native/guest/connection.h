// The guest process's connection to its vGPU: the socket to the device host, the shared memory
// that the worker reads, and everything that the two need to agree on who is still alive.
// Knows nothing of OpenCL; the drivers for other APIs will use the same class.
//
// Locks, in the order in which they may be taken (see also opencl/objects.h):
//   socket lock      one request to the device host at a time; never taken under the others
//   connection lock  `lock()`: producer side of the ring, ids, queue sequences. Held for well under
//                    a microsecond, except while the ring is full. Nothing is locked under it.
//
// fork(): the child's copy of the connection is marked dead in the child (in its private memory,
// nothing shared is touched), its socket is closed there, and the next call connects anew.
// A connection is never freed: objects of any age may point to it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "guest/time_account.h"
#include "guest/wait.h"
#include "protocol/connection_layout.h"
#include "protocol/records.h"
#include "protocol/vgpu_page.h"

namespace aliquot::guest {

struct Arenas;  // arena.h
struct Credit;  // credit.h

/// Ids of one kind: 1 to `limit`, last freed first reused. Guarded by the connection lock.
class IdPool {
 public:
  void set_limit(uint32_t limit) { limit_ = limit; }
  /// 0: none left, or no memory to note it.
  uint32_t take();
  void give_back(uint32_t id);

 private:
  uint32_t* free_ = nullptr;
  uint32_t free_count_ = 0;
  uint32_t capacity_ = 0;
  uint32_t next_ = 1;
  uint32_t limit_ = 1u << 20;
};

class Connection {
 public:
  /// The process's connection, made at the first call; nullptr when there is no vGPU to reach
  /// (ALIQUOT_VGPU_SOCKET unset, or refused: then one line on stderr said why). After the vGPU has
  /// died the same dead connection is returned for ever.
  /// `attach_api` is called once for each new connection, before anybody else sees it, and sets
  /// api_state; false: give up.
  static Connection* get(bool (*attach_api)(Connection& connection));

  /// The same without making one: nullptr before the first call that needed it.
  static Connection* get();

  layout::ConnectionMemory& memory() { return *memory_; }
  records::AccountPage& account() { return *account_; }
  const records::GuestWelcome& welcome() const { return welcome_; }
  bool strict() const { return (welcome_.flags & records::kStrictSync) != 0; }
  bool staged() const { return (welcome_.flags & records::kStaged) != 0; }

  /// What is known without asking. Cheap; look at it first in every call.
  bool dead() const { return dead_.load(std::memory_order_relaxed); }
  /// This is a child process's copy of its parent's connection: always dead, and its locks may be
  /// held for ever, so nothing of it may be locked or freed.
  bool forked() const { return forked_.load(std::memory_order_relaxed); }
  /// Looks at the socket and at worker_closed; marks the connection dead when the peer is gone.
  bool check_alive();
  /// Marks the connection dead. Wakes nobody: waiters notice within a slice.
  void mark_dead();

  Lock& lock() { return lock_; }

  // ---- the ring; the connection lock must be held (see ring_producer.h for typed commands)
  /// Room for one frame of `size` bytes (a multiple of 8, at most kLargestFrame). Waits while the
  /// ring is full. nullptr: the connection is dead.
  unsigned char* reserve(size_t size);
  /// Hands the reserved frame to the worker and wakes it where it sleeps.
  void commit(size_t size);
  /// Until `wake_worker` frames wake nobody: more of them follow at once.
  void hold_wake() { holds_wake_ = true; }
  void wake_worker();

  // ---- requests to the device host; no lock may be held
  /// Sends `request` and waits for the answer of kind `expected`. `descriptor`: receives one that
  /// came along, else -1; nullptr when none can come. False: refused or dead.
  bool request(const records::Record& request, records::Kind expected, records::Record* answer,
               int* descriptor);

  // ---- reply slots (see reply_wait.h)
  /// Waits for a free slot; kReplySlots when the connection died.
  uint32_t take_reply_slot();
  void give_back_reply_slot(uint32_t slot);

  IdPool ids[8];             // by kind, as in commands.toml; guarded by the connection lock
  SpinHistory reply_spin;    // waits for replies
  SpinHistory queue_spin;    // waits for queues and events
  TimeAccount times;         // of the process
  Arenas* arenas = nullptr;  // set once by attach_arenas(), never cleared
  Credit* credit = nullptr;  // set once by attach_credit()
  void* api_state = nullptr; // what the API's driver keeps a connection; set before publication

 private:
  friend struct ConnectionMaker;
  bool exchange(const records::Record& request, records::Kind expected, records::Record* answer,
                int* descriptor);
  bool wait_for_space(uint64_t tail, size_t size);
  void wake_sleeping_worker();

  int socket_ = -1;
  layout::ConnectionMemory* memory_ = nullptr;
  records::AccountPage* account_ = nullptr;
  const vgpu_page::Page* page_ = nullptr;
  records::GuestWelcome welcome_;
  std::atomic<bool> dead_{false};
  std::atomic<bool> forked_{false};
  Lock lock_;
  Lock socket_lock_;
  uint32_t request_sequence_ = 0;
  uint64_t tail_ = 0;         // our copy of command_tail
  uint64_t known_head_ = 0;   // last seen command_head
  bool holds_wake_ = false;
  bool wraps_ = false;        // the reserved frame lies in scratch_
  unsigned char* scratch_ = nullptr;
  std::atomic<uint64_t> free_slots_{~uint64_t{0}};
};
static_assert(layout::kReplySlots == 64, "free_slots_ has one bit a slot");

// Implemented in arena.cpp and credit.cpp; called once while the connection is being made.
// False: no memory.
bool attach_arenas(Connection& connection);
bool attach_credit(Connection& connection);

}  // namespace aliquot::guest
