// Decides which vGPU's worker may use the device now: one at a time, for one turn.
//
// Device time is kept in accounts by double entry. While a vGPU holds the device, each moment is
// credited to all vGPUs that want the device, in proportion of their rates, and debited to the one
// that holds it. So the accounts always sum up to zero; what stands on a vGPU's account is the
// device time that is owed to it (positive: a claim) or that it owes (negative: a debt). Whoever
// has the largest claim in proportion of its rate is next, and for as long as that holds: long
// debts are paid by long turns. A claim lapses when its owner stays away, and debts of the same
// amount lapse with it; a debt is paid by staying away.
//
// This is start-time fair queueing (Goyal, Vin and Cheng, 1996) with lags in place of start tags,
// as in Stoica and Abdel-Wahab, 1995; that kernels can't be interrupted makes turns end late, and
// debts carry over as in deficit round robin (Shreedhar and Varghese, 1995).
//
// No clock and no descriptor in here: times come in as arguments (ns of one monotonic clock), so
// the simulator runs the very same code.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "device_host/arbiter/accounts.h"
#include "device_host/arbiter/limit.h"
#include "device_host/arbiter/rates.h"
#include "device_host/arbiter/shares.h"
#include "device_host/arbiter/turn_length.h"

namespace aliquot::arbiter {

constexpr uint64_t kNoTime = ~uint64_t{0};

/// No turn that others wait for is longer, whatever its vGPU is owed.
constexpr uint64_t kLongestTurn = 30'000'000;
/// A claim is kept whole while its owner is away for so long: programs that wait for each command
/// are away for moments only. And so much of it is kept, or as much as its last wait was long.
constexpr uint64_t kPatience = 100'000'000;

/// What the arbiter wants done.
class Doer {
 public:
  virtual ~Doer() = default;
  /// The vGPU has the device until `deadline_ns`, as long as it wants when that is kNoTime.
  virtual void grant(uint64_t vgpu, uint64_t deadline_ns) = 0;
  /// The turn that the vGPU has now ends at `deadline_ns` (maybe now), earlier than it was told.
  virtual void recall(uint64_t vgpu, uint64_t deadline_ns) = 0;
};

/// What a vGPU has had of the device; ns and counts since it was added. Never goes back.
struct Account {
  uint64_t held_ns = 0;    // it had the device
  // Of that was not charged: so long took handing the device over, or the system withheld it.
  uint64_t spared_ns = 0, withheld_ns = 0;
  uint64_t waited_ns = 0;  // it wanted it and had it not
  uint64_t limited_ns = 0;  // of that, because it had come to its limit
  uint64_t turns = 0;
  uint64_t overrun_ns = 0;  // held beyond deadlines
  uint64_t outside_ns = 0;  // witnessed outside its turns, charged as if held
  int64_t balance_ns = 0;   // what is owed to it now; negative: its debt
  uint64_t longest_wait_ns = 0;
};

/// Of a turn, what is not charged, because its vGPU could not have used it.
struct Unused {
  uint64_t handing_over_ns = 0;
  uint64_t withheld_ns = 0;  // by the operating system
};

/// All that an arbiter knows and can't be told again.
struct ArbiterMemory {
  Policy policy;
  bool held = false;
  uint64_t holder = 0, deadline_ns = 0, charged_ns = 0, last_ns = 0, phase_ns = 0;
};
struct MemberMemory {
  uint64_t vgpu = 0;
  uint32_t maximum = 1;
  uint8_t running = 0, wants = 0;  // it wants the device, or has it
  uint64_t since_ns = 0, longest_wait_ns = 0;
  int64_t settled_ns = 0, balance_ns = 0;
  Limit::Tokens tokens;
  Account account;
};

class Arbiter {
 public:
  explicit Arbiter(Doer& doer) : doer_(doer) {}

  void set_policy(const Policy& policy, uint64_t now);
  const Policy& policy() const { return policy_; }
  /// The length of a turn, now.
  uint64_t turn_ns() const;
  /// The same if handing the device over cost nothing.
  uint64_t usual_turn_ns() const;

  /// The sum of the guarantees, of kWhole.
  uint32_t guaranteed() const;
  /// `before`: what it had had when it was removed.
  void add(uint64_t vgpu, const Shares& shares, uint64_t now, const Account& before = {});
  /// Takes effect at once. The caller has checked the sums.
  void set_shares(uint64_t vgpu, const Shares& shares, uint64_t now);
  /// `fixed-share`: how many vGPUs of this one's size the device has room for; at least 1.
  void set_maximum(uint64_t vgpu, uint32_t maximum, uint64_t now);
  /// `equal-share`: whether a guest process is connected.
  void set_running(uint64_t vgpu, bool running, uint64_t now);
  /// Also when its worker died while it had the device.
  void remove(uint64_t vgpu, uint64_t now);
  /// The worker is gone, the vGPU is not: it holds and wants nothing.
  void lost_worker(uint64_t vgpu, uint64_t now);

