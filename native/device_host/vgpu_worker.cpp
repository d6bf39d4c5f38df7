// What a vGPU's worker says, and what the device host sees of it.
#include <algorithm>
#include <cstring>
#include <utility>

#include "device_host/vgpu.h"
#include "protocol/connection_layout.h"

namespace aliquot {

namespace {

// A worker that nobody uses is looked at less often, yet often enough that it can't hold more than
// it may for a second.
constexpr uint64_t kLookMilliseconds = 200;
constexpr uint64_t kIdleLookMilliseconds = 400;
constexpr uint64_t kSecondLookMilliseconds = 150;  // of one that seems to hold too much
constexpr int kLooksBeyond = 3;                    // what they find in a row is no passing state
constexpr uint64_t kLooksACacheCheck = 16;

using records::Kind;

// A worker's words end up on terminals.
std::string text_of(const char* field, size_t size) {
  std::string text(field, ::strnlen(field, size));
  for (char& character : text)
    if (character < ' ' || character > '~') character = '?';
  return text;
}

}  // namespace

void Vgpu::on_worker_record(const records::Record& record, bool repeated) {
  if (closing_ || !worker_) return;
  if (record.header.version != records::kVersion)
    return worker_->kill("it is of another version than the device host");
  const auto guest_of = [this](uint32_t connection) -> Guest* {
    const auto found = guests_.find(connection);
    return found == guests_.end() ? nullptr : found->second.get();
  };
  const auto id = static_cast<unsigned long long>(settings_.id);
  switch (record.header.kind) {
    case Kind::kWorkerReady:
      if (worker_ready_ && !repeated) return worker_->kill("it was ready twice");
      return on_worker_ready();
    case Kind::kWorkerFailed: {
      const auto error = payload_of<records::Error>(record);
      worker_problem_ = text_of(error.text, sizeof(error.text));
      return worker_->kill("it failed: " + worker_problem_);
    }
    case Kind::kGone: {
      const uint32_t connection = payload_of<records::ConnectionReference>(record).connection;
      Guest* guest = guest_of(connection);
      // Of those from before a device host's death it may have been told twice that they departed.
      const bool gone = guest == nullptr || guest->state == Guest::State::kGone;
      if (gone && connection <= adopted_connections_) return;
      if (guest == nullptr || guest->state != Guest::State::kDeparting)
        return worker_->kill("it freed a connection that is not departing");
      erase(*guest);
      update_cgroup();
      // Nothing else waits for who has departed: to go on would say a step of a move twice.
      if (standstill_.step == Standstill::Step::kFreezing) go_on();
      return retry_waiting();
    }
    case Kind::kArenaDropped: {
      const auto dropped = payload_of<records::Arena>(record);
      Guest* guest = guest_of(dropped.connection);
      if (guest == nullptr) return;
      const auto arena = guest->arenas.find(dropped.arena);
      if (arena == guest->arenas.end()) return;
      if (arena->second.purpose == records::ArenaPurpose::kStaging)
        guest->staging_bytes -= arena->second.bytes;
      keep(std::move(arena->second.memory),
           key_of(arena_kind(arena->second.purpose), *guest, dropped.arena));
      guest->arenas.erase(arena);
      update_cgroup();
      return retry_waiting();
    }
    case Kind::kViolation: {
      const auto violation = payload_of<records::Violation>(record);
      Guest* guest = guest_of(violation.connection);
      if (guest == nullptr || guest->state != Guest::State::kOpen) return;
      context_.log.line("vgpu=%llu connection=%u process=%d broke the protocol: %s", id,
                        guest->connection, guest->peer.process,
                        text_of(violation.text, sizeof(violation.text)).c_str());
      // Until the vGPU is here, its processes' sockets are the other device host's.
      if (arriving())
        return fail_arrival({records::ErrorCode::kMoveFailed,
                             "The worker couldn't take a guest process in."});
      guest->channel->close();
      return depart(*guest);
    }
    case Kind::kKernelOverrun: {
      const auto overrun = payload_of<records::KernelOverrun>(record);
      return worker_->kill("kernel " + text_of(overrun.kernel, sizeof(overrun.kernel)) +
                           " of connection " + std::to_string(overrun.connection) + " ran for " +
                           std::to_string(overrun.milliseconds) + " ms, the limit is " +
                           std::to_string(settings_.kernel_limit_ms) + " ms");
    }
    case Kind::kWorkerStatus:
      return on_worker_status(payload_of<records::WorkerStatus>(record));
    case Kind::kUnsplitKernel:
      return on_unsplit_kernel(payload_of<records::UnsplitKernel>(record));
    case Kind::kTurnWanted:
      return context_.turns.on_wanted(settings_.id);
    case Kind::kTurnFinished:
      return context_.turns.on_finished(settings_.id, payload_of<records::TurnFinished>(record),
                                        repeated);
    case Kind::kWork:
      return context_.turns.on_work(settings_.id, payload_of<records::Work>(record));
    case Kind::kMemory:
      return on_memory_told(record.header.sequence, payload_of<records::Memory>(record));
    case Kind::kQueuesTold:
      return on_queues_told(record.header.sequence, payload_of<records::QueuesTold>(record));
    case Kind::kDrafted:
      return on_drafted(payload_of<records::Image>(record));
    case Kind::kImageDone: {
      const auto done = payload_of<records::ImageDone>(record);
      return on_image_done(done, text_of(done.text, sizeof done.text));
    }
    case Kind::kFreezeFailed: {
      const auto failed = payload_of<records::Violation>(record);
      return on_freeze_failed(failed.connection, text_of(failed.text, sizeof failed.text));
    }
    case Kind::kPong:
      if (!heartbeat_.answered(record.header.sequence))
        worker_->kill("it answered what it was not asked");
      return;
    default:
      return worker_->kill("it sent a record that has no place here");
  }
}

void Vgpu::on_worker_status(const records::WorkerStatus& status) {
  kernels_claimed_ = status.kernels;
  context_.turns.on_copied(settings_.id, status.copied_bytes, status.copy_ns);
}

void Vgpu::on_unsplit_kernel(const records::UnsplitKernel& kernel) {
  if (kernel.place >= records::kMostUnsplitKernels ||
      kernel.reason > records::UnsplitReason::kLast)
    return worker_->kill("it told of a kernel in a way that can't be");
  records::VgpuKernel& kept = unsplit_kernels_[kernel.place];
  kept = {settings_.id, kernel.longest_ns, kernel.reason, {}};
  copy_text(kept.name, sizeof kept.name, text_of(kernel.name, sizeof kernel.name).c_str());
  context_.state.save(kernel_slots_[kernel.place], KernelEntry{settings_.id, kernel.place, kept});
}

void Vgpu::on_worker_ready() {
  const bool again = std::exchange(worker_ready_, true);
  context_.turns.worker_ready(settings_.id, worker_->process());
  Sighting now;
  if (witness_.look(true, now)) {
    sighting_ = now;
    if (!again) baseline_ = std::min(now.private_bytes(), kMostDriverBaseline);
  }
  save();
  context_.log.line("vgpu=%llu worker=%d ready, the driver took %llu MiB",
                    static_cast<unsigned long long>(settings_.id), worker_->process(),
                    static_cast<unsigned long long>(now.private_bytes() >> 20));
  if (standstill_.step == Standstill::Step::kRestoring) return restore_guests();
  if (arriving()) return say_step(records::MoveStep::kReady);
  if (standstill_.step == Standstill::Step::kHandingOver) return;  // they are the other one's soon
  let_in();
  if (shrink_.begun) ask_for_memory();
  if (std::exchange(standstill_.freezes, false)) freeze();
}

void Vgpu::let_in() {
  for (auto& [connection, guest] : guests_)
    if (guest->state == Guest::State::kHeld) admit(*guest);
  answer_leases();
}

void Vgpu::on_worker_ended(const std::string& how) {
  context_.log.line("vgpu=%llu worker=%d ended: %s", static_cast<unsigned long long>(settings_.id),
                    worker_->process(), how.c_str());
  const std::string problem =
      "The worker ended: " + (worker_problem_.empty() ? how : worker_problem_);
  ended_worker_ = std::move(worker_);
  events_.unswept();
  context_.turns.end_worker(settings_.id);
  const bool had_been_ready = std::exchange(worker_ready_, false);
  end_inquiry(records::QueuesAnswer::kNoWorker);
  kept_.clear();
  past_cpu_ns_ += sighting_.cpu_ns;
  sighting_ = {};
  adopted_connections_ = 0;
  save();
  context_.loop.cancel(std::exchange(witness_timer_, 0));
  context_.loop.cancel(std::exchange(cut_off_timer_, 0));
  context_.loop.cancel(std::exchange(rest_timer_, 0));
  if (!closing_ && suspended()) return on_suspended();
  if (!closing_ && arriving()) return fail_arrival({records::ErrorCode::kMoveFailed, problem});
  bool wanted_again = had_been_ready && !leases_.unanswered().empty();
  for (auto& [connection, guest] : guests_) {
    if (guest->state == Guest::State::kHeld && had_been_ready) {
      wanted_again = true;  // it came while the old worker was dying
    } else if (guest->state == Guest::State::kHeld) {
      refuse(*guest, guest->hello_sequence, records::ErrorCode::kWorkerStart, problem.c_str());
    } else if (guest->state != Guest::State::kGreeting) {
      if (guest->channel) guest->channel->close();
      erase(*guest);
    }
  }
  const bool never_started = std::exchange(first_start_, false);
  const bool is_news = !std::exchange(resting_, false) && (had_been_ready || !settings_.lasting());
  if (!closing_ && never_started) events_.start_failed(problem);
  if (!closing_ && !never_started && is_news) events_.worker_ended(problem);
  if (!closing_ && !had_been_ready) fail_leases(records::ErrorCode::kWorkerStart, problem);
  if (stands_still() || standstill_.moves) abandon_standstill({records::ErrorCode::kWorkerEnded, problem});
  if (closing_) return report_gone();
  std::string restart_problem;
  if (wanted_again && !start_worker(restart_problem)) refuse_held(restart_problem);
  close_if_unused();
}

// Those that wait for a worker that can't be had.
void Vgpu::refuse_held(const std::string& problem) {
  for (auto& [connection, guest] : guests_)
    if (guest->state == Guest::State::kHeld)
      refuse(*guest, guest->hello_sequence, records::ErrorCode::kWorkerStart, problem.c_str());
  fail_leases(records::ErrorCode::kWorkerStart, problem);
}

// Of a worker that was killed: the kernel takes its time to free what it held, and guest processes
// are told before that. What they had stays charged until the worker is reaped.
void Vgpu::cut_off_guests() {
  if (!worker_ || !worker_->doomed() || suspended() || arriving()) return;
  for (auto& [connection, guest] : guests_) {
    if (guest->state != Guest::State::kOpen) continue;
    guest->channel->close();
    guest->state = Guest::State::kDeparting;
    end_times(*guest);
    save(*guest);
    forget_waiting(*guest);
  }
  close_if_unused();
}

uint64_t Vgpu::common_bytes(bool staging_only) const {
  uint64_t bytes = staging_only ? 0 : kept_.resident();
  for (const auto& [connection, guest] : guests_) {
    if (guest->memory) bytes += resident_bytes(guest->memory.get());
    if (guest->image) bytes += resident_bytes(guest->image.get());
    for (const auto& [number, arena] : guest->arenas)
      if (!staging_only || arena.purpose == records::ArenaPurpose::kStaging)
        bytes += resident_bytes(arena.memory.get());
  }
  return bytes;
}

// What the worker holds, as of the last look.
uint64_t Vgpu::held_bytes() const {
  return sighting_.private_bytes() + sighting_.files +
         std::max(common_bytes(false), sighting_.shared);
}

// What it may hold where the vGPU has so much memory.
uint64_t Vgpu::explained_bytes(uint64_t memory) const {
  return memory + common_bytes(true) + baseline_ + kDriverAllowance;
}

void Vgpu::schedule_witness() {
  context_.loop.cancel(witness_timer_);
  const uint64_t pause = looks_beyond_ > 0                  ? kSecondLookMilliseconds
                         : guests_.empty() && worker_ready_ ? kIdleLookMilliseconds
                                                            : kLookMilliseconds;
  witness_timer_ = context_.loop.schedule(pause, [this] {
    witness_timer_ = 0;
    if (!worker_ || !worker_->running()) return;
    // Open files and mappings are walked every other time: they take longer.
    look_at_worker(++looks_ % 2 == 0);
    if (!worker_ || worker_->doomed()) return;
    context_.turns.sample(settings_.id);
    write_page();
    context_.turns.look_at_worker(settings_.id, sighting_.children_cpu_ns);
    ask_for_answer();
    save();
    if (looks_ % kLooksACacheCheck == 0) worker_->check_cache();
    schedule_witness();
  });
}

void Vgpu::ask_for_answer() {
  const bool connected =
      worker_ready_ && std::any_of(guests_.begin(), guests_.end(), [](const auto& entry) {
        return entry.second->state == Guest::State::kOpen;
      });
  switch (heartbeat_.look(monotonic_milliseconds(), connected)) {
    case Heartbeat::Verdict::kNothing:
      return;
    case Heartbeat::Verdict::kAsk:
      save();
      return worker_->send(make_record(Kind::kPing, heartbeat_.sequence()));
    case Heartbeat::Verdict::kDead:
      return worker_->kill("it didn't answer for " +
                           std::to_string(Heartbeat::kPatienceMilliseconds / 1000) + " s");
  }
}

// What nobody should have any more, though the worker may.
void Vgpu::keep(Descriptor memory, const KeptKey& key) {
  if (!memory || !worker_ || !worker_->running()) return context_.link.forget(key);
  kept_.add(std::move(memory), key);
  if (kept_.count() % (kMostKept / 2) == 0) look_at_worker(true);
}

void Vgpu::look_at_worker(bool with_files) {
  if (worker_->reached_cgroup_limit())
    return worker_->kill("a process of it reached its memory cgroup's limit");
  // Children of a worker without a process namespace come here when their parents end, out of the
  // witness's sight.
  if (worker_->started() && (worker_->protections() & records::kProcessNamespace) == 0)
    context_.children.kill_orphans();
  if (with_files) update_cgroup();  // tells the witness what is ours
  Sighting now;
  if (!witness_.look(with_files, now)) return;
  sighting_ = now;
  if (now.hidden != nullptr && witness_sees_) return worker_->kill(now.hidden);
  if (with_files) kept_.forget_unless([this](ino_t inode) { return witness_.holds(inode); });
  if (kept_.count() >= kMostKept)
    return worker_->kill("it keeps memory that it said it had dropped");
  const uint64_t bound = explained_bytes(settings_.memory_bytes);
  const uint64_t held = held_bytes();
  if (held <= bound) {
    looks_beyond_ = 0;
    return;
  }
  // Between fork and exec a child's memory is its parent's, counted twice; so a sum that only
  // children push beyond the bound must stay there for a moment.
  const uint64_t of_children = now.private_bytes() - now.main_private;
  const bool beyond_by_itself = held - of_children > bound;
  if (!beyond_by_itself && ++looks_beyond_ < kLooksBeyond) return;
  worker_->kill("it holds " + std::to_string(held >> 20) + " MiB, of which " +
                std::to_string(bound >> 20) + " MiB are explained (limit " +
                std::to_string(settings_.memory_bytes >> 20) + ", staging " +
                std::to_string(common_bytes(true) >> 20) + ", driver " +
                std::to_string((baseline_ + kDriverAllowance) >> 20) + " MiB)");
}

void Vgpu::update_cgroup() {
  if (!worker_) return;
  // By size, not by what is resident: the cgroup's bound must never come before the witness's.
  uint64_t common = 0;
  std::vector<ino_t> inodes;
  for (const auto& [connection, guest] : guests_) {
    if (guest->memory) common += layout::kConnectionBytes;
    if (guest->memory) inodes.push_back(inode_of(guest->memory.get()));
    if (guest->image) inodes.push_back(inode_of(guest->image.get()));
    if (guest->account.descriptor() >= 0) inodes.push_back(inode_of(guest->account.descriptor()));
    for (const auto& [number, arena] : guest->arenas) {
      if (arena.purpose == records::ArenaPurpose::kStaging) common += arena.bytes;
      inodes.push_back(inode_of(arena.memory.get()));
    }
  }
  if (const int page = context_.turns.page(settings_.id); page >= 0)
    inodes.push_back(inode_of(page));
  common += image_bytes();
  kept_.add_inodes(inodes);
  witness_.set_own_memory(std::move(inodes));
  worker_->limit_cgroup(common);
}

}  // namespace aliquot
