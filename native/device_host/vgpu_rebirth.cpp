// A vGPU taken over from a device host that died: its worker and its guest processes go on. What
// can't go on, because something of it is missing, ends with a line in the log.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "device_host/rebirth.h"
#include "device_host/vgpu.h"

namespace aliquot {

void Vgpu::adopt(Rebirth& rebirth, const VgpuEntry& entry, StateMemory::Slot slot) {
  const auto id = static_cast<unsigned long long>(settings_.id);
  slot_ = slot;
  last_connection_ = adopted_connections_ = entry.last_connection;
  held_by_control_ = entry.held_by_control;
  told_ = entry.told;
  first_start_ = !entry.worker.started && !entry.told;
  past_cpu_ns_ = entry.past_cpu_ns;
  made_ns_ = entry.made_ns;
  last_lease_ = entry.last_lease;
  const bool has_page = adopt_page(rebirth, entry);
  reports_ = rebirth.store.take(reports_key()).descriptor;
  Descriptor listener =
      rebirth.store.take({KeptKind::kVgpuListener, 0, settings_.id, 0}).descriptor;
  if (listener && !entry.closing) {
    listener_.adopt(std::move(listener), socket_path_, entry.arriving);
    // The path of one that was arriving may still lead to where it is.
  } else if (!entry.closing && !entry.arriving && !open_socket()) {
    context_.log.line("vgpu=%llu has lost its socket", id);
  }
  listen_for_turns();
  const bool has_worker = adopt_worker(rebirth, entry);
  if (entry.suspended) {
    standstill_.step = worker_ ? Standstill::Step::kEnding : Standstill::Step::kSuspended;
    if (worker_) worker_->kill("its vGPU is suspended");
  } else if (worker_ready_) {
    worker_->send(make_record(records::Kind::kThaw, 0));  // whoever wanted that begins anew
  }
  adopt_claims(rebirth);
  leases_.adopt(rebirth);
  adopt_guests(rebirth, has_worker || entry.suspended);
  for (const KeptKey& key : rebirth.store.keys(KeptKind::kKeptMemory, settings_.id))
    keep(rebirth.store.take(key).descriptor, key);
  // Of guest processes that were just leaving, or coming.
  for (const KeptKind kind :
       {KeptKind::kConnectionMemory, KeptKind::kStagingArena, KeptKind::kBufferArena})
    for (const KeptKey& key : rebirth.store.keys(kind, settings_.id))
      keep(rebirth.store.take(key).descriptor, key);
  update_cgroup();
  if (entry.closing || entry.arriving || !has_page) close();
  if (closing_) return;
  if (suspended()) return close_if_unused();
  std::string problem;
  if (!worker_ && first_start_) {
    if (!start_worker(problem)) return events_.start_failed(problem);
  } else if (!worker_ && (guest_processes() != 0 || !leases_.unanswered().empty()) &&
             !start_worker(problem)) {
    if (!settings_.lasting()) return close();
    refuse_held(problem);
  }
  if (worker_ready_ && !worker_->doomed()) answer_leases();
  close_if_unused();
}

// Its page was kept before it was noted that it has one. False: it was lost.
bool Vgpu::adopt_page(Rebirth& rebirth, const VgpuEntry& entry) {
  KeptDescriptor kept = rebirth.store.take(page_key());
  if (kept.page != nullptr) {
    page_.adopt(std::move(kept.descriptor), kept.page);
    return true;
  }
  if (!entry.has_page) return true;
  context_.log.line("vgpu=%llu can't go on: its page was lost",
                    static_cast<unsigned long long>(settings_.id));
  return false;
}

// After the worker, of whom nothing is known when it begins.
void Vgpu::adopt_claims(const Rebirth& rebirth) {
  if (const auto times = rebirth.times.find(settings_.id); times != rebirth.times.end())
    for (const auto& [slot, entry] : times->second) {
      times_slot_ = slot;
      times_.begin_again(entry.past);
    }
  if (const auto kernels = rebirth.kernels.find(settings_.id); kernels != rebirth.kernels.end())
    for (const auto& [slot, entry] : kernels->second) {
      if (entry.place >= records::kMostUnsplitKernels) continue;
      kernel_slots_[entry.place] = slot;
      unsplit_kernels_[entry.place] = entry.kernel;
    }
}

bool Vgpu::adopt_worker(Rebirth& rebirth, const VgpuEntry& entry) {
  const auto id = static_cast<unsigned long long>(settings_.id);
  KeptDescriptor page = rebirth.store.take({KeptKind::kTurnPage, 0, settings_.id, 0});
  if (entry.worker.process == 0) {
    // One that was just born, and of which nothing was noted.
    const KeptKey key{KeptKind::kWorkerProcess, 0, settings_.id, 0};
    const KeptDescriptor unknown = rebirth.store.take(key);
    if (!unknown.descriptor) return false;
    ::syscall(SYS_pidfd_send_signal, unknown.descriptor.get(), SIGKILL, nullptr, 0);
    context_.link.forget(key);
    context_.link.add_worker(static_cast<pid_t>(unknown.note), [](int) {});
    return false;
  }
  prepare_worker();
  baseline_ = entry.baseline;
  kernels_claimed_ = entry.kernels;
  heartbeat_.resume(entry.heartbeat);
  worker_ready_ = entry.ready;
  bool whole = worker_->adopt(rebirth.store, entry.worker);
  const TurnWitness::Claims claims{entry.witness_burst_ns, entry.witness_claims_ns};
  if (!context_.turns.adopt_worker(settings_.id, turn_peer(), std::move(page.descriptor), page.page,
                                   claims)) {
    worker_->kill("its turn page was lost");
    whole = false;
  }
  if (worker_->started()) begin_to_see();
  if (worker_ready_)
    context_.turns.worker_resumed(settings_.id, worker_->process(), sighting_.children_cpu_ns);
  context_.log.line("vgpu=%llu worker=%d %s", id, worker_->process(),
                    whole ? "goes on" : "can't go on");
  schedule_witness();
  return true;
}

void Vgpu::repeat(const KeptKey& source, const records::Record& record) {
  repeats_ = true;
  if (source.kind == KeptKind::kWorkerChannel) {
    if (worker_ && !worker_->doomed()) on_worker_record(record, true);
  } else if (const auto found = guests_.find(source.connection); found != guests_.end()) {
    Guest& guest = *found->second;
    if (guest.channel && guest.channel->open()) on_guest_record(guest, record, true);
  }
  repeats_ = false;
}

void Vgpu::end_sender(const KeptKey& source) {
  if (source.kind == KeptKind::kWorkerChannel) {
    if (worker_) worker_->kill("it sent a record that can't be handled");
  } else if (const auto found = guests_.find(source.connection); found != guests_.end()) {
    if (found->second->channel) found->second->channel->close();
    on_guest_closed(*found->second, "sent a record that can't be handled");
  }
}

}  // namespace aliquot