  /// The vGPU has work and no turn.
  void wants(uint64_t vgpu, uint64_t now);
  /// It gives its turn back; `more`: it has work already for another.
  void finished(uint64_t vgpu, bool more, uint64_t now, Unused unused = {});
  /// So much device time was taken outside its turns, by the witness.
  void charge_outside(uint64_t vgpu, uint64_t ns, uint64_t now);

  /// When `look` has something to do at the latest; kNoTime: never.
  uint64_t next_look() const;
  void look(uint64_t now);

  // memory.cpp: for whoever goes on where this arbiter was.
  ArbiterMemory memory() const;
  /// Calls back for each vGPU.
  template <class Each>
  void remember_members(const Each& each) const {
    for (const auto& entry : members_) each(member_memory(entry));
  }
  /// For vGPUs that were added already, before anything else is called but `add`. `holder`: who
  /// really has the device, up to `now`; it is asked to give it back. No turn is granted before the
  /// next call.
  void resume(const ArbiterMemory& memory, const std::vector<MemberMemory>& members,
              std::optional<uint64_t> holder, uint64_t now);

  std::optional<uint64_t> holder() const;
  /// A vGPU of class `latency` is there.
  bool in_haste() const { return in_haste_; }
  /// The vGPU wants the device and has come to its limit.
  bool limited(uint64_t vgpu) const;
  /// The time of the last call.
  uint64_t as_of() const { return last_ns_; }
  /// Since when the present holder has had the device, and until when it was told it might.
  uint64_t held_since() const;
  uint64_t deadline() const;
  /// Somebody besides the holder wants the device, and its limit lets it.
  bool contended() const;
  /// What is owed to the vGPU, as of the last call; negative: its debt.
  int64_t balance(uint64_t vgpu) const { return accounts_.balance(vgpu); }
  /// Up to `now`, the running turn included; as of the last call when that was later. For many
  /// vGPUs it costs least right after look(now).
  Account account(uint64_t vgpu, uint64_t now) const;
  /// The part of the device that the vGPU would have now if it wanted it, of 1.
  double rate(uint64_t vgpu) const;

 private:
  enum class State { kAway, kWaiting, kHolding };

  struct Member {
    Title title;
    Limit limit;
    State state = State::kAway;
    uint64_t since_ns = 0;         // it has been in this state
    uint64_t longest_wait_ns = 0;  // since it came
    int64_t settled_ns = 0;        // of its balance, what is of earlier turns than the last of each
    uint64_t rate = 0;             // of kOne, while it wants or holds
    std::optional<uint64_t> absent_rate;  // what that would be, while it is away
    Account account;
  };
  using Entry = std::pair<const uint64_t, Member>;

  MemberMemory member_memory(const Entry& entry) const;

  // bookkeeping.cpp: what goes by with time.
  void accrue(uint64_t now);
  void charge_holder(uint64_t ns);
  void spare_holder(Unused unused);
  std::vector<Accounts::Part> active() const;
  void pay_by_absence(uint64_t ns);
  void let_lapse();  // what those who are away may not keep
  /// After a change of who is active, of shares or of policy.
  void refresh();
  std::vector<double> rates_with(const Member* absent) const;
  uint32_t running() const;

  // turns.cpp: who is next, and until when.
  double score(const Entry& entry) const;
  bool urgent(const Entry& entry) const;
  bool before(const Entry& one, const Entry& other) const;
  Entry* first_waiting(const Entry* besides = nullptr);
  uint64_t end_of_turn(const Entry& holder, const Entry* rival) const;
  void settle();  // grants what can be granted, recalls what has to be recalled
  void grant_next();
  void settle_overrun();
  void enter(Entry& entry, State state);

  Entry* find(uint64_t vgpu);

  Doer& doer_;
  Policy policy_;
  std::map<uint64_t, Member> members_;
  Accounts accounts_;
  Entry* holder_ = nullptr;  // of members_, whose entries don't move
  uint64_t deadline_ns_ = kNoTime;
  uint64_t charged_ns_ = 0;  // of the present turn, what others were owed for
  uint64_t last_ns_ = 0;     // all is accrued up to here
  uint64_t phase_ns_ = 0;
  TurnLength turn_length_;
  bool in_haste_ = false;  // a vGPU of class `latency` is there
};

}  // namespace aliquot::arbiter
