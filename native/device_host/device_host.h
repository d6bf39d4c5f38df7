// The device host: the vGPUs of one device, and the control connections that make them.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "device_host/host_context.h"
#include "device_host/record_listener.h"
#include "device_host/vgpu.h"

namespace aliquot {

struct Heritage;
struct Rebirth;

/// Whether a vGPU of `owner` may be here at the wish of user `asking`.
bool may_own(uid_t asking, uid_t owner);

class DeviceHost {
 public:
  DeviceHost(EventLoop& loop, EventLog& log, const Options& options, WorkerFactory make_worker);

  /// Before anything else: from now on what matters outlives this device host. False when the
  /// memory for that can't be had.
  bool be_supervised(Heritage& heritage);
  /// Opens the control socket. False with a sentence in `problem`.
  bool open(std::string& problem);
  /// Instead of open: goes on where another device host died.
  bool reopen(Heritage& heritage, std::string& problem);
  /// Runs until nobody needs it any more, or until stop().
  void run();
  /// One round of run(); false when that was the last.
  bool run_once();
  /// Ends every vGPU, then run() returns.
  void stop();

  const Ledger& ledger() const { return ledger_; }
  const DeviceTurns& turns() const { return turns_; }

 private:
  struct Control {
    uint64_t id = 0;
    PeerIdentity peer;
    std::unique_ptr<RecordChannel> channel;
    bool greeted = false;
    bool gone = false;
    StateMemory::Slot slot = 0;
  };
  // A vGPU that can be made when another, on its way out, has given its memory back.
  struct WaitingCreate {
    uint64_t control;
    records::Record record;
    uint64_t timer;
    StateMemory::Slot slot;
  };
  // One of a vGPU whose memory is not free yet, or behind another of the same vGPU.
  struct WaitingResize {
    uint64_t control;
    records::Record record;
    uint64_t give_up_at;  // 0: it was not tried yet
    StateMemory::Slot slot;
  };
  // A vGPU between this device host and another, and the channel to that.
  struct Move {
    bool arrives = false;
    uid_t opener = 0;   // arrives: who may bring vGPUs of its own, or is root
    uint64_t vgpu = 0;  // 0: none came yet
    std::unique_ptr<RecordChannel> channel;
    std::optional<Vgpu::Asker> asker;  // departs, and has gone: who is to be told so
    records::Record answer;
    bool gone = false;
  };
  struct KnownVgpu {
    std::unique_ptr<Vgpu> vgpu;
    bool gone = false;
  };

