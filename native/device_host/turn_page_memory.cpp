#include "device_host/turn_page_memory.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "device_host/shared_memory.h"

namespace aliquot {

TurnPageMemory::~TurnPageMemory() {
  if (page_ != nullptr) ::munmap(page_, turns::kTurnPageSize);
}

bool TurnPageMemory::create(SupervisorLink& link, const KeptKey& key) {
  page_ = static_cast<turns::TurnPage*>(
      make_own_memory("aliquot-turns", turns::kTurnPageSize, link, key, memory_));
  return page_ != nullptr;
}

void TurnPageMemory::adopt(Descriptor memory, void* page) {
  memory_ = std::move(memory);
  page_ = static_cast<turns::TurnPage*>(page);
}

void TurnPageMemory::grant(uint64_t deadline_ns, uint64_t window_ns, uint64_t patience_ns,
                           bool contended) {
  page_->deadline_ns.store(deadline_ns, std::memory_order_relaxed);
  page_->window_ns.store(window_ns, std::memory_order_relaxed);
  page_->patience_ns.store(patience_ns, std::memory_order_relaxed);
  page_->contended.store(contended ? 1 : 0, std::memory_order_relaxed);
  page_->turn.store(turn() + 1, std::memory_order_release);
  ::syscall(SYS_futex, &page_->turn, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void TurnPageMemory::shorten(uint64_t deadline_ns) {
  page_->deadline_ns.store(deadline_ns, std::memory_order_relaxed);
  page_->contended.store(1, std::memory_order_release);
}

void TurnPageMemory::limit_copies(uint64_t rate) {
  page_->copy_rate.store(rate, std::memory_order_relaxed);
}

void TurnPageMemory::limit_memory(uint64_t bytes) {
  page_->memory_limit.store(bytes, std::memory_order_release);
}

}  // namespace aliquot
