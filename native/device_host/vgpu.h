// One vGPU: its socket, its guest processes and its worker.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "device_host/guest.h"
#include "device_host/heartbeat.h"
#include "device_host/host_context.h"
#include "device_host/kept_memory.h"
#include "device_host/leases.h"
#include "device_host/queue_inquiry.h"
#include "device_host/record_listener.h"
#include "device_host/time_ledger.h"
#include "device_host/vgpu_page_memory.h"
#include "device_host/witness.h"
#include "device_host/worker_plan.h"

namespace aliquot {

struct Rebirth;

constexpr const char* kTooManyInUse = "Too many vGPUs of this device are in use.";

class Vgpu {
 public:
  struct Refusal {
    records::ErrorCode code = records::ErrorCode::kNone;  // that one: nothing is refused
    std::string text;
  };
  /// A request of a control connection that takes a while, and where it is kept meanwhile.
  struct Asker {
    uint64_t control = 0;
    uint32_t sequence = 0;
    StateMemory::Slot slot = 0;
  };
  struct Events {
    std::function<void()> started;                         // once: the first worker runs
    std::function<void(const std::string&)> start_failed;  // once, instead of started
    std::function<void(const std::string&)> worker_ended;  // each time, once it had started
    std::function<void()> gone;                            // closed, and its worker reaped
    std::function<void()> unswept;                         // sweep() has something to do
    std::function<void(const Lease&)> leased;              // its worker is ready
    // Instead of leased, and the lease is over: of the request of a control connection.
    std::function<void(uint64_t control, uint32_t sequence, records::ErrorCode,
                       const std::string&)> lease_failed;
    // What was asked for is done, or refused.
    std::function<void(const Asker&, const Refusal&)> settled;
    // What its worker tells of its guest processes' queues.
    std::function<void(const Asker&, const records::Queues&,
                       const std::vector<records::VgpuQueue>&)> queues_told;
    // To the device host that it moves to or comes from.
    std::function<void(const records::Record&, const std::vector<int>&)> say;
    std::function<void()> end_move;
    // It is not here any more; whoever asked for that is to get the answer once it goes on there.
    std::function<void(const Asker&, const records::Record& answer)> moved_away;
  };
  enum class Attempt { kDone, kWaits, kRefused };

  /// The memory must be reserved in the ledger already; whoever made it releases it.
  Vgpu(HostContext& context, VgpuSettings settings, Events events);
  ~Vgpu();
  Vgpu(const Vgpu&) = delete;
  Vgpu& operator=(const Vgpu&) = delete;

  /// Opens its socket and starts its first worker. False with a sentence in `problem`.
  /// `reports`: of the devices to which it may move, where it shall.
  bool open(std::string& problem, Descriptor reports = {});
  /// Instead of open: takes over what another device host left, as far as that is possible; the
  /// rest ends, with a line in the log.
  void adopt(Rebirth& rebirth, const VgpuEntry& entry, StateMemory::Slot slot);
  /// Handles what the other one had received, and maybe handled.
  void repeat(const KeptKey& source, const records::Record& record);
  /// Or ends who sent it.
  void end_sender(const KeptKey& source);

  /// Its control connection is closed: unless it lasts, it lives until its last guest process and
  /// lease are gone.
  void let_go();
  /// Ends it: guest processes lose their connection, the worker ends, `gone` follows.
  void close();

  /// Whoever asked for it knows that it started, or will not care.
  void set_told();
  bool told() const { return told_; }

  const VgpuSettings& settings() const { return settings_; }
  bool closing() const { return closing_; }
  const std::string& socket_path() const { return socket_path_; }
  pid_t worker_process() const;
  uint32_t protections() const;
  records::VgpuStatus status();
  /// Those that the worker claims, the longest first.
  std::vector<records::VgpuKernel> unsplit_kernels() const;
  std::vector<records::VgpuProcess> processes() const;
  /// Asks its worker for the command queues of its guest processes: `queues_told` follows within a
  /// moment, or `settled` where that is refused.
  void ask_queues(const Asker& asker);  // vgpu_queues.cpp
  /// Where the time of its guest processes went.
  records::Receipt receipt();
  /// The descriptor of its page, made at the first call or by its first worker; -1 with errno set
  /// where none can be had.
  int page();
  /// Tells on it what was promised, how it went lately, and what is used.
  void write_page();
  /// Takes effect at once.
  void set_shares(const arbiter::Shares& shares);
  void set_copy_limit(uint64_t limit);

