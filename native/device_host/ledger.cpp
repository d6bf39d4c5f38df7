#include "device_host/ledger.h"

#include <algorithm>

namespace aliquot {

Ledger::Account* Ledger::find(uint64_t vgpu) {
  const auto found = accounts_.find(vgpu);
  return found == accounts_.end() ? nullptr : &found->second;
}

const Ledger::Account* Ledger::find(uint64_t vgpu) const {
  const auto found = accounts_.find(vgpu);
  return found == accounts_.end() ? nullptr : &found->second;
}

std::optional<uint64_t> Ledger::reserve(uint64_t vgpu, uint64_t bytes) {
  const uint64_t granted = bytes == 0 ? unreserved() : bytes;
  if (granted == 0 || granted > unreserved() || find(vgpu) != nullptr) return std::nullopt;
  accounts_[vgpu].limit = accounts_[vgpu].reserved = granted;
  reserved_ += granted;
  return granted;
}

bool Ledger::resize(uint64_t vgpu, uint64_t bytes) {
  return bytes >= lent(vgpu) && shelve(vgpu, bytes);
}

bool Ledger::shelve(uint64_t vgpu, uint64_t bytes) {
  Account* account = find(vgpu);
  if (account == nullptr || bytes == 0) return false;
  if (bytes > account->reserved && bytes - account->reserved > unreserved()) return false;
  reserved_ = reserved_ - account->reserved + bytes;
  account->limit = account->reserved = bytes;
  return true;
}

bool Ledger::lower_limit(uint64_t vgpu, uint64_t bytes) {
  Account* account = find(vgpu);
  if (account == nullptr || bytes < account->lent || bytes > account->reserved) return false;
  account->limit = bytes;
  return true;
}

void Ledger::release(uint64_t vgpu) {
  const Account* account = find(vgpu);
  if (account == nullptr) return;
  reserved_ -= account->reserved;
  accounts_.erase(vgpu);
}

bool Ledger::connect(uint64_t vgpu, uint32_t connection) {
  Account* account = find(vgpu);
  return account != nullptr && account->connections.emplace(connection, 0).second;
}

bool Ledger::resume(uint64_t vgpu, uint32_t connection, uint64_t lent, bool off_device) {
  if ((!off_device && lent > free_bytes(vgpu)) || lent > device_memory_) return false;
  if (!connect(vgpu, connection)) return false;
  Account* account = find(vgpu);
  account->connections[connection] = lent;
  account->lent += lent;
  return true;
}

void Ledger::disconnect(uint64_t vgpu, uint32_t connection) {
  Account* account = find(vgpu);
  if (account == nullptr) return;
  const auto found = account->connections.find(connection);
  if (found == account->connections.end()) return;
  account->lent -= found->second;
  account->connections.erase(found);
}

uint64_t Ledger::lend(uint64_t vgpu, uint32_t connection, uint64_t wanted) {
  Account* account = find(vgpu);
  if (account == nullptr || wanted == 0) return 0;
  const auto found = account->connections.find(connection);
  if (found == account->connections.end()) return 0;
  const uint64_t free = free_bytes(vgpu);
  if (wanted > free) return 0;
  uint64_t granted = wanted;
  if (free - wanted >= kPlentyBytes + kAheadBytes) granted += kAheadBytes;
  found->second += granted;
  account->lent += granted;
  return granted;
}

uint64_t Ledger::take_back(uint64_t vgpu, uint32_t connection, uint64_t bytes) {
  Account* account = find(vgpu);
  if (account == nullptr) return 0;
  const auto found = account->connections.find(connection);
  if (found == account->connections.end()) return 0;
  const uint64_t taken = std::min(bytes, found->second);
  found->second -= taken;
  account->lent -= taken;
  return taken;
}

uint64_t Ledger::limit(uint64_t vgpu) const {
  const Account* account = find(vgpu);
  return account == nullptr ? 0 : account->limit;
}

uint64_t Ledger::reserved(uint64_t vgpu) const {
  const Account* account = find(vgpu);
  return account == nullptr ? 0 : account->reserved;
}

uint64_t Ledger::lent(uint64_t vgpu) const {
  const Account* account = find(vgpu);
  return account == nullptr ? 0 : account->lent;
}

uint64_t Ledger::lent(uint64_t vgpu, uint32_t connection) const {
  const Account* account = find(vgpu);
  if (account == nullptr) return 0;
  const auto found = account->connections.find(connection);
  return found == account->connections.end() ? 0 : found->second;
}

}  // namespace aliquot
