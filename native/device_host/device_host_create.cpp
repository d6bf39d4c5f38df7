// How vGPUs are made, at once or when another has given its memory back.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "device_host/device_host.h"
#include "device_host/share_records.h"

namespace aliquot {

namespace {

constexpr uint64_t kCreateWaitMilliseconds = 3000;

using records::ErrorCode;
using records::Kind;

bool is_printable(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte >= 0x20 && byte != 0x7f;
  });
}

}  // namespace

// Each may make its own, and root others'. But a device host that isn't root's can open a socket to
// nobody but its user.
bool may_own(uid_t asking, uid_t owner) {
  const uid_t own = ::geteuid();
  return owner == asking || (asking == 0 && (own == 0 || owner == own));
}

void DeviceHost::on_create(Control& control, const records::Record& record, bool repeated) {
  // Another device host has begun to make it.
  const bool begun = std::any_of(vgpus_.begin(), vgpus_.end(), [&](const auto& entry) {
    const VgpuSettings& settings = entry.second.vgpu->settings();
    return settings.control == control.id && !settings.lasting() &&
           settings.create_sequence == record.header.sequence;
  });
  if (repeated && begun) return;
  settle(control);
  // Descriptors that came with it don't wait.
  const bool movable = (payload_of<records::VgpuCreate>(record).flags & records::kMovable) != 0;
  if (try_create(control, record, movable)) return;
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
  constexpr uint32_t kKnownFlags =
      records::kStaged | records::kStrictSync | records::kNoSplit | records::kLasting |
      records::kMovable;
  if ((request.flags & ~kKnownFlags) != 0)
    return refuse(ErrorCode::kBadRecord, "A flag is set that this device host doesn't know.");
  const bool has_id = request.id_high != 0 || request.id_low != 0;
  if (has_id != ((request.flags & records::kLasting) != 0))
    return refuse(ErrorCode::kBadRecord, "A vGPU that lasts needs an id, and no other has one.");
  settings.owner =
      request.owner_uid == records::kPeerItself ? control.peer.user : request.owner_uid;
  if (!may_own(control.peer.user, settings.owner))
    return refuse(ErrorCode::kNotPermitted,
                  "A vGPU of user " + std::to_string(settings.owner) +
                      " can be made by root, on a device host of root's, and by nobody else.");
  Descriptor reports = control.channel->take_descriptor(0);
  const bool movable = (request.flags & records::kMovable) != 0;
  if (movable && (!has_id || !are_reports(reports)))
    return refuse(ErrorCode::kBadRecord,
                  "A movable vGPU lasts, and sealed reports of devices go with its creation.");
  if (!movable) reports.reset();
  arbiter::Shares shares;
  if (const std::string wrong = read_shares(request.shares, shares); !wrong.empty())
    return refuse(ErrorCode::kBadShare, wrong);
  if (const std::string wrong = read_copy_limit(request.copy_limit); !wrong.empty())
    return refuse(ErrorCode::kBadShare, wrong);
  if (answer_existing(control, sequence, request, settings, shares)) return true;
  // An owner's last worker still holds memory, and the warm cache of compiled kernels that the
  // next worker should have.
  if (!last_try && closes_for(settings.owner, request.memory_bytes == 0)) return false;
  settings.shares = shares;
  settings.id_high = request.id_high;
  settings.id_low = request.id_low;
  if (const auto refusal = place(settings, request.memory_bytes)) {
    const bool may_come = refusal->code == ErrorCode::kShareUnavailable ||
                          refusal->code == ErrorCode::kMemoryUnavailable;
    if (may_come && !last_try && closes_for(0, true)) return false;
    return refuse(refusal->code, refusal->text);
  }
  settings.flags = request.flags;
  settings.kernel_limit_ms = request.kernel_limit_ms;
  settings.device_type = request.device_type;
  settings.copy_limit = request.copy_limit;
  settings.control = control.id;
  settings.create_sequence = sequence;
  log_.line("vgpu=%llu named %s of user %u: %llu bytes, made for process %d",
            static_cast<unsigned long long>(settings.id), settings.name.c_str(), settings.owner,
            static_cast<unsigned long long>(settings.memory_bytes), control.peer.process);
  KnownVgpu& known = add_vgpu(std::move(settings));
  std::string problem;
  if (!known.vgpu->open(problem, std::move(reports))) {
    const bool lasts = known.vgpu->settings().lasting();
    known.vgpu->close();
    return refuse(lasts ? ErrorCode::kLimitReached : ErrorCode::kWorkerStart, problem);
  }
  if (known.vgpu->settings().lasting()) send_created(control, sequence, *known.vgpu);
  return true;
}