  // vgpu_resize.cpp
  /// Gives it another size. What waits is to be tried again in a moment, or stopped; the last try
  /// doesn't wait.
  Attempt try_memory(uint64_t bytes, bool last_try, Refusal& refusal);
  void stop_shrinking();

  // vgpu_suspend.cpp
  /// Ends its worker at a kernel's end, and keeps what guest processes had until it is resumed; they
  /// wait meanwhile. `settled` follows, of both.
  void suspend(const Asker& asker);
  void resume(const Asker& asker);
  // vgpu_move_out.cpp
  /// Gives it to the device host that `say` talks to; `settled` follows where that fails.
  void move_out(const Asker& asker);
  void on_move_answer(const records::Record& record);
  // vgpu_move_in.cpp
  /// Instead of open: takes one from another device host. False with a sentence in `problem`.
  bool open_arrival(const records::MoveVgpu& told, Descriptor reports, std::string& problem);
  void on_arrival(const records::Record& record, RecordChannel& channel);
  void abandon_arrival();
  bool arriving() const { return standstill_.step == Standstill::Step::kArriving; }
  /// On its way to another device host, or from one.
  bool moves() const { return standstill_.moves || arriving(); }
  void on_move_ended(const std::string& reason);

  bool suspended() const { return standstill_.step >= Standstill::Step::kEnding; }

  // vgpu_leases.cpp
  /// Of a control connection's request; `process` holds it, or where that is 0 the connection. What
  /// follows is `leased` or `lease_failed`, unless it is refused right here.
  Refusal take_lease(uint64_t control, uint32_t sequence, const PeerIdentity& peer,
                     uint32_t process);
  /// Whether there is one of this request already; tells it again if it was told.
  bool tell_lease_again(uint64_t control, uint32_t sequence);
  /// False: there is none of this number.
  bool end_lease(uint64_t number);
  Leases& leases() { return leases_; }

  /// Takes note of guest processes that have just ended, before their turn in the event loop.
  void settle(const Guest* except = nullptr);

  /// Frees what ended in this round; called between rounds of the event loop, never within.
  void sweep();

 private:
  // vgpu.cpp
  bool open_socket();
  bool make_page();
  bool start_worker(std::string& problem);
  void prepare_worker();
  TurnPeer turn_peer();
  void begin_to_see();
  void listen_for_turns();
  void save();
  void forget_entries();
  void forget_kernels();
  bool in_use() const { return guest_processes() != 0 || !leases_.empty(); }
  void close_if_unused();
  void report_gone();
  void tell_size();
  KeptKey reports_key() const { return {KeptKind::kReports, 0, settings_.id, 0}; }
  KeptKey page_key() const { return {KeptKind::kVgpuPage, 0, settings_.id, 0}; }

  // vgpu_told.cpp
  records::VgpuStatus known_status() const;

  // vgpu_guests.cpp
  void accept_guest(Descriptor socket, const PeerIdentity& peer);
  Guest& add_guest(uint32_t connection, const PeerIdentity& peer);
  void listen(Guest& guest, Descriptor socket);
  void await_greeting(Guest& guest);
  KeptKey key_of(KeptKind kind, const Guest& guest, uint32_t arena = 0) const;
  bool keep(Guest& guest, const KeptKey& key, int descriptor, uint64_t note = 0);
  void save(Guest& guest);
  void begin_times(Guest& guest);
  void end_times(const Guest& guest);
  void on_guest_record(Guest& guest, const records::Record& record, bool repeated = false);
  void on_guest_closed(Guest& guest, const char* reason);
  void on_hello(Guest& guest, const records::Record& record);
  void admit(Guest& guest);
  void announce(Guest& guest);
  void refuse(Guest& guest, uint32_t sequence, records::ErrorCode code, const char* text);
  void depart(Guest& guest);
  void tell_of_departure(Guest& guest);
  void erase(Guest& guest);
  bool somebody_departs(const Guest* requester = nullptr);
  size_t guest_processes() const;

