// What the command line or the daemon asks of a device host.
#include <dirent.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "device_host/device_host.h"

#ifndef ALIQUOT_VERSION
#define ALIQUOT_VERSION "0.1.0"
#endif

namespace aliquot {

namespace {

constexpr size_t kMostQueuedToControl = 1024;

using records::ErrorCode;
using records::Kind;

uint32_t count_open_descriptors() {
  DIR* listing = ::opendir("/proc/self/fd");
  if (listing == nullptr) return 0;
  uint32_t count = 0;
  while (const dirent* entry = ::readdir(listing)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(listing);
  return count - 1;  // without the listing's own
}

}  // namespace

void DeviceHost::accept_control(Descriptor socket, const PeerIdentity& peer) {
  const bool permitted = peer.user == 0 || peer.user == ::geteuid();
  if (!permitted || controls_.size() >= kMostControlConnections) {
    records::Error error;
    error.code = permitted ? ErrorCode::kLimitReached : ErrorCode::kNotPermitted;
    copy_text(error.text, sizeof(error.text),
              permitted ? "Too many control connections are open."
                        : "This device host belongs to another user.");
    send_record(socket.get(), make_record(Kind::kError, 0, error));
    return;
  }
  const uint64_t id = ++last_id_;
  save();
  link_.keep({KeptKind::kControl, 0, 0, id}, socket.get());
  save(add_control(id, peer, std::move(socket)));
}

DeviceHost::Control& DeviceHost::add_control(uint64_t id, const PeerIdentity& peer,
                                             Descriptor socket) {
  auto control = std::make_unique<Control>();
  Control& known = *control;
  known.id = id;
  known.peer = peer;
  controls_[id] = std::move(control);
  known.channel = std::make_unique<RecordChannel>(
      context_.loop, std::move(socket), kMostQueuedToControl,
      [this, &known](const records::Record& record) { on_record(known, record); },
      [this, &known](const char* reason) { on_control_closed(known, reason); },
      Keeping{&link_, &state_, {KeptKind::kControl, 0, 0, id}});
  if (!known.channel->open()) on_control_closed(known, "can't be listened to");
  return known;
}

void DeviceHost::save() { state_.save(slot_, HostEntry{last_id_, last_vgpu_}); }

void DeviceHost::save(Control& control) {
  state_.save(control.slot,
              ControlEntry{control.id, control.peer.user, control.peer.process, control.greeted});
}

DeviceHost::Control* DeviceHost::find_control(uint64_t id) {
  const auto found = controls_.find(id);
  return found == controls_.end() || found->second->gone ? nullptr : found->second.get();
}

void DeviceHost::answer_error(Control& control, uint32_t sequence, ErrorCode code,
                              const std::string& text) {
  records::Error error;
  error.code = code;
  copy_text(error.text, sizeof(error.text), text.c_str());
  control.channel->send(make_record(Kind::kError, sequence, error));
}

void DeviceHost::on_record(Control& control, const records::Record& record, bool repeated) {
  if (control.gone) return;
  const uint32_t sequence = record.header.sequence;
  if (record.header.version != records::kVersion) {
    answer_error(control, sequence, ErrorCode::kVersionMismatch,
                 "The device host that runs is of version " ALIQUOT_VERSION
                 ", another than the one that asks.");
    control.channel->close();
    return on_control_closed(control, "is of another version");
  }
  if (record.header.kind == Kind::kControlHello) return welcome(control, sequence);
  if (control.greeted) {
    switch (record.header.kind) {
      case Kind::kVgpuCreate:
        return on_create(control, record, repeated);
      case Kind::kVgpuDestroy:
        return on_destroy(control, record, repeated);
      case Kind::kVgpuList:
        return on_list(control, record);
      case Kind::kVgpuShow:
        return on_show(control, record);
      case Kind::kQueuesGet:
        return on_queues_get(control, record);
      case Kind::kReceiptGet:
        return on_receipt(control, record);
      case Kind::kVgpuResize:
        return on_resize(control, record);
      case Kind::kVgpuSuspend:
      case Kind::kVgpuResume:
        return on_suspend(control, record);
      case Kind::kVgpuMove:
        return on_vgpu_move(control, record);
      case Kind::kMoveReceive:
        return on_move_receive(control, record);
      case Kind::kLeaseTake:
        return on_lease_take(control, record, repeated);
      case Kind::kLeaseEnd:
        return on_lease_end(control, record, repeated);
      case Kind::kPolicySet:
        return on_policy_set(control, record);
      case Kind::kPolicyGet:
        return answer_policy(control, sequence);
      case Kind::kTurnsGet:
        return on_turns_get(control, record);
      default:
        break;
    }
  }
  answer_error(control, sequence, ErrorCode::kBadRecord, "A record came that has no place here.");
  control.channel->close();
  on_control_closed(control, "sent a record that has no place here");
}

void DeviceHost::on_control_closed(Control& control, const char* reason) {
  if (std::exchange(control.gone, true)) return;
  if (std::strcmp(reason, "hung up") != 0)
    log_.line("control process=%d ended: it %s", control.peer.process, reason);
  for (auto& [id, known] : vgpus_) {
    known.vgpu->leases().end_held_by([&](uint64_t holder) { return holder == control.id; });
    if (known.vgpu->settings().control == control.id) known.vgpu->let_go();
  }
  waiting_creates_.remove_if([&](WaitingCreate& waiting) {
    if (waiting.control != control.id) return false;
    context_.loop.cancel(waiting.timer);
    state_.erase(waiting.slot);
    return true;
  });
}

void DeviceHost::welcome(Control& control, uint32_t sequence) {
  control.greeted = true;
  save(control);
  records::ControlWelcome welcome;
  welcome.device_memory = ledger_.device_memory();
  welcome.reserved_memory = ledger_.reserved();
  welcome.process_id = static_cast<uint32_t>(::getpid());
  welcome.vgpu_count = static_cast<uint32_t>(living_vgpus());
  copy_text(welcome.device_uuid, sizeof(welcome.device_uuid), options_.uuid.c_str());
  copy_text(welcome.program_version, sizeof(welcome.program_version), ALIQUOT_VERSION);
  welcome.open_descriptors = count_open_descriptors();
  control.channel->send(make_record(Kind::kControlWelcome, sequence, welcome));
}

// One command line ends, the next one starts: the end comes first, whatever order epoll says.
void DeviceHost::settle(const Control& except) {
  if (std::exchange(settling_, true)) return;
  for (auto& [id, known] : vgpus_) known.vgpu->settle();
  for (auto& [id, control] : controls_)
    if (control.get() != &except && control->channel->peer_is_gone()) control->channel->drain();
  settling_ = false;
}

Vgpu* DeviceHost::open_vgpu(uint64_t number) {
  const auto found = vgpus_.find(number);
  if (found == vgpus_.end() || found->second.vgpu->closing()) return nullptr;
  return found->second.vgpu.get();
}

Vgpu* DeviceHost::own_vgpu(Control& control, uint32_t sequence, uint64_t number) {
  Vgpu* vgpu = open_vgpu(number);
  if (vgpu == nullptr) {
    answer_error(control, sequence, ErrorCode::kNoSuchVgpu,
                 "No vGPU has the number " + std::to_string(number) + ".");
    return nullptr;
  }
  if (control.peer.user == 0 || control.peer.user == vgpu->settings().owner) return vgpu;
  answer_error(control, sequence, ErrorCode::kNotPermitted, "The vGPU belongs to another user.");
  return nullptr;
}

void DeviceHost::on_destroy(Control& control, const records::Record& record, bool repeated) {
  const auto reference = payload_of<records::VgpuReference>(record);
  const uint32_t sequence = record.header.sequence;
  // What the dead one destroyed without having said so is done.
  const bool is_there = open_vgpu(reference.vgpu) != nullptr ||
                        find_lasting(reference.id_high, reference.id_low) != nullptr;
  if (repeated && !is_there) return control.channel->send(make_record(Kind::kDone, sequence));
  Vgpu* vgpu = own_vgpu(control, sequence, reference);
  if (vgpu == nullptr) return;
  vgpu->close();
  control.channel->send(make_record(Kind::kDone, sequence));
}

}  // namespace aliquot
