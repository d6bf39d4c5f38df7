// vGPUs that outlive whoever made them, found again by the id that they were given; and leases.
#include <cstdio>
#include <set>

#include "device_host/device_host.h"
#include "device_host/share_records.h"

namespace aliquot {

using records::ErrorCode;
using records::Kind;

namespace {

std::string text_of_id(uint64_t high, uint64_t low) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text;
}

// In what a vGPU is not as the request wants it; empty: in nothing.
std::string difference(const VgpuSettings& settings, const records::VgpuCreate& request,
                       const std::string& name, uid_t owner, const arbiter::Shares& shares) {
  if (settings.owner != owner) return "belongs to user " + std::to_string(settings.owner);
  if (!name.empty() && settings.name != name) return "is named " + settings.name;
  if (request.memory_bytes != 0 && settings.memory_bytes != request.memory_bytes)
    return "has " + std::to_string(settings.memory_bytes) + " bytes";
  if (settings.shares != shares) return "has other shares";
  if (settings.copy_limit != request.copy_limit) return "has another limit of copies";
  if (settings.flags != request.flags || settings.kernel_limit_ms != request.kernel_limit_ms ||
      settings.device_type != request.device_type)
    return "was made with other options";
  return {};
}

}  // namespace

Vgpu* DeviceHost::find_lasting(uint64_t high, uint64_t low) {
  if (high == 0 && low == 0) return nullptr;
  for (auto& [number, known] : vgpus_) {
    const VgpuSettings& settings = known.vgpu->settings();
    if (settings.id_high == high && settings.id_low == low && !known.vgpu->closing())
      return known.vgpu.get();
  }
  return nullptr;
}

Vgpu* DeviceHost::own_vgpu(Control& control, uint32_t sequence,
                           const records::VgpuReference& reference) {
  if (reference.vgpu != 0 || (reference.id_high == 0 && reference.id_low == 0))
    return own_vgpu(control, sequence, reference.vgpu);
  if (const Vgpu* found = find_lasting(reference.id_high, reference.id_low))
    return own_vgpu(control, sequence, found->settings().id);
  answer_error(control, sequence, ErrorCode::kNoSuchVgpu,
               "No vGPU has the id " + text_of_id(reference.id_high, reference.id_low) + ".");
  return nullptr;
}

// A creation that is asked for again: whoever asked may not have got the answer.
bool DeviceHost::answer_existing(Control& control, uint32_t sequence,
                                 const records::VgpuCreate& request,
                                 const VgpuSettings& wanted, const arbiter::Shares& shares) {
  const Vgpu* found = find_lasting(request.id_high, request.id_low);
  if (found == nullptr) return false;
  Vgpu* existing = own_vgpu(control, sequence, found->settings().id);
  if (existing == nullptr) return true;
  const std::string wrong =
      difference(existing->settings(), request, wanted.name, wanted.owner, shares);
  if (wrong.empty()) {
    send_created(control, sequence, *existing);
  } else {
    answer_error(control, sequence, ErrorCode::kVgpuDiffers,
                 "The vGPU of the id " + text_of_id(request.id_high, request.id_low) +
                     " exists already and " + wrong + ".");
  }
  return true;
}

void DeviceHost::on_lease_take(Control& control, const records::Record& record, bool repeated) {
  const auto request = payload_of<records::LeaseTake>(record);
  const uint32_t sequence = record.header.sequence;
  Vgpu* vgpu = own_vgpu(control, sequence,
                        records::VgpuReference{request.vgpu, request.id_high, request.id_low});
  if (vgpu == nullptr) return;
  if (repeated && vgpu->tell_lease_again(control.id, sequence)) return;
  const Vgpu::Refusal refusal =
      vgpu->take_lease(control.id, sequence, control.peer, request.process_id);
  if (refusal.code != ErrorCode::kNone)
    answer_error(control, sequence, refusal.code, refusal.text);
}

void DeviceHost::on_lease_end(Control& control, const records::Record& record, bool repeated) {
  const auto reference = payload_of<records::LeaseReference>(record);
  const uint32_t sequence = record.header.sequence;
  Vgpu* vgpu = own_vgpu(control, sequence, reference.vgpu);
  if (vgpu == nullptr) return;
  // What the dead one ended without having said so is over.
  if (!vgpu->end_lease(reference.lease) && !repeated)
    return answer_error(control, sequence, ErrorCode::kNoSuchLease,
                        "The vGPU has no lease of the number " + std::to_string(reference.lease) +
                            ".");
  control.channel->send(make_record(Kind::kDone, sequence));
}

void DeviceHost::tell_lease(Vgpu& vgpu, const Lease& lease) {
  Control* asking = find_control(lease.control);
  if (asking == nullptr) return;
  records::Lease answer;
  answer.vgpu = vgpu.settings().id;
  answer.lease = lease.number;
  answer.memory_bytes = vgpu.settings().memory_bytes;
  answer.protections = vgpu.protections();
  answer.worker_process_id = static_cast<uint32_t>(vgpu.worker_process());
  copy_text(answer.socket_path, sizeof answer.socket_path, vgpu.socket_path().c_str());
  asking->channel->send(make_record(Kind::kLease, lease.sequence, answer));
}

// To whoever made the vGPU, and to those that hold it.
void DeviceHost::tell_worker_ended(uint64_t number, const std::string& problem) {
  Vgpu& vgpu = *vgpus_[number].vgpu;
  std::set<uint64_t> concerned{vgpu.settings().control};
  for (const auto& [lease, held] : vgpu.leases().all())
    if (!held.holder) concerned.insert(held.control);
  const std::string text = "vGPU " + vgpu.settings().name + ": " + problem;
  for (const uint64_t id : concerned)
    if (Control* control = find_control(id))
      answer_error(*control, 0, ErrorCode::kWorkerEnded, text);
}

}  // namespace aliquot