  // vgpu_requests.cpp
  bool try_request(Guest& guest, const records::Record& record, bool may_wait);
  bool try_credit(Guest& guest, const records::Record& record, bool may_wait);
  bool try_arena(Guest& guest, const records::Record& record, bool may_wait);
  void send_arena(Guest& guest, uint32_t number, uint32_t sequence);
  bool answer_again(Guest& guest, const records::Record& record);
  void keep_waiting(Guest& guest, const records::Record& record);
  void await_room(Guest& guest);
  void retry_waiting();
  void forget_waiting(Guest& guest);
  void take_back_from_others(const Guest& requester, uint64_t wanted);
  uint64_t arena_bytes(records::ArenaPurpose purpose) const;

  // vgpu_worker.cpp
  void on_worker_record(const records::Record& record, bool repeated = false);
  void on_worker_ready();
  void on_worker_status(const records::WorkerStatus& status);
  void on_unsplit_kernel(const records::UnsplitKernel& kernel);
  void on_worker_ended(const std::string& how);
  void refuse_held(const std::string& problem);
  void cut_off_guests();
  void schedule_witness();
  void look_at_worker(bool with_files);
  void ask_for_answer();
  void keep(Descriptor memory, const KeptKey& key);
  uint64_t common_bytes(bool staging_only) const;
  uint64_t held_bytes() const;
  uint64_t explained_bytes(uint64_t memory) const;
  void update_cgroup();

  // vgpu_queues.cpp
  void on_queues_told(uint32_t question, const records::QueuesTold& told);
  void end_inquiry(records::QueuesAnswer answer);

  // vgpu_resize.cpp
  Attempt try_shrink(uint64_t bytes, bool last_try, Refusal& refusal);
  bool begin_shrink(uint64_t bytes, std::string& obstacle);
  void ask_for_memory();
  void on_memory_told(uint32_t question, const records::Memory& memory);
  bool worker_holds_more(uint64_t bytes, std::string& obstacle);
  void set_memory(uint64_t bytes);
  void take_back_unspent();

  // vgpu_suspend.cpp
  /// Nobody is let in, and no worker started for anybody.
  bool stands_still() const { return standstill_.step > Standstill::Step::kSketching; }
  std::optional<Refusal> why_not_stopped() const;
  void freeze();
  void await_standstill(uint64_t milliseconds);
  void on_drafted(const records::Image& image);
  void on_image_done(const records::ImageDone& done, const std::string& problem);
  void on_freeze_failed(uint32_t connection, const std::string& reason);
  /// The next step, where nobody is awaited any more.
  void go_on();
  void go_on_running();
  void suspend_worker();
  void abandon_standstill(const Refusal& refusal);
  void settle_request(const Refusal& refusal);
  void restore_guests();
  void drop_images();
  void on_suspended();
  uint64_t image_bytes() const;
  void let_in();
  void restore(Guest& guest, bool again, uint32_t sketch);
  // vgpu_move_out.cpp
  void sketch();
  void send_sketches();
  void hand_over();
  void hand_over(Guest& guest);
  void leave(const records::Record& answer);
  void let_go_of(Guest& guest);
  // vgpu_move_in.cpp
  void take_guest(const records::MoveGuest& told, RecordChannel& channel);
  void take_arena(const records::Record& record, RecordChannel& channel);
  void take_waiting(const records::Record& record);
  void take_leave_of_strangers();
  void restore_arrivals();
  void take_over();
  void forget_arrivals();
  void fail_arrival(const Refusal& refusal);
  void say_step(records::MoveStep step);

  // vgpu_leases.cpp
  void tell_leased(const Lease& lease);
  void answer_leases();
  void fail_leases(records::ErrorCode code, const std::string& problem);
  void on_lease_ended(const Lease& lease);
  void log_lease_end(const Lease& lease);
  void rest_soon();

  // vgpu_rebirth.cpp
  bool adopt_page(Rebirth& rebirth, const VgpuEntry& entry);
  void adopt_claims(const Rebirth& rebirth);
  bool adopt_worker(Rebirth& rebirth, const VgpuEntry& entry);

