// What the command line or the daemon asks of a device host.
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "device_host/device_host.h"
#include "device_host/share_records.h"

#ifndef ALIQUOT_VERSION
#define ALIQUOT_VERSION "0.1.0"
#endif

namespace aliquot {

namespace {

constexpr size_t kMostQueuedToControl = 1024;
constexpr uint64_t kCreateWaitMilliseconds = 3000;

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

bool is_printable(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte >= 0x20 && byte != 0x7f;
  });
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
        return on_list(control, sequence);
      case Kind::kVgpuShow:
        return on_show(control, record);
      case Kind::kReceiptGet:
        return on_receipt(control, record);
      case Kind::kVgpuResize:
        return on_resize(control, record);
      case Kind::kPolicySet:
        return on_policy_set(control, record);
      case Kind::kPolicyGet:
        return answer_policy(control, sequence);
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
  for (auto& [id, known] : vgpus_)
    if (known.vgpu->settings().control == control.id) known.vgpu->let_go();
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

void DeviceHost::on_create(Control& control, const records::Record& record, bool repeated) {
  // Another device host has begun to make it.
  const bool begun = std::any_of(vgpus_.begin(), vgpus_.end(), [&](const auto& entry) {
    const VgpuSettings& settings = entry.second.vgpu->settings();
    return settings.control == control.id && settings.create_sequence == record.header.sequence;
  });
  if (repeated && begun) return;
  settle(control);
  if (try_create(control, record, false)) return;
  // A vGPU on its way out still holds its memory, for a tenth of a second at most.
  waiting_creates_.push_back({control.id, record, 0, 0});
  WaitingCreate& waiting = waiting_creates_.back();
  state_.save(waiting.slot, WaitingEntry{{KeptKind::kControl, 0, 0, control.id}, record, 0});
  waiting.timer = context_.loop.schedule(kCreateWaitMilliseconds, [this, &waiting] {
    WaitingCreate ours = waiting;
    waiting_creates_.remove_if([&](const WaitingCreate& other) { return &other == &waiting; });
    if (Control* asking = find_control(ours.control)) try_create(*asking, ours.record, true);
    state_.erase(ours.slot);
  });
}

void DeviceHost::retry_waiting_creates() {
  // An answer may be the one too many for a peer that doesn't read: then all that it waits for goes
  // from the list.
  std::list<WaitingCreate> retried;
  retried.swap(waiting_creates_);
  while (!retried.empty()) {
    const auto first = retried.begin();
    Control* control = find_control(first->control);
    if (control != nullptr && !try_create(*control, first->record, false)) {
      waiting_creates_.splice(waiting_creates_.end(), retried, first);
      continue;
    }
    context_.loop.cancel(first->timer);
    state_.erase(first->slot);
    retried.erase(first);
  }
}

bool DeviceHost::try_create(Control& control, const records::Record& record, bool last_try) {
  const auto request = payload_of<records::VgpuCreate>(record);
  const uint32_t sequence = record.header.sequence;
  const auto refuse = [&](ErrorCode code, const std::string& text) {
    answer_error(control, sequence, code, text);
    return true;
  };
  VgpuSettings settings;
  settings.name.assign(request.name, ::strnlen(request.name, sizeof(request.name)));
  if (!is_printable(settings.name))
    return refuse(ErrorCode::kBadRecord, "The name holds a control character.");
  if ((request.flags & ~uint32_t{records::kStaged | records::kStrictSync | records::kNoSplit}) != 0)
    return refuse(ErrorCode::kBadRecord, "A flag is set that this device host doesn't know.");
  arbiter::Shares shares;
  if (const std::string wrong = read_shares(request.shares, shares); !wrong.empty())
    return refuse(ErrorCode::kBadShare, wrong);
  if (const std::string wrong = read_copy_limit(request.copy_limit); !wrong.empty())
    return refuse(ErrorCode::kBadShare, wrong);
  if (living_vgpus() >= kMostVgpus)
    return refuse(ErrorCode::kLimitReached, "Too many vGPUs are on this device.");
  settings.id = last_vgpu_ + 1;
  if (settings.name.empty()) settings.name = "vgpu-" + std::to_string(settings.id);
  for (const auto& [id, known] : vgpus_)
    if (!known.vgpu->closing() && known.vgpu->settings().name == settings.name)
      return refuse(ErrorCode::kNameTaken, "A vGPU named " + settings.name + " exists already.");
  // An owner's last worker still holds memory, and the warm cache of compiled kernels that the
  // next worker should have.
  if (!last_try && closes_for(control.peer.user, request.memory_bytes == 0)) return false;
  if (turns_.arbiter().guaranteed() + shares.guarantee > arbiter::kWhole) {
    if (!last_try && closes_for(0, true)) return false;
    return refuse(ErrorCode::kShareUnavailable,
                  share_unavailable(shares.guarantee, turns_.arbiter().guaranteed()));
  }
  const auto reserved = ledger_.reserve(settings.id, request.memory_bytes);
  if (!reserved) {
    if (!last_try && closes_for(0, true)) return false;
    return refuse(ErrorCode::kMemoryUnavailable,
                  "Wanted are " + std::to_string(request.memory_bytes) +
                      " bytes; of the device's " + std::to_string(ledger_.device_memory()) +
                      " bytes " + std::to_string(ledger_.unreserved()) + " are unreserved.");
  }
  last_vgpu_ = settings.id;
  save();
  settings.memory_bytes = *reserved;
  settings.flags = request.flags;
  settings.kernel_limit_ms = request.kernel_limit_ms;
  settings.device_type = request.device_type;
  settings.shares = shares;
  settings.copy_limit = request.copy_limit;
  settings.owner = control.peer.user;
  settings.control = control.id;
  settings.create_sequence = sequence;
  log_.line("vgpu=%llu named %s of user %u: %llu bytes, made for process %d",
            static_cast<unsigned long long>(settings.id), settings.name.c_str(), settings.owner,
            static_cast<unsigned long long>(settings.memory_bytes), control.peer.process);
  KnownVgpu& known = add_vgpu(std::move(settings));
  std::string problem;
  if (!known.vgpu->open(problem)) {
    known.vgpu->close();
    return refuse(ErrorCode::kWorkerStart, problem);
  }
  return true;
}

DeviceHost::KnownVgpu& DeviceHost::add_vgpu(VgpuSettings settings) {
  const uint64_t id = settings.id, asking = settings.control;
  const uint32_t sequence = settings.create_sequence;
  Vgpu::Events events;
  events.started = [this, id] { tell_created(id); };
  events.start_failed = [this, asking, sequence, id](const std::string& problem) {
    if (Control* known = find_control(asking))
      answer_error(*known, sequence, ErrorCode::kWorkerStart, problem);
    vgpus_[id].vgpu->set_told();
    vgpus_[id].vgpu->close();
  };
  events.worker_ended = [this, asking, name = settings.name](const std::string& problem) {
    if (Control* known = find_control(asking))
      answer_error(*known, 0, ErrorCode::kWorkerEnded, "vGPU " + name + ": " + problem);
  };
  events.gone = [this, id] { on_vgpu_gone(id); };
  KnownVgpu& known = vgpus_[id];
  known.vgpu = std::make_unique<Vgpu>(context_, std::move(settings), std::move(events));
  return known;
}

void DeviceHost::tell_created(uint64_t vgpu) {
  const auto found = vgpus_.find(vgpu);
  if (found == vgpus_.end()) return;
  Vgpu& made = *found->second.vgpu;
  Control* known = find_control(made.settings().control);
  if (known == nullptr) return made.set_told();
  records::VgpuCreated created;
  created.vgpu = vgpu;
  created.memory_bytes = made.settings().memory_bytes;
  created.protections = made.protections();
  created.worker_process_id = static_cast<uint32_t>(made.worker_process());
  copy_text(created.socket_path, sizeof(created.socket_path), made.socket_path().c_str());
  known->channel->send(make_record(Kind::kVgpuCreated, made.settings().create_sequence, created));
  made.set_told();
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
  if (repeated && open_vgpu(reference.vgpu) == nullptr)
    return control.channel->send(make_record(Kind::kDone, sequence));
  Vgpu* vgpu = own_vgpu(control, sequence, reference.vgpu);
  if (vgpu == nullptr) return;
  vgpu->close();
  control.channel->send(make_record(Kind::kDone, sequence));
}

void DeviceHost::on_list(Control& control, uint32_t sequence) {
  for (auto& [id, known] : vgpus_)
    if (!known.vgpu->closing()) tell_vgpu(control, sequence, *known.vgpu);
  control.channel->send(make_record(Kind::kDone, sequence));
}

}  // namespace aliquot
