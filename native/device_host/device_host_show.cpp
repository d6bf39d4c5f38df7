// What the command line or the daemon wants to know of vGPUs.
#include "device_host/device_host.h"

namespace aliquot {

using records::Kind;

void DeviceHost::tell_vgpu(Control& control, uint32_t sequence, Vgpu& vgpu) {
  const uint64_t id = vgpu.settings().id;
  control.channel->send(make_record(Kind::kVgpuStatus, sequence, vgpu.status()));
  control.channel->send(make_record(Kind::kVgpuTurns, sequence, turns_.report(id)));
  control.channel->send(make_record(Kind::kVgpuCopies, sequence, turns_.report_copies(id)));
}

void DeviceHost::on_show(Control& control, const records::Record& record) {
  const auto reference = payload_of<records::VgpuReference>(record);
  const uint32_t sequence = record.header.sequence;
  Vgpu* vgpu = own_vgpu(control, sequence, reference.vgpu);
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
  Vgpu* vgpu = own_vgpu(control, sequence, reference.vgpu);
  if (vgpu == nullptr) return;
  control.channel->send(make_record(Kind::kReceipt, sequence, vgpu->receipt()), {vgpu->page()});
}

}  // namespace aliquot