  // vgpu_rebirth_guests.cpp
  void adopt_guests(Rebirth& rebirth, bool has_worker);
  bool adopt_guest(Rebirth& rebirth, Guest& guest, const GuestEntry& entry, bool has_worker);
  void send_queues(const Rebirth& rebirth);
  std::vector<int> descriptors_of(const Guest& guest, const records::Record& record) const;
  void go_on(Guest& guest);
  bool adopt_memory(Rebirth& rebirth, Guest& guest, uint64_t lent);

  HostContext& context_;
  VgpuSettings settings_;
  Events events_;
  std::string socket_path_;
  VgpuPageMemory page_;
  Descriptor reports_;
  TimeLedger times_;
  uint64_t made_ns_ = 0;
  RecordListener listener_;
  std::map<uint32_t, std::unique_ptr<Guest>> guests_;
  uint32_t last_connection_ = 0;
  StateMemory::Slot slot_ = 0, times_slot_ = 0;
  bool told_ = false;
  bool repeats_ = false;              // handles what another device host had in hand
  uint32_t adopted_connections_ = 0;  // up to this one, another device host had them
  bool held_by_control_ = true;
  bool closing_ = false, gone_reported_ = false;
  bool first_start_ = true;
  bool settling_ = false;
  Leases leases_;
  uint64_t last_lease_ = 0;
  uint64_t rest_timer_ = 0;
  bool resting_ = false;  // its worker ends because nobody leases it
  // A resize to less that isn't done yet.
  struct Shrink {
    bool begun = false;
    uint32_t question = 0;  // the last one to the worker
    bool asked = false;     // and it has not been answered yet
    std::optional<uint64_t> used;  // by the worker's last claim
  };
  Shrink shrink_;

  // The way to no worker and back.
  struct Standstill {
    enum class Step {
      kRuns,
      kSketching,    // on its way to another device host, which gets ready meanwhile
      kFreezing,     // connections come to stand still, and their images are written
      kHandingOver,  // another device host makes what the images say
      kArriving,     // this one does so
      kEnding,       // the worker ends; from here on the images are all that there is
      kSuspended,
      kLeaving,      // suspended as it is, another device host takes it
      kRestoring,    // another worker makes what the images say
    };
    Step step = Step::kRuns;
    std::set<uint32_t> awaited;  // connections
    uint64_t timer = 0;
    std::optional<Asker> asker;
    bool resumes = false;  // as soon as it is suspended
    bool lacks = false;    // the device lacks what it needs to be restored
    // To another device host.
    bool moves = false;
    bool freezes = false;  // as soon as its worker is ready
    // Of a move: what it waits for is all there. Of an arrival: the sketches are.
    bool sketched = false;
    // Of an arrival.
    bool all_sent = false;
    bool suspended = false;      // and stays so
    uint32_t last_arrived = 0;   // the connection of whom was told last
    std::vector<Lease> leases;
  };
  Standstill standstill_;

  std::unique_ptr<Worker> worker_;
  std::unique_ptr<Worker> ended_worker_;  // to be destroyed between rounds
  bool worker_ready_ = false;
  std::string worker_problem_;  // what kWorkerFailed said
  uint64_t kernels_claimed_ = 0;
  std::array<records::VgpuKernel, records::kMostUnsplitKernels> unsplit_kernels_{};
  std::array<StateMemory::Slot, records::kMostUnsplitKernels> kernel_slots_{};
  QueueInquiry inquiry_{static_cast<uint32_t>(monotonic_milliseconds())};
  std::vector<Asker> queue_askers_;
  uint64_t inquiry_timer_ = 0;
  Heartbeat heartbeat_;
  KeptMemory kept_;
  Witness witness_;
  bool witness_sees_ = false;
  Sighting sighting_;
  uint64_t witness_timer_ = 0, cut_off_timer_ = 0;
  uint64_t looks_ = 0;
  uint64_t baseline_ = kMostDriverBaseline;
  int looks_beyond_ = 0;
  uint64_t past_cpu_ns_ = 0;  // of workers that ended
};

}  // namespace aliquot
