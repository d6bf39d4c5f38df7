// The leases of a vGPU: the first one starts its worker, and some time after the last one that
// ends, though what a lasting vGPU has reserved stays.
#include <utility>

#include "device_host/holder_process.h"
#include "device_host/vgpu.h"

namespace aliquot {

namespace {

using records::ErrorCode;

Vgpu::Refusal refusal_of(HolderProblem problem, uint32_t process) {
  const std::string number = std::to_string(process);
  switch (problem) {
    case HolderProblem::kNone:
      return {};
    case HolderProblem::kNoProcess:
      return {ErrorCode::kNoSuchProcess, "No process " + number + " runs here."};
    case HolderProblem::kOthers:
      return {ErrorCode::kNotPermitted,
              "Process " + number + " belongs neither to who asks nor to the vGPU's owner."};
    case HolderProblem::kNoDescriptor:
      break;
  }
  return {ErrorCode::kLimitReached, "No descriptors are left for another lease."};
}

}  // namespace

Vgpu::Refusal Vgpu::take_lease(uint64_t control, uint32_t sequence, const PeerIdentity& peer,
                               uint32_t process) {
  if (leases_.count() >= Leases::kMost)
    return {ErrorCode::kLimitReached, "Too many leases of this vGPU are held."};
  if (standstill_.step == Standstill::Step::kEnding ||
      standstill_.step == Standstill::Step::kSuspended)
    return {ErrorCode::kSuspended, "The vGPU " + settings_.name + " is suspended."};
  if (stands_still() && standstill_.step != Standstill::Step::kRestoring)
    return {ErrorCode::kNotStopped, "The vGPU " + settings_.name + " is being suspended or moved."};
  if (!context_.turns.has_room(settings_.id))
    return {ErrorCode::kLimitReached, kTooManyInUse};
  Lease lease;
  lease.control = control;
  lease.sequence = sequence;
  lease.since_ns = monotonic_nanoseconds();
  lease.process = process != 0 ? static_cast<pid_t>(process) : peer.process;
  if (process != 0) {
    const Refusal refusal =
        refusal_of(open_holder(process, peer.user, settings_.owner, lease.holder), process);
    if (refusal.code != ErrorCode::kNone) return refusal;
  }
  lease.number = ++last_lease_;
  save();
  const uint64_t number = lease.number;
  Lease* held = leases_.add(std::move(lease));
  if (held == nullptr) return refusal_of(HolderProblem::kNoDescriptor, process);
  context_.log.line("vgpu=%llu lease=%llu taken by process %d",
                    static_cast<unsigned long long>(settings_.id),
                    static_cast<unsigned long long>(number), held->process);
  context_.loop.cancel(std::exchange(rest_timer_, 0));
  if (stands_still()) return {};  // until it goes on
  if (worker_ready_ && !worker_->doomed()) {
    tell_leased(*held);
    return {};
  }
  std::string problem;
  if ((worker_ && worker_->running()) || start_worker(problem)) return {};
  leases_.end(number);
  return {ErrorCode::kWorkerStart, problem};
}

bool Vgpu::end_lease(uint64_t number) {
  const Lease* lease = leases_.find(number);
  if (lease == nullptr) return false;
  log_lease_end(*lease);
  leases_.end(number);
  close_if_unused();
  return true;
}

void Vgpu::on_lease_ended(const Lease& lease) {
  log_lease_end(lease);
  if (!lease.answered)
    events_.lease_failed(lease.control, lease.sequence, ErrorCode::kNoSuchProcess,
                         "The process that was to hold the lease has ended.");
  close_if_unused();
}

void Vgpu::log_lease_end(const Lease& lease) {
  context_.log.line("vgpu=%llu lease=%llu of process %d ended",
                    static_cast<unsigned long long>(settings_.id),
                    static_cast<unsigned long long>(lease.number), lease.process);
}

bool Vgpu::tell_lease_again(uint64_t control, uint32_t sequence) {
  const Lease* lease = leases_.find(control, sequence);
  if (lease == nullptr) return false;
  if (lease->answered) events_.leased(*lease);
  return true;
}

// Noted after it was said: said twice, nobody minds.
void Vgpu::tell_leased(const Lease& lease) {
  const uint64_t number = lease.number;
  events_.leased(lease);
  // Who doesn't read loses its connection, and the lease with that.
  if (Lease* held = leases_.find(number)) leases_.set_answered(*held);
}

void Vgpu::answer_leases() {
  for (const uint64_t number : leases_.unanswered())
    if (const Lease* lease = leases_.find(number)) tell_leased(*lease);
}

void Vgpu::fail_leases(ErrorCode code, const std::string& problem) {
  for (const uint64_t number : leases_.unanswered()) {
    const Lease* lease = leases_.find(number);
    if (lease == nullptr) continue;
    const uint64_t control = lease->control;
    const uint32_t sequence = lease->sequence;
    leases_.end(number);
    events_.lease_failed(control, sequence, code, problem);
  }
}

// Nobody leases or uses it. Somebody may soon, and starting a worker takes its time.
void Vgpu::rest_soon() {
  if (!worker_ && !closing_) return context_.turns.rest(settings_.id);
  if (rest_timer_ != 0 || closing_ || !worker_ || worker_->doomed()) return;
  if (standstill_.step != Standstill::Step::kRuns) return;  // once it goes on, this comes again
  rest_timer_ = context_.loop.schedule(context_.options.worker_idle_ms, [this] {
    rest_timer_ = 0;
    if (in_use() || closing_ || !worker_ || worker_->doomed()) return;
    resting_ = true;
    worker_->dismiss("nobody leases its vGPU");
  });
}

}  // namespace aliquot