std::optional<Vgpu::Refusal> DeviceHost::place(VgpuSettings& settings, uint64_t memory_bytes) {
  const auto refuse = [](ErrorCode code, const std::string& text) {
    return Vgpu::Refusal{code, text};
  };
  if (living_vgpus() >= kMostVgpus || !(settings.lasting() || turns_.has_room()))
    return refuse(ErrorCode::kLimitReached, "Too many vGPUs are on this device.");
  settings.id = last_vgpu_ + 1;
  // Not one whose socket's path leads to a vGPU that has moved from here.
  const std::string folder = options_.device_dir() + "/v";
  struct stat status {};
  while (::lstat((folder + std::to_string(settings.id) + ".sock").c_str(), &status) == 0 &&
         S_ISLNK(status.st_mode))
    ++settings.id;
  if (settings.name.empty()) settings.name = "vgpu-" + std::to_string(settings.id);
  for (const auto& [id, known] : vgpus_)
    if (!known.vgpu->closing() && known.vgpu->settings().name == settings.name)
      return refuse(ErrorCode::kNameTaken, "A vGPU named " + settings.name + " exists already.");
  if (turns_.guaranteed() + settings.shares.guarantee > arbiter::kWhole)
    return refuse(ErrorCode::kShareUnavailable,
                  share_unavailable(settings.shares.guarantee, turns_.guaranteed()));
  const auto reserved = ledger_.reserve(settings.id, memory_bytes);
  if (!reserved)
    return refuse(ErrorCode::kMemoryUnavailable,
                  "Wanted are " + std::to_string(memory_bytes) + " bytes; of the device's " +
                      std::to_string(ledger_.device_memory()) + " bytes " +
                      std::to_string(ledger_.unreserved()) + " are unreserved.");
  settings.memory_bytes = *reserved;
  last_vgpu_ = settings.id;
  save();
  return std::nullopt;
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
  events.worker_ended = [this, id](const std::string& problem) { tell_worker_ended(id, problem); };
  events.leased = [this, id](const Lease& lease) { tell_lease(*vgpus_[id].vgpu, lease); };
  events.lease_failed = [this](uint64_t holder, uint32_t request, ErrorCode code,
                               const std::string& problem) {
    if (Control* known = find_control(holder)) answer_error(*known, request, code, problem);
  };
  events.settled = [this](const Vgpu::Asker& asker, const Vgpu::Refusal& refusal) {
    on_settled(asker, refusal);
  };
  events.queues_told = [this](const Vgpu::Asker& asker, const records::Queues& told,
                              const std::vector<records::VgpuQueue>& queues) {
    on_queues_told(asker, told, queues);
  };
  events.say = [this, id](const records::Record& record, const std::vector<int>& descriptors) {
    if (Move* move = find_move(id)) move->channel->send(record, descriptors);
  };
  events.end_move = [this, id] {
    if (Move* move = find_move(id)) end_move(*move);
  };
  events.moved_away = [this, id](const Vgpu::Asker& asker, const records::Record& answer) {
    Move* move = find_move(id);
    if (move == nullptr)
      return on_settled(asker, {ErrorCode::kMoveFailed,
                                "The other device host took the vGPU, and went away with it."});
    move->asker = asker;
    move->answer = answer;
  };
  events.gone = [this, id] { on_vgpu_gone(id); };
  events.unswept = [this, id] { unswept_.insert(id); };
  KnownVgpu& known = vgpus_[id];
  known.vgpu = std::make_unique<Vgpu>(context_, std::move(settings), std::move(events));
  return known;
}

void DeviceHost::tell_created(uint64_t vgpu) {
  const auto found = vgpus_.find(vgpu);
  if (found == vgpus_.end()) return;
  Vgpu& made = *found->second.vgpu;
  Control* known = find_control(made.settings().control);
  if (known != nullptr) send_created(*known, made.settings().create_sequence, made);
  made.set_told();
}

void DeviceHost::send_created(Control& control, uint32_t sequence, Vgpu& vgpu) {
  records::VgpuCreated created;
  created.vgpu = vgpu.settings().id;
  created.memory_bytes = vgpu.settings().memory_bytes;
  created.protections = vgpu.protections();
  created.worker_process_id = static_cast<uint32_t>(vgpu.worker_process());
  copy_text(created.socket_path, sizeof(created.socket_path), vgpu.socket_path().c_str());
  control.channel->send(make_record(Kind::kVgpuCreated, sequence, created));
}

}  // namespace aliquot
