// The turns of one device: asks the arbiter who may use it, tells the workers, and hears from them
// when they want it or have done with it. What a turn costs is measured here, by one clock, from the
// grant to the moment at which the worker gives the turn back: a worker claims nothing of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "device_host/arbiter/arbiter.h"
#include "device_host/copy_account.h"
#include "device_host/event_log.h"
#include "device_host/event_loop.h"
#include "device_host/past_turns.h"
#include "device_host/state_memory.h"
#include "device_host/supervisor_link.h"
#include "device_host/turn_history.h"
#include "device_host/turn_log.h"
#include "device_host/turn_page_memory.h"
#include "device_host/turn_witness.h"
#include "device_host/vgpu_page_memory.h"
#include "device_host/withheld_time.h"
#include "protocol/records.h"

namespace aliquot {

/// How the turns reach a vGPU's worker.
struct TurnPeer {
  std::function<void(const records::Record&, const std::vector<int>&)> send;
  std::function<void(const std::string&)> kill;
  /// Whether what it says of its work can be up to date.
  std::function<bool()> answers;
};

class DeviceTurns final : public arbiter::Doer {
 public:
  /// That have a worker, or had one and owe something yet.
  static constexpr size_t kMostMembers = 256;

  /// `processors`: of this machine, on which the device computes; 0: it has its own.
  DeviceTurns(EventLoop& loop, EventLog& log, SupervisorLink& link, StateMemory& state,
              uint32_t processors);
  ~DeviceTurns() override;
  DeviceTurns(const DeviceTurns&) = delete;
  DeviceTurns& operator=(const DeviceTurns&) = delete;

  const arbiter::Arbiter& arbiter() const { return arbiter_; }
  /// The sum of what vGPUs were guaranteed, resting ones included, of arbiter::kWhole.
  uint32_t guaranteed() const { return guaranteed_; }
  /// Whether a worker of the vGPU's may begin, or with 0 one of another's.
  bool has_room(uint64_t vgpu = 0) const {
    return members_.size() < kMostMembers || members_.count(vgpu) != 0;
  }
  void set_policy(const arbiter::Policy& policy);

  /// A vGPU is there, and rests until its first worker begins: it takes no part in the turns. A turn
  /// that lasts longer than `kernel_limit_ms` (0: no limit) beyond its end costs the worker, where
  /// others wait.
  void add(uint64_t vgpu, const arbiter::Shares& shares, uint32_t kernel_limit_ms);
  void set_shares(uint64_t vgpu, const arbiter::Shares& shares);
  /// Bytes a second; 0: no limit. Its worker keeps to it.
  void set_copy_limit(uint64_t vgpu, uint64_t limit);
  /// Bytes that its worker may hold, and how many vGPUs of this size the device has room for.
  void set_memory(uint64_t vgpu, uint64_t bytes, uint32_t maximum);
  /// Bytes that its worker may hold.
  void limit_memory(uint64_t vgpu, uint64_t bytes);
  void set_running(uint64_t vgpu, bool running);
  /// Nobody leases it and its worker is gone: it leaves the turns, as soon as it owes nothing.
  void rest(uint64_t vgpu);
  void remove(uint64_t vgpu);
  /// From now on the page tells of the vGPU's turns; it must stay until `remove`.
  void show_on(uint64_t vgpu, VgpuPageMemory& page);

  /// A worker was started: makes its page and sends it. False: none to be had.
  bool begin_worker(uint64_t vgpu, TurnPeer peer);
  void end_worker(uint64_t vgpu);

  // device_turns_rebirth.cpp: where another device host's workers are taken over.
  /// Instead of begin_worker, for a vGPU that was added and whose limits are set; `page` is its turn
  /// page, mapped.
  /// `outside`: what was known of its claims.
  bool adopt_worker(uint64_t vgpu, TurnPeer peer, Descriptor memory, void* page,
                    const TurnWitness::Claims& outside);
  /// From now on until resume() nothing is remembered.
  void begin_rebirth();
  /// When all have been taken over: goes on where the other one was. A turn that is held ends, and
  /// is charged until it is given back.
  void resume();
  /// Instead of worker_ready.
  void worker_resumed(uint64_t vgpu, pid_t worker, uint64_t children_ns);
  TurnWitness::Claims claims(uint64_t vgpu) const;

  /// The page of the present worker, -1 where there is none.
  int page(uint64_t vgpu) const;

  /// The worker has loaded its driver: what it computes from now on is watched.
  void worker_ready(uint64_t vgpu, pid_t worker);
  /// Now and then: what of the worker is told by no record. `children_ns`: processor time of its
  /// children. (Whether it computes outside its turns is looked at more often.)
  void look_at_worker(uint64_t vgpu, uint64_t children_ns);

  // Records of a worker.
  void on_wanted(uint64_t vgpu);
  /// `repeated`: it may have been handled before, by a device host that died.
  void on_finished(uint64_t vgpu, const records::TurnFinished& finished, bool repeated = false);
  void on_work(uint64_t vgpu, const records::Work& work);
  /// What it claims to have copied since it began.
  void on_copied(uint64_t vgpu, uint64_t bytes, uint64_t ns);

