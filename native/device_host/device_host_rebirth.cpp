// A device host in the place of one that died.
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "device_host/device_host.h"
#include "device_host/rebirth.h"
#include "device_host/supervisor.h"

namespace aliquot {

namespace {
// A record that ends this many device hosts is handled by no other.
constexpr uint32_t kMostDeathsOfARecord = 2;

template <class Entry>
Entries<Entry> entries_of(const StateMemory& state) {
  Entries<Entry> entries;
  for (const auto& [slot, entry] : state.all<Entry>()) entries[entry.vgpu].emplace_back(slot, entry);
  return entries;
}

}  // namespace

bool DeviceHost::reopen(Heritage& heritage, std::string& problem) {
  Rebirth rebirth{*heritage.store, {}, entries_of<GuestEntry>(state_),
                  entries_of<TimesEntry>(state_), entries_of<KernelEntry>(state_),
                  entries_of<LeaseEntry>(state_)};
  for (const auto& [slot, entry] : context_.state.all<QueueEntry>())
    rebirth.queues[entry.channel][entry.order] = {slot, entry.record};
  for (const auto& [slot, entry] : context_.state.all<HostEntry>()) {
    slot_ = slot;
    last_id_ = entry.last_control;
    last_vgpu_ = entry.last_vgpu;
  }
  turns_.begin_rebirth();
  if (!adopt_listener(rebirth) && !open(problem)) return false;
  adopt_controls(rebirth);
  adopt_vgpus(rebirth);
  for (const KeptKey& key : rebirth.store.left()) {
    const KeptDescriptor nobodys = rebirth.store.take(key);
    ::shutdown(nobodys.descriptor.get(), SHUT_RDWR);
    context_.link.forget(key);
  }
  forget_the_rest(rebirth);
  turns_.resume();
  for (auto& [id, known] : vgpus_) known.vgpu->write_page();
  repeat_records();
  log_.line(
      "device host %d goes on, %llu ms after another's death: %zu vGPUs, %zu control "
      "connections",
      ::getpid(),
      static_cast<unsigned long long>(monotonic_milliseconds() - heritage.orphaned_since),
      vgpus_.size(), controls_.size());
  return true;
}

bool DeviceHost::adopt_listener(Rebirth& rebirth) {
  Descriptor listener = rebirth.store.take({KeptKind::kControlListener, 0, 0, 0}).descriptor;
  // It may have been about to leave, and taken the socket's name away.
  struct stat status;
  if (!listener || ::lstat(control_path_.c_str(), &status) != 0) return false;
  listener_.adopt(std::move(listener), control_path_);
  return true;
}

void DeviceHost::adopt_controls(Rebirth& rebirth) {
  for (auto& [slot, entry] : context_.state.all<ControlEntry>()) {
    const KeptKey key{KeptKind::kControl, 0, 0, entry.id};
    Descriptor socket = rebirth.store.take(key).descriptor;
    if (!socket) {
      log_.line("control process=%d can't go on: its socket was lost", entry.process);
      context_.state.erase(slot);
      continue;
    }
    Control& control = add_control(entry.id, {entry.user, entry.process}, std::move(socket));
    control.greeted = entry.greeted;
    control.slot = slot;
    for (const auto& [order, queued] : rebirth.queues[key]) send_again(control, key, queued.second);
  }
}

void DeviceHost::send_again(Control& control, const KeptKey& key, const records::Record& record) {
  using records::Kind;
  const Kind kind = record.header.kind;
  if (kind != Kind::kReceipt && kind != Kind::kTurns && kind != Kind::kQueues)
    return control.channel->send(record);
  // Memory goes with it, so it is asked for anew once the vGPUs are there.
  const uint32_t sequence = record.header.sequence;
  records::Record question;
  if (kind == Kind::kReceipt) {
    const records::VgpuReference reference{payload_of<records::Receipt>(record).vgpu};
    question = make_record(Kind::kReceiptGet, sequence, reference);
  } else if (kind == Kind::kQueues) {
    const records::VgpuReference reference{payload_of<records::Queues>(record).vgpu};
    question = make_record(Kind::kQueuesGet, sequence, reference);
  } else {
    const records::TurnsGet since{payload_of<records::Turns>(record).since_ns};
    question = make_record(Kind::kTurnsGet, sequence, since);
  }
  StateMemory::Slot slot = 0;
  state_.save(slot, WaitingEntry{key, question, 0});
}

void DeviceHost::adopt_vgpus(Rebirth& rebirth) {
  for (auto& [slot, entry] : context_.state.all<VgpuEntry>()) {
    const bool has_room = vgpus_.size() < kMostVgpus && vgpus_.count(entry.id) == 0 &&
                          entry.shares.guarantee <= arbiter::kWhole - turns_.guaranteed();
    if (entry.id == 0 || !has_room || !ledger_.reserve(entry.id, entry.memory_bytes)) {
      log_.line("vgpu=%llu can't go on: what was noted of it can't be",
                static_cast<unsigned long long>(entry.id));
      context_.state.erase(slot);
      continue;
    }
    last_vgpu_ = std::max(last_vgpu_, entry.id);
    VgpuSettings settings;
    settings.id = entry.id;
    settings.memory_bytes = entry.memory_bytes;
    settings.flags = entry.flags;
    settings.kernel_limit_ms = entry.kernel_limit_ms;
    settings.copy_limit = entry.copy_limit;
    settings.device_type = entry.device_type;
    settings.shares = entry.shares;
    settings.owner = entry.owner;
    settings.control = entry.control;
    settings.create_sequence = entry.create_sequence;
    settings.id_high = entry.id_high;
    settings.id_low = entry.id_low;
    settings.moved = entry.moved;
    settings.name.assign(entry.name, ::strnlen(entry.name, sizeof entry.name));
    KnownVgpu& known = add_vgpu(std::move(settings));
    known.vgpu->adopt(rebirth, entry, slot);
    if (entry.worker.started && !entry.told) tell_created(entry.id);
    known.vgpu->leases().end_held_by(
        [this](uint64_t holder) { return find_control(holder) == nullptr; });
    if (entry.held_by_control && find_control(entry.control) == nullptr) known.vgpu->let_go();
  }
}

// All that was received and not handled to its end. Kept as entries meanwhile, since this device
// host may die, too.
void DeviceHost::repeat_records() {
  for (const RecordInHand& hand : context_.state.left_in_hand()) {
    StateMemory::Slot slot = 0;
    context_.state.save(slot, WaitingEntry{hand.source, hand.record, 0});
  }
  context_.state.empty_hands();
  for (auto& [slot, entry] : context_.state.all<WaitingEntry>()) {
    const KeptKey& source = entry.source;
    if (entry.deaths >= kMostDeathsOfARecord) {
      log_.line("a record of kind %u can't be handled: its sender ends",
                static_cast<unsigned>(entry.record.header.kind));
      end_sender(source);
      context_.state.erase(slot);
      continue;
    }
    ++entry.deaths;
    context_.state.save(slot, entry);
    if (source.kind == KeptKind::kControl) {
      if (Control* control = find_control(source.number)) on_record(*control, entry.record, true);
    } else if (const auto found = vgpus_.find(source.vgpu); found != vgpus_.end()) {
      found->second.vgpu->repeat(source, entry.record);
    }
    context_.state.erase(slot);
  }
}

void DeviceHost::end_sender(const KeptKey& source) {
  if (source.kind == KeptKind::kControl) {
    Control* control = find_control(source.number);
    if (control == nullptr) return;
    control->channel->close();
    on_control_closed(*control, "sent a record that can't be handled");
  } else if (const auto found = vgpus_.find(source.vgpu); found != vgpus_.end()) {
    found->second.vgpu->end_sender(source);
  }
}

// What was sent by now, and guest processes whose vGPU couldn't be taken over.
void DeviceHost::forget_the_rest(const Rebirth& rebirth) {
  for (const auto& [channel, queue] : rebirth.queues)
    for (auto [order, queued] : queue) context_.state.erase(queued.first);
  const auto forget_strangers = [this](const auto& entries) {
    for (const auto& [vgpu, its] : entries)
      if (vgpus_.count(vgpu) == 0)
        for (auto [slot, entry] : its) state_.erase(slot);
  };
  forget_strangers(rebirth.guests);
  forget_strangers(rebirth.times);
  forget_strangers(rebirth.kernels);
  forget_strangers(rebirth.leases);
}

}  // namespace aliquot
