#include "device_host/vgpu_page_memory.h"

#include <sys/mman.h>

#include <utility>

#include "device_host/shared_memory.h"

namespace aliquot {

using vgpu_page::Page;

namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
}  // namespace

VgpuPageMemory::~VgpuPageMemory() {
  if (page_ != nullptr) ::munmap(page_, vgpu_page::kPageSize);
}

bool VgpuPageMemory::create(SupervisorLink& link, const KeptKey& key) {
  page_ = static_cast<Page*>(
      make_own_memory("aliquot-vgpu", vgpu_page::kPageSize, link, key, memory_));
  if (page_ == nullptr) return false;
  page_->version.store(vgpu_page::kPageVersion, std::memory_order_release);
  return true;
}

void VgpuPageMemory::adopt(Descriptor memory, void* page) {
  memory_ = std::move(memory);
  page_ = static_cast<Page*>(page);
}

// There is one writer, so the number needs no exchange. It is odd already where a device host died
// while it wrote.
template <class Write>
void VgpuPageMemory::change(Write write) {
  if (page_ == nullptr) return;
  const uint32_t odd = page_->sequence.load(kRelaxed) | 1;
  page_->sequence.store(odd, kRelaxed);
  std::atomic_thread_fence(std::memory_order_release);
  write(*page_);
  page_->sequence.store(odd + 1, std::memory_order_release);
}

void VgpuPageMemory::write_turns(vgpu_page::State state, uint64_t at_ns,
                                 const arbiter::Account& account) {
  change([&](Page& page) {
    page.state.store(state, kRelaxed);
    page.at_ns.store(at_ns, kRelaxed);
    page.held_ns.store(account.held_ns, kRelaxed);
    page.spared_ns.store(account.spared_ns, kRelaxed);
    page.withheld_ns.store(account.withheld_ns, kRelaxed);
    page.waited_ns.store(account.waited_ns, kRelaxed);
    page.limited_ns.store(account.limited_ns, kRelaxed);
    page.outside_ns.store(account.outside_ns, kRelaxed);
    page.turns.store(account.turns, kRelaxed);
    page.balance_ns.store(account.balance_ns, kRelaxed);
  });
}

void VgpuPageMemory::write_look(const records::VgpuTurns& turns,
                                const records::VgpuStatus& status) {
  change([&](Page& page) {
    page.looked_ns.store(turns.at_ns, kRelaxed);
    page.guarantee.store(turns.shares.guarantee, kRelaxed);
    page.limit.store(turns.shares.limit, kRelaxed);
    page.weight.store(turns.shares.weight, kRelaxed);
    page.priority.store(turns.shares.priority, kRelaxed);
    page.share_1s.store(turns.share_1s, kRelaxed);
    page.share_10s.store(turns.share_10s, kRelaxed);
    page.share_60s.store(turns.share_60s, kRelaxed);
    page.wait_p50_us.store(turns.wait_p50_us, kRelaxed);
    page.wait_p99_us.store(turns.wait_p99_us, kRelaxed);
    page.guest_processes.store(status.guest_processes, kRelaxed);
    page.busy_ns.store(turns.busy_ns, kRelaxed);
    page.kernels.store(status.kernels, kRelaxed);
    page.copied_bytes.store(status.copied_bytes, kRelaxed);
    page.memory_limit.store(status.memory_limit, kRelaxed);
    page.memory_used.store(status.memory_used, kRelaxed);
  });
}

void VgpuPageMemory::write_end() {
  change([](Page& page) { page.gone.store(1, kRelaxed); });
}

}  // namespace aliquot