  /// Notes what the vGPU has had up to now, for its shares over the last seconds.
  void sample(uint64_t vgpu);
  records::VgpuTurns report(uint64_t vgpu) const;
  uint64_t copied_bytes(uint64_t vgpu) const;
  /// Those that ended later than `since_ns`, and the present one up to now. Fills in the rest of the
  /// answer, too.
  std::vector<records::Turn> log(uint64_t since_ns, records::Turns& answer) const;
  records::VgpuCopies report_copies(uint64_t vgpu) const;
  /// Fills in what the device host measured.
  void report(uint64_t vgpu, records::Receipt& receipt) const;

  // arbiter::Doer
  void grant(uint64_t vgpu, uint64_t deadline_ns) override;
  void recall(uint64_t vgpu, uint64_t deadline_ns) override;

 private:
  static constexpr uint64_t kUnknown = ~uint64_t{0};
  // What is known of every vGPU.
  struct Known {
    arbiter::Shares shares;
    uint64_t kernel_limit_ns = 0;
    uint64_t copy_limit = 0;    // bytes a second; 0: none
    uint64_t memory_limit = 0;  // bytes
    uint32_t maximum = 1;
    VgpuPageMemory* shown = nullptr;
    PastTurns past;  // before it rested
    StateMemory::Slot past_slot = 0;
  };
  // One that has a worker, or had one and has not rested since.
  struct Member {
    Known* known = nullptr;  // of known_, whose entries don't move
    TurnPeer peer;
    std::unique_ptr<TurnPageMemory> page;  // null: no worker
    TurnHistory history;
    TurnWitness witness;
    WithheldTime withheld;
    CopyAccount copies;
    bool shown_limited = false;
    TurnWitness::Claims claims;  // of a worker that was taken over and isn't watched yet
    uint64_t wanted_since = 0;  // 0: it wants nothing, or has a turn
    uint64_t busy_ns = 0;       // a claim
    // What passes, on average, between the grant and the first command's start, and between the last
    // one's end and the end of the turn, by the claims; kUnknown before there are some.
    uint64_t hand_over_ns = kUnknown;
    uint32_t hand_overs = 0;
    uint64_t patience_ns = 0;  // of its turn
  };
  static uint64_t now_ns();
  Member* find(uint64_t vgpu);
  Known* find_known(uint64_t vgpu);
  // device_turns_rest.cpp
  Member* join(uint64_t vgpu);
  PastTurns past_of(uint64_t vgpu, uint64_t now) const;
  void let_rest(uint64_t now);
  void inherit(uint64_t vgpu, Known& known);
  void claim_copies(uint64_t vgpu, uint64_t bytes, uint64_t ns, uint64_t now);
  uint64_t explained(const Member& member, uint64_t turn_ns,
                     const records::TurnFinished& finished) const;
  uint64_t usual_at_rest(uint64_t vgpu);
  void look_at_rests(uint64_t now);
  // Whether workers compute outside their turns: all of them soon, and again as long as there are any.
  void watch_workers();
  void judge(uint64_t vgpu, uint64_t children_ns);
  uint64_t spared(Member& member, uint64_t turn_ns, const records::TurnFinished& finished);
  /// From when on nothing excuses that the present turn goes on while others wait; 0: never.
  uint64_t overdue_from() const;
  void check_overdue(uint64_t now);
  /// Of the holder, of whose turn so much is not charged.
  void log_turn(uint64_t now, const arbiter::Unused& unused = {});
  void show(uint64_t vgpu, Member& member);
  void show_limits();
  /// After every change: remembers what is so now, and when to look next.
  void arm();
  void remember();

  EventLoop& loop_;
  EventLog& log_;
  SupervisorLink& link_;
  StateMemory& state_;
  uint32_t processors_;
  std::map<uint64_t, Known> known_;
  std::map<uint64_t, Member> members_;
  std::set<uint64_t> leaving_;  // members that rest
  uint32_t guaranteed_ = 0;
  // Of another device host's vGPUs, until they are added.
  std::map<uint64_t, std::pair<StateMemory::Slot, PastTurns>> inherited_;
  arbiter::Arbiter arbiter_{*this};
  TurnLog log_of_turns_;
  Descriptor timer_;
  uint64_t timer_token_ = 0;
  uint64_t watch_timer_ = 0;  // 0: nobody is to be watched
  // What the two take in a rest that take least, who the first of them is, and when that was so.
  struct Rests {
    uint64_t least = TurnWitness::kUnknown, second = TurnWitness::kUnknown;
    uint64_t quietest = 0, seen_at = 0;
  };
  Rests rests_;
  uint64_t armed_for_ = 0;
  bool remembers_ = true;
  uint64_t granted_last_ = 0;  // to whom, unless nobody has had the device since
  // The turn that was seen to be overdue, and since when.
  uint64_t overdue_vgpu_ = 0, overdue_since_ = 0;
  uint32_t overdue_turn_ = 0;
};

}  // namespace aliquot
