// What the command line or the daemon wants to know of vGPUs.
#include "device_host/device_host.h"

namespace aliquot {

using records::Kind;

namespace {
// What a peer that reads has room for at once.
constexpr size_t kMostRecordsOfAList = 256;
}  // namespace

void DeviceHost::on_list(Control& control, const records::Record& record) {
  const auto after = payload_of<records::VgpuReference>(record);
  const uint32_t sequence = record.header.sequence;
  records::VgpuReference last;
  size_t told = 0;
  for (auto next = vgpus_.upper_bound(after.vgpu); next != vgpus_.end(); ++next) {
    // One that arrives is still where it comes from.
    if (next->second.vgpu->closing() || next->second.vgpu->arriving()) continue;
    if (told >= kMostRecordsOfAList) {  // the rest is to be asked for
      control.channel->send(make_record(Kind::kDone, sequence, last));
      return;
    }
    told += tell_vgpu(control, sequence, *next->second.vgpu);
    last.vgpu = next->first;
  }
  control.channel->send(make_record(Kind::kDone, sequence));
}

size_t DeviceHost::tell_vgpu(Control& control, uint32_t sequence, Vgpu& vgpu) {
  const uint64_t id = vgpu.settings().id;
  control.channel->send(make_record(Kind::kVgpuStatus, sequence, vgpu.status()));
  control.channel->send(make_record(Kind::kVgpuTurns, sequence, turns_.report(id)));
  control.channel->send(make_record(Kind::kVgpuCopies, sequence, turns_.report_copies(id)));
  // Copied, since a peer that doesn't read is closed, and its leases end.
  std::vector<records::VgpuLease> leases;
  for (const auto& [number, lease] : vgpu.leases().all())
    leases.push_back({id, number, lease.since_ns, static_cast<uint32_t>(lease.process),
                      lease.holder ? 1u : 0u});
  for (const records::VgpuLease& lease : leases)
    control.channel->send(make_record(Kind::kVgpuLease, sequence, lease));
  return 3 + leases.size();
}

void DeviceHost::on_show(Control& control, const records::Record& record) {
  const auto reference = payload_of<records::VgpuReference>(record);
  const uint32_t sequence = record.header.sequence;
  Vgpu* vgpu = own_vgpu(control, sequence, reference);
  if (vgpu == nullptr) return;
  tell_vgpu(control, sequence, *vgpu);
  for (const records::VgpuKernel& kernel : vgpu->unsplit_kernels())
    control.channel->send(make_record(Kind::kVgpuKernel, sequence, kernel));
  for (const records::VgpuProcess& process : vgpu->processes())
    control.channel->send(make_record(Kind::kVgpuProcess, sequence, process));
  control.channel->send(make_record(Kind::kDone, sequence));
}

// With the page, which tells the rest without being asked again.
void DeviceHost::on_receipt(Control& control, const records::Record& record) {
  const auto reference = payload_of<records::VgpuReference>(record);
  const uint32_t sequence = record.header.sequence;
  Vgpu* vgpu = own_vgpu(control, sequence, reference);
  if (vgpu == nullptr) return;
  const int page = vgpu->page();
  if (page < 0)
    return answer_error(control, sequence, records::ErrorCode::kLimitReached,
                        "No descriptors are left for the vGPU's page.");
  control.channel->send(make_record(Kind::kReceipt, sequence, vgpu->receipt()), {page});
}

}  // namespace aliquot
