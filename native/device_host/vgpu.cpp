#include "device_host/vgpu.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "device_host/descriptor_room.h"
#include "device_host/worker_family.h"

namespace aliquot {

namespace {

constexpr int kBacklog = 128;

// A number in as few characters as a file's name permits without thought.
std::string short_text(uint64_t number) {
  constexpr char kDigits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
  std::string text;
  for (int digit = 0; digit < 11; ++digit, number >>= 6) text += kDigits[number & 63];
  return text;
}

}  // namespace

Vgpu::Vgpu(HostContext& context, VgpuSettings settings, Events events)
    : context_(context),
      settings_(std::move(settings)),
      events_(std::move(events)),
      listener_(context.loop, context.link, {KeptKind::kVgpuListener, 0, settings_.id, 0},
                [this](Descriptor socket, const PeerIdentity& peer) {
                  accept_guest(std::move(socket), peer);
                }),
      leases_(context.loop, context.link, context.state, settings_.id,
              [this](const Lease& lease) { on_lease_ended(lease); }),
      kept_(context.link, settings_.id) {
  // Processes that know an old path find one that has moved by links, of which there shall be one on
  // each device host at most, however often it comes there.
  const std::string name = settings_.moved
                               ? "/m" + short_text(settings_.id_high) + short_text(settings_.id_low)
                               : "/v" + std::to_string(settings_.id);
  socket_path_ = context_.options.device_dir() + name + ".sock";
}

Vgpu::~Vgpu() {
  context_.loop.cancel(witness_timer_);
  context_.loop.cancel(cut_off_timer_);
  context_.loop.cancel(rest_timer_);
  context_.loop.cancel(inquiry_timer_);
  context_.loop.cancel(standstill_.timer);
  context_.turns.remove(settings_.id);
  forget_entries();
  for (auto& [connection, guest] : guests_)
    for (const uint64_t timer :
         {guest->departure_timer, guest->waiting_timer, guest->greeting_timer})
      context_.loop.cancel(timer);
}

bool Vgpu::open_socket() {
  // Until one that comes is here, the path may lead to where it is.
  if (!(arriving() ? listener_.open_aside(socket_path_, kBacklog)
                   : listener_.open(socket_path_, kBacklog)))
    return false;
  // As root the socket belongs to the vGPU's owner, who else couldn't connect.
  return ::geteuid() != 0 || settings_.owner == 0 ||
         ::lchown(listener_.file().c_str(), settings_.owner, static_cast<gid_t>(-1)) == 0;
}

bool Vgpu::open(std::string& problem, Descriptor reports) {
  reports_ = std::move(reports);
  if (reports_) context_.link.keep(reports_key(), reports_.get());
  made_ns_ = monotonic_nanoseconds();
  first_start_ = !settings_.lasting();
  told_ = settings_.lasting();
  save();
  if (!open_socket()) {
    problem = std::string("The vGPU's socket can't be made: ") + std::strerror(errno) + ".";
    return false;
  }
  // Such vGPUs cost their maker nothing, and could take all descriptors.
  if (settings_.lasting() && !leaves_room(listener_.descriptor(), DescriptorUse::kLasting)) {
    problem = "No descriptors are left for another vGPU.";
    return false;
  }
  listen_for_turns();
  return settings_.lasting() || start_worker(problem);
}

// A vGPU that rests needs none.
bool Vgpu::make_page() {
  if (page_.descriptor() >= 0) return true;
  if (!page_.create(context_.link, page_key())) return false;
  save();
  context_.turns.show_on(settings_.id, page_);
  write_page();
  return true;
}

int Vgpu::page() { return make_page() ? page_.descriptor() : -1; }

void Vgpu::listen_for_turns() {
  context_.turns.add(settings_.id, settings_.shares, settings_.kernel_limit_ms);
  tell_size();
  context_.turns.set_copy_limit(settings_.id, settings_.copy_limit);
  if (page_.descriptor() >= 0) context_.turns.show_on(settings_.id, page_);
}

void Vgpu::tell_size() {
  // As many as fit into the device's memory.
  const uint64_t fit =
      context_.ledger.device_memory() / std::max<uint64_t>(1, settings_.memory_bytes);
  const auto maximum = static_cast<uint32_t>(std::clamp<uint64_t>(fit, 1, kMostVgpus));
  context_.turns.set_memory(settings_.id, settings_.memory_bytes, maximum);
}

void Vgpu::save() {
  if (gone_reported_) return;
  VgpuEntry entry;
  entry.id = settings_.id;
  entry.memory_bytes = settings_.memory_bytes;
  entry.device_type = settings_.device_type;
  entry.flags = settings_.flags;
  entry.kernel_limit_ms = settings_.kernel_limit_ms;
  entry.copy_limit = settings_.copy_limit;
  entry.made_ns = made_ns_;
  entry.shares = settings_.shares;
  entry.owner = settings_.owner;
  entry.create_sequence = settings_.create_sequence;
  entry.control = settings_.control;
  entry.last_connection = last_connection_;
  entry.heartbeat = heartbeat_.sequence();
  entry.id_high = settings_.id_high;
  entry.id_low = settings_.id_low;
  entry.last_lease = last_lease_;
  entry.held_by_control = held_by_control_;
  entry.closing = closing_;
  entry.told = told_;
  entry.ready = worker_ready_;
  entry.has_page = page_.descriptor() >= 0;
  entry.suspended = suspended();
  entry.moved = settings_.moved;
  entry.arriving = arriving();
  if (worker_) entry.worker = worker_->facts();
  entry.baseline = baseline_;
  entry.past_cpu_ns = past_cpu_ns_;
  entry.kernels = kernels_claimed_;
  const TurnWitness::Claims claims = context_.turns.claims(settings_.id);
  entry.witness_burst_ns = claims.burst_ns;
  entry.witness_claims_ns = claims.host_ns;
  copy_text(entry.name, sizeof entry.name, settings_.name.c_str());
  context_.state.save(slot_, entry);
}

void Vgpu::forget_entries() {
  context_.state.erase(slot_);
  context_.state.erase(times_slot_);
  forget_kernels();
  context_.link.forget(page_key());
  if (reports_) context_.link.forget(reports_key());
}

void Vgpu::forget_kernels() {
  for (StateMemory::Slot& slot : kernel_slots_) context_.state.erase(slot);
  unsplit_kernels_ = {};
}

void Vgpu::set_told() {
  told_ = true;
  save();
}

void Vgpu::set_shares(const arbiter::Shares& shares) {
  settings_.shares = shares;
  context_.turns.set_shares(settings_.id, shares);
  save();
}

void Vgpu::set_copy_limit(uint64_t limit) {
  settings_.copy_limit = limit;
  context_.turns.set_copy_limit(settings_.id, limit);
  save();
}

void Vgpu::begin_to_see() {
  Sighting first;
  witness_.begin(worker_->process(), (worker_->protections() & records::kMountNamespace) != 0
                                         ? sandbox::kScratchPath
                                         : "");
  witness_sees_ = witness_.look(true, first) && first.hidden == nullptr && kernel_lists_children();
  sighting_ = first;
}

void Vgpu::prepare_worker() {
  WorkerEvents events;
  events.started = [this] {
    context_.log.line("vgpu=%llu worker=%d started, protections=0x%x",
                      static_cast<unsigned long long>(settings_.id), worker_->process(),
                      worker_->protections());
    begin_to_see();
    save();
    if (std::exchange(first_start_, false)) events_.started();
  };
  events.changed = [this] { save(); };
  events.record = [this](const records::Record& record) { on_worker_record(record); };
  events.doomed = [this] {
    // Not now: whoever kills it may be in the midst of the guest processes.
    if (cut_off_timer_ != 0) return;
    cut_off_timer_ = context_.loop.schedule(0, [this] {
      cut_off_timer_ = 0;
      cut_off_guests();
    });
  };
  events.ended = [this](const std::string& how) { on_worker_ended(how); };
  worker_ready_ = false;
  worker_problem_.clear();
  kernels_claimed_ = 0;
  forget_kernels();
  baseline_ = kMostDriverBaseline;
  looks_beyond_ = 0;
  witness_sees_ = false;
  resting_ = false;
  shrink_.asked = false;
  shrink_.used.reset();
  heartbeat_.begin();
  kept_.clear();
  worker_ = context_.make_worker(context_, settings_, std::move(events));
}

TurnPeer Vgpu::turn_peer() {
  TurnPeer peer;
  peer.send = [this](const records::Record& record, const std::vector<int>& descriptors) {
    if (worker_) worker_->send(record, descriptors);
  };
  peer.kill = [this](const std::string& why) {
    if (worker_) worker_->kill(why);
  };
  // Of one that builds all programs at once no answer is ever up to date; what it took counts after.
  peer.answers = [this] {
    return worker_ && !worker_->doomed() && !arriving() &&
           standstill_.step != Standstill::Step::kRestoring;
  };
  return peer;
}

bool Vgpu::start_worker(std::string& problem) {
  if (!context_.turns.has_room(settings_.id)) {
    problem = kTooManyInUse;
    return false;
  }
  if (!make_page()) {
    problem = std::string("The vGPU's page can't be made: ") + std::strerror(errno) + ".";
    return false;
  }
  prepare_worker();
  std::string reason;
  if (!worker_->start(reason)) {
    worker_.reset();
    problem = "The worker can't be started: " + reason + ".";
    context_.log.line("vgpu=%llu worker can't be started: %s",
                      static_cast<unsigned long long>(settings_.id), reason.c_str());
    return false;
  }
  if (!context_.turns.begin_worker(settings_.id, turn_peer()))
    worker_->kill("its turn page can't be made");
  if (reports_) {
    const records::Image told{size_of_memory(reports_.get()), 0, 0};
    worker_->send(make_record(records::Kind::kReports, 0, told), {reports_.get()});
  }
  witness_.begin(worker_->process(), "");
  schedule_witness();
  save();
  return true;
}

void Vgpu::let_go() {
  held_by_control_ = false;
  save();
  close_if_unused();
}

void Vgpu::close_if_unused() {
  if (in_use()) return;
  if (settings_.lasting()) return rest_soon();
  if (!held_by_control_) close();
}

void Vgpu::close() {
  if (closing_) return;
  if (arriving()) forget_arrivals();
  closing_ = true;
  save();
  context_.log.line("vgpu=%llu closes", static_cast<unsigned long long>(settings_.id));
  listener_.close();
  for (auto& [connection, guest] : guests_) {
    if (guest->channel) guest->channel->close();
    erase(*guest);
  }
  fail_leases(records::ErrorCode::kNoSuchVgpu, "The vGPU was destroyed meanwhile.");
  settle_request({records::ErrorCode::kNoSuchVgpu, "The vGPU was destroyed meanwhile."});
  end_inquiry(records::QueuesAnswer::kNoWorker);
  if (moves()) events_.end_move();
  leases_.end_all();
  for (uint64_t* timer : {&rest_timer_, &standstill_.timer})
    context_.loop.cancel(std::exchange(*timer, 0));
  if (worker_ && worker_->running()) {
    worker_->dismiss("its vGPU is gone");
  } else {
    report_gone();
  }
}

void Vgpu::report_gone() {
  if (!closing_ || std::exchange(gone_reported_, true)) return;
  context_.loop.cancel(witness_timer_);
  witness_timer_ = 0;
  context_.turns.remove(settings_.id);
  page_.write_end();
  forget_entries();
  events_.gone();
}

void Vgpu::sweep() {
  ended_worker_.reset();
  for (auto entry = guests_.begin(); entry != guests_.end();)
    entry = entry->second->state == Guest::State::kGone ? guests_.erase(entry) : std::next(entry);
}

pid_t Vgpu::worker_process() const { return worker_ ? worker_->process() : 0; }

uint32_t Vgpu::protections() const {
  if (!worker_) return 0;
  return worker_->protections() | (witness_sees_ ? uint32_t{records::kMemoryWitness} : 0);
}

size_t Vgpu::guest_processes() const {
  return static_cast<size_t>(std::count_if(guests_.begin(), guests_.end(), [](const auto& entry) {
    return entry.second->state < Guest::State::kDeparting;
  }));
}

}  // namespace aliquot
