// vGPUs on their way between this device host and another of the same machine. Whoever may use both
// asks the target for a way to it, a socket, and gives that to the source. Neither connects to the
// other by itself.
#include <algorithm>
#include <utility>

#include "device_host/device_host.h"
#include "device_host/share_records.h"

namespace aliquot {

namespace {

constexpr size_t kMostMoves = 16;
constexpr size_t kMostQueuedToHost = 65536;  // all guest processes and arenas of a vGPU

using records::ErrorCode;
using records::Kind;

bool is_taken(const records::Record& record) {
  return record.header.kind == Kind::kMoveStep &&
         payload_of<records::Move>(record).step == records::MoveStep::kTaken;
}

}  // namespace

DeviceHost::Move& DeviceHost::add_move(Descriptor socket, bool arrives) {
  Move& move = moves_.emplace_back();
  move.arrives = arrives;
  move.channel = std::make_unique<RecordChannel>(
      context_.loop, std::move(socket), kMostQueuedToHost,
      [this, &move](const records::Record& record) { on_move_record(move, record); },
      [this, &move](const char* reason) { on_move_closed(move, reason); });
  return move;
}

DeviceHost::Move* DeviceHost::find_move(uint64_t vgpu) {
  const auto found = std::ranges::find_if(
      moves_, [vgpu](const Move& move) { return move.vgpu == vgpu && !move.gone; });
  return found == moves_.end() ? nullptr : &*found;
}

void DeviceHost::end_move(Move& move) {
  move.gone = true;
  move.channel->close();
}

void DeviceHost::on_move_receive(Control& control, const records::Record& record) {
  Descriptor ours, theirs;
  if (moves_.size() >= kMostMoves || !make_record_socket_pair(ours, theirs))
    return answer_error(control, record.header.sequence, ErrorCode::kLimitReached,
                        "Too many vGPUs are on their way, or no descriptors are left.");
  Move& move = add_move(std::move(ours), true);
  if (!move.channel->open()) {
    move.gone = true;
    return answer_error(control, record.header.sequence, ErrorCode::kLimitReached,
                        "The way to the other device host can't be watched.");
  }
  move.opener = control.peer.user;
  control.channel->send(make_record(Kind::kMoveChannel, record.header.sequence), {theirs.get()});
}

// Asked for again by a reborn device host, the way was lost with the other one, and all goes on here.
void DeviceHost::on_vgpu_move(Control& control, const records::Record& record) {
  const uint32_t sequence = record.header.sequence;
  Descriptor socket = control.channel->take_descriptor(0);
  Vgpu* vgpu = own_vgpu(control, sequence, payload_of<records::VgpuReference>(record));
  if (vgpu == nullptr) return;
  if (!socket || moves_.size() >= kMostMoves)
    return answer_error(control, sequence, ErrorCode::kMoveFailed,
                        "There is no way to the other device host.");
  if (vgpu->moves())
    return answer_error(control, sequence, ErrorCode::kNotStopped, "The vGPU is being moved.");
  Move& move = add_move(std::move(socket), false);
  if (!move.channel->open()) {
    move.gone = true;
    return answer_error(control, sequence, ErrorCode::kMoveFailed,
                        "The way to the other device host can't be watched.");
  }
  move.vgpu = vgpu->settings().id;
  Vgpu::Asker asker{control.id, sequence, 0};
  state_.save(asker.slot, WaitingEntry{{KeptKind::kControl, 0, 0, control.id}, record, 0});
  vgpu->move_out(asker);
}

void DeviceHost::on_move_record(Move& move, const records::Record& record) {
  if (move.gone) return;
  if (record.header.version != records::kVersion) {
    move.channel->close();
    return on_move_closed(move, "is of another version");
  }
  const auto found = vgpus_.find(move.vgpu);
  Vgpu* vgpu = found == vgpus_.end() || found->second.gone ? nullptr : found->second.vgpu.get();
  if (move.asker) {  // it has left
    if (!is_taken(record)) {
      move.channel->close();
      return on_move_closed(move, "said what has no place");
    }
    Control* control = find_control(move.asker->control);
    move.answer.header.sequence = move.asker->sequence;
    if (control != nullptr) control->channel->send(move.answer);
    state_.erase(move.asker->slot);
    move.asker.reset();
    return end_move(move);
  }
  if (!move.arrives && vgpu != nullptr) return vgpu->on_move_answer(record);
  if (move.arrives && move.vgpu == 0 && record.header.kind == Kind::kMoveVgpu)
    return receive_vgpu(move, record);
  if (move.arrives && vgpu != nullptr && vgpu->arriving())
    return vgpu->on_arrival(record, *move.channel);
  end_move(move);
}

void DeviceHost::on_move_closed(Move& move, const std::string& reason) {
  if (std::exchange(move.gone, true)) return;
  if (move.asker) {
    on_settled(*move.asker, {ErrorCode::kMoveFailed,
                             "The other device host had taken the vGPU, and then it " + reason +
                                 "; programs that used it have lost it."});
    return move.asker.reset();
  }
  const auto found = vgpus_.find(move.vgpu);
  if (found != vgpus_.end() && !found->second.gone) found->second.vgpu->on_move_ended(reason);
}

void DeviceHost::receive_vgpu(Move& move, const records::Record& record) {
  const auto told = payload_of<records::MoveVgpu>(record);
  const auto refuse = [&](ErrorCode code, const std::string& text) {
    records::Error error;
    error.code = code;
    copy_text(error.text, sizeof error.text, text.c_str());
    move.channel->send(make_record(Kind::kError, 0, error));
    end_move(move);
  };
  VgpuSettings settings;
  settings.name.assign(told.create.name, ::strnlen(told.create.name, sizeof told.create.name));
  settings.flags = told.create.flags;
  settings.kernel_limit_ms = told.create.kernel_limit_ms;
  settings.device_type = told.create.device_type;
  settings.copy_limit = told.create.copy_limit;
  settings.owner = told.owner;
  settings.id_high = told.create.id_high;
  settings.id_low = told.create.id_low;
  settings.moved = true;
  if (!may_own(move.opener, told.owner))
    return refuse(ErrorCode::kNotPermitted, "The vGPU belongs to another user.");
  if (!settings.lasting() || (settings.id_high == 0 && settings.id_low == 0) ||
      told.create.memory_bytes == 0)
    return refuse(ErrorCode::kBadRecord, "Only a vGPU that lasts can be moved.");
  if (find_lasting(settings.id_high, settings.id_low) != nullptr)
    return refuse(ErrorCode::kVgpuDiffers, "A vGPU of this id is on this device already.");
  if (const std::string wrong = read_shares(told.create.shares, settings.shares); !wrong.empty())
    return refuse(ErrorCode::kBadShare, wrong);
  Descriptor reports = move.channel->take_descriptor(0);
  const bool movable = (settings.flags & records::kMovable) != 0;
  if (movable != static_cast<bool>(reports) || (movable && !are_reports(reports)))
    return refuse(ErrorCode::kBadRecord, "Reports of devices go with a movable vGPU alone.");
  if (const auto refusal = place(settings, told.create.memory_bytes))
    return refuse(refusal->code, refusal->text);
  log_.line("vgpu=%llu named %s of user %u: %llu bytes, comes from another device",
            static_cast<unsigned long long>(settings.id), settings.name.c_str(), settings.owner,
            static_cast<unsigned long long>(settings.memory_bytes));
  move.vgpu = settings.id;
  KnownVgpu& known = add_vgpu(std::move(settings));
  std::string problem;
  if (known.vgpu->open_arrival(told, std::move(reports), problem)) return;
  refuse(ErrorCode::kMoveFailed, problem);
  known.vgpu->close();
}

}  // namespace aliquot
