#include "device_host/leases.h"

#include <sys/epoll.h>

#include <utility>

namespace aliquot {

Lease* Leases::add(Lease lease) {
  const uint64_t number = lease.number;
  Lease& added = leases_[number] = std::move(lease);
  if (added.holder && !(link_.keep(key(number), added.holder.get()) && watch(added))) {
    end(number);
    return nullptr;
  }
  save(added);
  return &added;
}

bool Leases::watch(Lease& lease) {
  // A pidfd is readable once its process has ended.
  lease.token = loop_.watch(lease.holder.get(), EPOLLIN, [this, number = lease.number](uint32_t) {
    const auto over = leases_.extract(number);
    if (over.empty()) return;
    forget(over.mapped());
    ended_(over.mapped());
  });
  return lease.token != 0;
}

void Leases::save(Lease& lease) {
  LeaseEntry entry;
  entry.vgpu = vgpu_;
  entry.number = lease.number;
  entry.control = lease.control;
  entry.sequence = lease.sequence;
  entry.process = lease.process;
  entry.by_process = static_cast<bool>(lease.holder);
  entry.answered = lease.answered;
  entry.since_ns = lease.since_ns;
  state_.save(lease.slot, entry);
}

void Leases::forget(Lease& lease) {
  loop_.unwatch(lease.token);
  state_.erase(lease.slot);
  link_.forget(key(lease.number));
}

bool Leases::end(uint64_t number) {
  Lease* lease = find(number);
  if (lease == nullptr) return false;
  forget(*lease);
  leases_.erase(number);
  return true;
}

void Leases::end_held_by(const std::function<bool(uint64_t control)>& goes) {
  std::vector<uint64_t> numbers;  // the end of one may end others
  for (const auto& [number, lease] : leases_)
    if (!lease.holder && goes(lease.control)) numbers.push_back(number);
  for (const uint64_t number : numbers) {
    const auto over = leases_.extract(number);
    if (over.empty()) continue;
    forget(over.mapped());
    ended_(over.mapped());
  }
}

void Leases::end_all() {
  for (auto& [number, lease] : leases_) forget(lease);
  leases_.clear();
}

void Leases::set_answered(Lease& lease) {
  lease.answered = true;
  save(lease);
}

Lease* Leases::find(uint64_t number) {
  const auto found = leases_.find(number);
  return found == leases_.end() ? nullptr : &found->second;
}

Lease* Leases::find(uint64_t control, uint32_t sequence) {
  for (auto& [number, lease] : leases_)
    if (lease.control == control && lease.sequence == sequence) return &lease;
  return nullptr;
}

void Leases::adopt(Rebirth& rebirth) {
  const auto found = rebirth.leases.find(vgpu_);
  if (found == rebirth.leases.end()) return;
  for (const auto& [slot, entry] : found->second) {
    Lease lease;
    lease.number = entry.number;
    lease.control = entry.control;
    lease.sequence = entry.sequence;
    lease.process = entry.process;
    lease.answered = entry.answered;
    lease.since_ns = entry.since_ns;
    lease.holder = rebirth.store.take(key(entry.number)).descriptor;
    lease.slot = slot;
    Lease& adopted = leases_[entry.number] = std::move(lease);
    if (entry.by_process && !(adopted.holder && watch(adopted))) end(entry.number);
  }
}

std::vector<uint64_t> Leases::unanswered() const {
  std::vector<uint64_t> numbers;
  for (const auto& [number, lease] : leases_)
    if (!lease.answered) numbers.push_back(number);
  return numbers;
}

}  // namespace aliquot
