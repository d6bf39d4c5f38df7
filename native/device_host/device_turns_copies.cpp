// What the vGPUs of a device copy: their limits, and what their workers claim.
#include <algorithm>

#include "device_host/device_turns.h"

namespace aliquot {

void DeviceTurns::set_copy_limit(uint64_t vgpu, uint64_t limit) {
  if (Known* known = find_known(vgpu)) known->copy_limit = limit;
  if (Member* member = find(vgpu); member != nullptr && member->page)
    member->page->limit_copies(limit);
}

void DeviceTurns::on_copied(uint64_t vgpu, uint64_t bytes, uint64_t ns) {
  if (find(vgpu) == nullptr) return;
  const uint64_t now = now_ns();
  arbiter_.look(now);  // else its account would be made from a copy of all of them
  claim_copies(vgpu, bytes, ns, now);
  arm();
}

void DeviceTurns::claim_copies(uint64_t vgpu, uint64_t bytes, uint64_t ns, uint64_t now) {
  Member* member = find(vgpu);
  if (member == nullptr || !member->page) return;
  member->copies.claim(now, bytes, ns, arbiter_.account(vgpu, now).held_ns);
}

uint64_t DeviceTurns::copied_bytes(uint64_t vgpu) const {
  const auto found = members_.find(vgpu);
  if (found != members_.end()) return found->second.copies.bytes();
  const auto known = known_.find(vgpu);
  return known == known_.end() ? 0 : known->second.past.copies.bytes;
}

records::VgpuCopies DeviceTurns::report_copies(uint64_t vgpu) const {
  constexpr uint64_t kSecond = 1'000'000'000;
  records::VgpuCopies report;
  report.vgpu = vgpu;
  const auto known = known_.find(vgpu);
  if (known == known_.end()) return report;
  report.limit = known->second.copy_limit;
  const auto found = members_.find(vgpu);
  if (found == members_.end()) {
    report.copied_bytes = known->second.past.copies.bytes;
    report.copy_ns = known->second.past.copies.ns;
    return report;
  }
  const Member& member = found->second;
  const uint64_t now = now_ns();
  report.copied_bytes = member.copies.bytes();
  report.copy_ns = member.copies.ns();
  report.rate_1s = member.copies.rate(kSecond, now);
  report.rate_10s = member.copies.rate(10 * kSecond, now);
  report.rate_60s = member.copies.rate(60 * kSecond, now);
  double all = 0;
  for (const auto& [other, its] : members_)
    all += static_cast<double>(its.copies.rate(10 * kSecond, now));
  if (all > 0)
    report.share_10s = static_cast<uint32_t>(static_cast<double>(report.rate_10s) * 1e4 / all);
  return report;
}

}  // namespace aliquot
