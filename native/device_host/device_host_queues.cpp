// What the command line or the daemon asks about the command queues of a vGPU's guest processes.
#include "device_host/device_host.h"
#include "device_host/shared_memory.h"

namespace aliquot {

using records::ErrorCode;
using records::Kind;

// Asked for again by a reborn device host, the worker is asked again.
void DeviceHost::on_queues_get(Control& control, const records::Record& record) {
  const uint32_t sequence = record.header.sequence;
  Vgpu* vgpu = own_vgpu(control, sequence, payload_of<records::VgpuReference>(record));
  if (vgpu == nullptr) return;
  Vgpu::Asker asker{control.id, sequence, 0};
  state_.save(asker.slot, WaitingEntry{{KeptKind::kControl, 0, 0, control.id}, record, 0});
  vgpu->ask_queues(asker);
}

void DeviceHost::on_queues_told(const Vgpu::Asker& asker, const records::Queues& told,
                                const std::vector<records::VgpuQueue>& queues) {
  StateMemory::Slot slot = asker.slot;
  state_.erase(slot);
  Control* control = find_control(asker.control);
  if (control == nullptr) return;
  if (queues.empty())
    return control->channel->send(make_record(Kind::kQueues, asker.sequence, told));
  const Descriptor memory =
      make_final_memory("aliquot-queues", queues.data(), queues.size() * sizeof queues[0]);
  if (!memory)
    return answer_error(*control, asker.sequence, ErrorCode::kLimitReached,
                        "No descriptors or memory are left for the queues.");
  control->channel->send(make_record(Kind::kQueues, asker.sequence, told), {memory.get()});
}

}  // namespace aliquot
