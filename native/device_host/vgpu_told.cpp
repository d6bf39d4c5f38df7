// What is told of a vGPU: to the command line, and on its page.
#include <algorithm>

#include "device_host/vgpu.h"

namespace aliquot {

records::VgpuStatus Vgpu::status() {
  if (worker_ && worker_->started()) {
    Sighting now;
    if (witness_.look(false, now)) sighting_ = now;
  }
  return known_status();
}

// As of the last look at the worker.
records::VgpuStatus Vgpu::known_status() const {
  records::VgpuStatus status;
  status.vgpu = settings_.id;
  status.memory_limit = settings_.memory_bytes;
  status.memory_lent = context_.ledger.lent(settings_.id);
  uint64_t unspent = 0;
  for (const records::VgpuProcess& process : processes())
    unspent += process.memory_lent - process.memory_used;
  status.memory_used = status.memory_lent - unspent;
  status.witnessed_memory = held_bytes();
  status.worker_cpu_ns = past_cpu_ns_ + sighting_.cpu_ns;
  status.kernels = kernels_claimed_;
  status.copied_bytes = context_.turns.copied_bytes(settings_.id);
  status.guest_processes = static_cast<uint32_t>(guest_processes());
  status.worker_process_id = static_cast<uint32_t>(worker_process());
  status.owner_uid = settings_.owner;
  status.protections = protections();
  status.flags = settings_.flags;
  status.kernel_limit_ms = settings_.kernel_limit_ms;
  copy_text(status.name, sizeof(status.name), settings_.name.c_str());
  status.id_high = settings_.id_high;
  status.id_low = settings_.id_low;
  if (worker_ && !worker_->doomed())
    status.state = worker_ready_ ? records::VgpuState::kReady : records::VgpuState::kStarting;
  if (suspended()) {
    status.state = records::VgpuState::kSuspended;
    status.memory_used = 0;  // of the device's; what was lent is still there when it goes on
  }
  status.leases = static_cast<uint32_t>(leases_.count());
  return status;
}

std::vector<records::VgpuKernel> Vgpu::unsplit_kernels() const {
  std::vector<records::VgpuKernel> kernels;
  for (const records::VgpuKernel& kernel : unsplit_kernels_)
    if (kernel.longest_ns != 0) kernels.push_back(kernel);
  std::sort(kernels.begin(), kernels.end(), [](const auto& one, const auto& other) {
    return one.longest_ns > other.longest_ns;
  });
  return kernels;
}

std::vector<records::VgpuProcess> Vgpu::processes() const {
  std::vector<records::VgpuProcess> processes;
  for (const auto& [connection, guest] : guests_) {
    if (guest->state != Guest::State::kOpen) continue;
    records::VgpuProcess process;
    process.vgpu = settings_.id;
    process.process_id = static_cast<uint32_t>(guest->peer.process);
    process.connection = connection;
    process.memory_lent = context_.ledger.lent(settings_.id, connection);
    // The page is the guest process's to write.
    process.memory_used =
        process.memory_lent - std::min(guest->account.credit(), process.memory_lent);
    processes.push_back(process);
  }
  return processes;
}

void Vgpu::write_page() {
  if (page_.descriptor() < 0) return;
  page_.write_look(context_.turns.report(settings_.id), known_status());
}

records::Receipt Vgpu::receipt() {
  settle();  // processes that have just ended have ended
  records::Receipt receipt;
  receipt.vgpu = settings_.id;
  times_.report(receipt, monotonic_nanoseconds());
  context_.turns.report(settings_.id, receipt);
  return receipt;
}

}  // namespace aliquot
