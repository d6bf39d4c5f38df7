// What the command line or the daemon wants to know of vGPUs.
#include "device_host/device_host.h"

namespace aliquot {

using records::ErrorCode;
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
  const auto found = vgpus_.find(reference.vgpu);
  if (found == vgpus_.end() || found->second.vgpu->closing())
    return answer_error(control, sequence, ErrorCode::kNoSuchVgpu,
                        "No vGPU has the number " + std::to_string(reference.vgpu) + ".");
  Vgpu& vgpu = *found->second.vgpu;
  tell_vgpu(control, sequence, vgpu);
  for (const records::VgpuKernel& kernel : vgpu.unsplit_kernels())
    control.channel->send(make_record(Kind::kVgpuKernel, sequence, kernel));
  for (const records::VgpuProcess& process : vgpu.processes())
    control.channel->send(make_record(Kind::kVgpuProcess, sequence, process));
  control.channel->send(make_record(Kind::kDone, sequence));
}

}  // namespace aliquot
