// vGPUs that are suspended and resumed at the wish of a control connection.
#include "device_host/device_host.h"

namespace aliquot {

using records::ErrorCode;
using records::Kind;

// Asked for again by a reborn device host, it is begun anew, or is done.
void DeviceHost::on_suspend(Control& control, const records::Record& record) {
  Vgpu* vgpu =
      own_vgpu(control, record.header.sequence, payload_of<records::VgpuReference>(record));
  if (vgpu == nullptr) return;
  Vgpu::Asker asker{control.id, record.header.sequence, 0};
  state_.save(asker.slot, WaitingEntry{{KeptKind::kControl, 0, 0, control.id}, record, 0});
  record.header.kind == Kind::kVgpuSuspend ? vgpu->suspend(asker) : vgpu->resume(asker);
}

void DeviceHost::on_settled(const Vgpu::Asker& asker, const Vgpu::Refusal& refusal) {
  if (Control* control = find_control(asker.control)) {
    if (refusal.code != ErrorCode::kNone)
      answer_error(*control, asker.sequence, refusal.code, refusal.text);
    else
      control->channel->send(make_record(Kind::kDone, asker.sequence));
  }
  StateMemory::Slot slot = asker.slot;
  state_.erase(slot);
}

}  // namespace aliquot
