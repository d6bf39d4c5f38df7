#include "device_host/time_ledger.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "device_host/worker_family.h"
#include "protocol/connection_layout.h"

namespace aliquot {

namespace {

constexpr size_t kLongestStat = 4096;
constexpr int kStartField = 20;  // of /proc/PID/stat, counted from the one behind the name

uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

/// What the guest driver claims by now; zeros where nothing can be read. Copied before it is looked at:
/// the process writes there as it likes.
layout::TimeClaims* read_claims(int memory, layout::TimeClaims& claims) {
  const ssize_t length = ::pread(memory, static_cast<void*>(&claims), sizeof claims,
                                 offsetof(layout::ConnectionMemory, times));
  return length == static_cast<ssize_t>(sizeof claims) ? &claims : nullptr;
}

}  // namespace

uint64_t process_start_ns(pid_t process, uint64_t now) {
  std::string stat;
  if (process <= 0 ||
      !read_whole("/proc/" + std::to_string(process) + "/stat", kLongestStat, stat))
    return now;
  size_t at = stat.rfind(')');  // the name may hold anything
  for (int field = 0; field < kStartField && at != std::string::npos; ++field)
    at = stat.find(' ', at + 1);
  const long ticks_a_second = ::sysconf(_SC_CLK_TCK);
  if (at == std::string::npos || ticks_a_second <= 0) return now;
  const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(ticks_a_second);
  const uint64_t ticks = std::strtoull(stat.c_str() + at, nullptr, 10);
  // In the middle of its tick, on average.
  const uint64_t since_boot = ticks * tick_ns + tick_ns / 2;
  const uint64_t boot_now = clock_ns(CLOCK_BOOTTIME);
  const uint64_t age = boot_now - std::min(boot_now, since_boot);
  return now - std::min(now, age);
}

void TimeLedger::Sums::add(const Process& process, uint64_t now) {
  const uint64_t alive = now - std::min(now, process.since);
  alive_ns += alive;
  layout::TimeClaims claims{};
  if (read_claims(process.memory, claims) == nullptr) return;
  uint64_t left = alive;
  for (size_t kind = 0; kind < layout::kSpentKinds; ++kind) {
    const uint64_t believed = std::min(left, claims.spent_ns[kind].load(std::memory_order_relaxed));
    spent_ns[kind] += believed;
    left -= believed;
  }
  // Each took some ns at least: so sums of hostile numbers never overflow.
  const auto count = [&](const std::atomic<uint64_t>& claim) {
    return std::min(alive, claim.load(std::memory_order_relaxed));
  };
  syncs += count(claims.syncs);
  round_trips += count(claims.round_trips);
  builds += count(claims.builds);
}

// Processes that live at the same time cover it once.
void TimeLedger::cover(uint64_t since, uint64_t now) {
  if (!processes_.empty()) since = std::min(since, past_.covered_until);
  const uint64_t from = std::max(since, past_.covered_until);
  past_.covered_ns += now - std::min(now, from);
  past_.covered_until = std::max(past_.covered_until, now);
}

void TimeLedger::begin(uint32_t connection, uint64_t since, int memory, uint64_t now) {
  cover(std::min(since, now), now);
  processes_[connection] = {std::min(since, now), memory};
}

// One whose end was noted, while it was not noted yet that it is gone, is in the sums already.
void TimeLedger::resume(uint32_t connection, uint64_t since, int memory) {
  if (connection != past_.last) processes_[connection] = {since, memory};
}

void TimeLedger::end(uint32_t connection, uint64_t now) {
  const auto found = processes_.find(connection);
  if (found == processes_.end()) return;
  cover(now, now);
  past_.sums.add(found->second, now);
  ++past_.count;
  past_.last = connection;
  processes_.erase(found);
}

void TimeLedger::report(records::Receipt& receipt, uint64_t now) const {
  Sums sums = past_.sums;
  for (const auto& [connection, process] : processes_) sums.add(process, now);
  receipt.at_ns = now;
  receipt.alive_ns = sums.alive_ns;
  receipt.covered_ns = past_.covered_ns;
  if (!processes_.empty()) receipt.covered_ns += now - std::min(now, past_.covered_until);
  uint64_t* const lines[layout::kSpentKinds] = {
      &receipt.start_ns, &receipt.kernels_ns, &receipt.copies_ns,      &receipt.others_ns,
      &receipt.limit_ns, &receipt.syncs_ns,   &receipt.round_trips_ns, &receipt.compiling_ns};
  for (size_t kind = 0; kind < layout::kSpentKinds; ++kind) *lines[kind] = sums.spent_ns[kind];
  receipt.syncs = sums.syncs;
  receipt.round_trips = sums.round_trips;
  receipt.builds = sums.builds;
  receipt.processes = past_.count + processes_.size();
}

}  // namespace aliquot