  void accept_control(Descriptor socket, const PeerIdentity& peer);
  Control& add_control(uint64_t id, const PeerIdentity& peer, Descriptor socket);
  KnownVgpu& add_vgpu(VgpuSettings settings);
  void save();
  void save(Control& control);
  void on_record(Control& control, const records::Record& record, bool repeated = false);
  void on_control_closed(Control& control, const char* reason);
  void welcome(Control& control, uint32_t sequence);
  void settle(const Control& except);
  // device_host_create.cpp
  void on_create(Control& control, const records::Record& record, bool repeated);
  bool try_create(Control& control, const records::Record& record, bool last_try);
  void tell_created(uint64_t vgpu);
  void send_created(Control& control, uint32_t sequence, Vgpu& vgpu);
  void retry_waiting_creates();
  /// Gives it a number and a name, and reserves what it needs; or why that can't be had.
  std::optional<Vgpu::Refusal> place(VgpuSettings& settings, uint64_t memory_bytes);
  // device_host_move.cpp
  void on_move_receive(Control& control, const records::Record& record);
  void on_vgpu_move(Control& control, const records::Record& record);
  Move& add_move(Descriptor socket, bool arrives);
  void on_move_record(Move& move, const records::Record& record);
  void on_move_closed(Move& move, const std::string& reason);
  void receive_vgpu(Move& move, const records::Record& record);
  Move* find_move(uint64_t vgpu);
  void end_move(Move& move);
  // device_host_control.cpp
  void on_destroy(Control& control, const records::Record& record, bool repeated);
  /// The vGPU of this number; null: there is none, or it is on its way out.
  Vgpu* open_vgpu(uint64_t number);
  /// The vGPU of this number, for its owner and root; null: the error has been answered.
  Vgpu* own_vgpu(Control& control, uint32_t sequence, uint64_t number);
  // device_host_lasting.cpp
  /// The lasting vGPU of this id, unless it is on its way out.
  Vgpu* find_lasting(uint64_t high, uint64_t low);
  Vgpu* own_vgpu(Control& control, uint32_t sequence, const records::VgpuReference& reference);
  bool answer_existing(Control& control, uint32_t sequence, const records::VgpuCreate& request,
                       const VgpuSettings& wanted, const arbiter::Shares& shares);
  void on_lease_take(Control& control, const records::Record& record, bool repeated);
  void on_lease_end(Control& control, const records::Record& record, bool repeated);
  void tell_lease(Vgpu& vgpu, const Lease& lease);
  void tell_worker_ended(uint64_t vgpu, const std::string& problem);
  // device_host_suspend.cpp
  void on_suspend(Control& control, const records::Record& record);
  void on_settled(const Vgpu::Asker& asker, const Vgpu::Refusal& refusal);
  // device_host_show.cpp
  void on_list(Control& control, const records::Record& record);
  void on_show(Control& control, const records::Record& record);
  void on_receipt(Control& control, const records::Record& record);
  /// The number of records that it took.
  size_t tell_vgpu(Control& control, uint32_t sequence, Vgpu& vgpu);
  // device_host_queues.cpp
  void on_queues_get(Control& control, const records::Record& record);
  void on_queues_told(const Vgpu::Asker& asker, const records::Queues& told,
                      const std::vector<records::VgpuQueue>& queues);
  // device_host_resize.cpp
  void on_resize(Control& control, const records::Record& record);
  bool try_resize(Control& control, const records::Record& record, bool last_try);
  void retry_resizes();
  void schedule_resizes();
  // device_host_shares.cpp
  void on_policy_set(Control& control, const records::Record& record);
  void answer_policy(Control& control, uint32_t sequence);
  void on_turns_get(Control& control, const records::Record& record);
  // device_host_rebirth.cpp
  bool adopt_listener(Rebirth& rebirth);
  void adopt_controls(Rebirth& rebirth);
  void send_again(Control& control, const KeptKey& key, const records::Record& record);
  void adopt_vgpus(Rebirth& rebirth);
  void repeat_records();
  void end_sender(const KeptKey& source);
  void forget_the_rest(const Rebirth& rebirth);

  void on_vgpu_gone(uint64_t vgpu);
  void answer_error(Control& control, uint32_t sequence, records::ErrorCode code,
                    const std::string& text);
  Control* find_control(uint64_t id);
  /// Whether a vGPU of this owner, or of anybody, is on its way out.
  bool closes_for(uid_t owner, bool anybody) const;
  size_t living_vgpus() const;
  void sweep();
  bool is_idle() const;
  bool leave_if_idle();

  EventLog& log_;
  const Options& options_;
  Ledger ledger_;
  SupervisorLink link_;
  StateMemory state_;
  StateMemory::Slot slot_ = 0;
  ChildProcesses children_;
  DeviceTurns turns_;
  HostContext context_;
  std::string control_path_;
  RecordListener listener_;
  uint64_t last_id_ = 0;
  uint64_t last_vgpu_ = 0;
  std::map<uint64_t, std::unique_ptr<Control>> controls_;
  std::map<uint64_t, KnownVgpu> vgpus_;
  std::set<uint64_t> unswept_;  // of which something ended in this round
  std::list<WaitingCreate> waiting_creates_;
  std::list<WaitingResize> waiting_resizes_;
  std::list<Move> moves_;
  uint64_t resize_timer_ = 0;
  uint64_t idle_since_ = 0;
  uint64_t idle_timer_ = 0;
  bool stopping_ = false;
  bool settling_ = false;
};

}  // namespace aliquot
