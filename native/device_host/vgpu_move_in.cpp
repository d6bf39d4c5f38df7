// A vGPU on its way from another device host to this one. Until that one has given it up, nothing of
// it is this one's: sockets are not read nor closed for good, memory is not emptied, and nothing is
// kept beyond this device host. So it can be dropped at any moment, and goes on where it is.
#include <algorithm>
#include <utility>

#include "device_host/descriptor_room.h"
#include "device_host/vgpu.h"
#include "protocol/connection_layout.h"

namespace aliquot {

namespace {

using records::ErrorCode;
using records::Kind;
using records::MoveStep;

// However long the other device host and the worker here may take, together.
constexpr uint64_t kArrivalMilliseconds = 600000;
constexpr uint32_t kMostState = static_cast<uint32_t>(Guest::State::kOpen);

}  // namespace

bool Vgpu::open_arrival(const records::MoveVgpu& told, Descriptor reports, std::string& problem) {
  standstill_.step = Standstill::Step::kArriving;
  standstill_.suspended = told.suspended != 0;
  last_connection_ = adopted_connections_ = told.last_connection;
  last_lease_ = told.last_lease;
  if (!open(problem, std::move(reports))) return false;
  standstill_.timer = context_.loop.schedule(kArrivalMilliseconds, [this] {
    standstill_.timer = 0;
    abandon_arrival();
  });
  if (told.needs_worker == 0 || standstill_.suspended) {
    say_step(MoveStep::kReady);
    return true;
  }
  return start_worker(problem);
}

void Vgpu::on_arrival(const records::Record& record, RecordChannel& channel) {
  switch (record.header.kind) {
    case Kind::kMoveGuest:
      return take_guest(payload_of<records::MoveGuest>(record), channel);
    case Kind::kMoveArena:
      return take_arena(record, channel);
    case Kind::kCreditRequest:
    case Kind::kArenaRequest:
      return take_waiting(record);
    case Kind::kMoveLease: {
      const auto told = payload_of<records::MoveLease>(record);
      Lease lease;
      lease.number = told.lease;
      lease.since_ns = told.since_ns;
      lease.process = static_cast<pid_t>(told.process_id);
      lease.answered = true;
      lease.holder = channel.take_descriptor(0);
      if (lease.holder && standstill_.leases.size() < Leases::kMost)
        standstill_.leases.push_back(std::move(lease));
      return;
    }
    case Kind::kMoveStep:
      switch (payload_of<records::Move>(record).step) {
        case MoveStep::kSketched:
          standstill_.sketched = true;
          return go_on();
        case MoveStep::kAllSent:
          standstill_.all_sent = true;
          take_leave_of_strangers();
          return go_on();
        case MoveStep::kTaken:
          return take_over();
        default:
          break;
      }
      break;
    default:
      break;
  }
  fail_arrival({ErrorCode::kMoveFailed, "The other device host said what has no place here."});
}

void Vgpu::take_guest(const records::MoveGuest& told, RecordChannel& channel) {
  const auto found = guests_.find(told.connection);
  const bool again = found != guests_.end();
  const auto fail = [&](const char* text) {
    fail_arrival({ErrorCode::kMoveFailed, text});
  };
  standstill_.last_arrived = told.connection;
  if (told.state > kMostState || (again && found->second->arrived) || guests_.size() >= kMostGuests)
    return fail("A guest process came twice, or as it can't be.");
  Guest& guest = again ? *found->second
                       : add_guest(told.connection, {static_cast<uid_t>(told.user),
                                                     static_cast<pid_t>(told.process_id)});
  guest.state = static_cast<Guest::State>(told.state);
  guest.hello_sequence = told.hello_sequence;
  guest.last_arena = told.last_arena;
  guest.credit_sequence = told.credit_sequence;
  guest.credit_granted = told.credit_granted;
  guest.since_ns = told.since_ns;
  last_connection_ = std::max(last_connection_, told.connection);
  if (guest.state != Guest::State::kOpen) {
    guest.arriving_socket = channel.take_descriptor(0);
    guest.arrived = true;
    return;
  }
  guest.welcomed = true;
  guest.image = channel.take_descriptor(0);
  guest.memory = channel.take_descriptor(1);
  if (guest.memory && !leaves_room(guest.memory.get(), DescriptorUse::kConnection))
    return fail("No descriptors are left for its guest processes.");
  if (size_of_memory(guest.memory.get()) != layout::kConnectionBytes || !guest.image ||
      (standstill_.suspended ? told.sketch != 0 : !worker_ready_))
    return fail("A guest process came without what it needs.");
  update_cgroup();
  if (told.sketch != 0) {
    guest.sketched = true;
    return restore(guest, false, 1);
  }
  Descriptor account = channel.take_descriptor(2);
  guest.arriving_socket = channel.take_descriptor(3);
  if (!guest.arriving_socket || size_of_memory(account.get()) != records::kAccountPageSize ||
      !guest.account.adopt(std::move(account)))
    return fail("A guest process came without what it needs.");
  if (!context_.ledger.resume(settings_.id, told.connection, told.lent, standstill_.suspended))
    return fail("More is lent to a guest process than the vGPU has.");
  guest.arrived = true;  // but for its arenas, which come next
}

void Vgpu::take_arena(const records::Record& record, RecordChannel& channel) {
  const auto told = payload_of<records::Arena>(record);
  const auto found = guests_.find(told.connection);
  GuestArena arena;
  arena.memory = channel.take_descriptor(0);
  arena.bytes = told.bytes;
  arena.purpose = told.purpose;
  arena.request = record.header.sequence;
  if (found == guests_.end() || !found->second->arrived ||
      found->second->arenas.size() >= kMostArenas ||
      size_of_memory(arena.memory.get()) != told.bytes)
    return fail_arrival({ErrorCode::kMoveFailed, "An arena came as it can't be."});
  if (!leaves_room(arena.memory.get(), DescriptorUse::kArena))
    return fail_arrival({ErrorCode::kMoveFailed, "No descriptors are left for its arenas."});
  if (arena.purpose == records::ArenaPurpose::kStaging)
    found->second->staging_bytes += arena.bytes;
  found->second->arenas[told.arena] = std::move(arena);
}

// What the guest process of whom was told last has asked for, while the vGPU is suspended.
void Vgpu::take_waiting(const records::Record& record) {
  const auto found = guests_.find(standstill_.last_arrived);
  if (!standstill_.suspended || found == guests_.end() || !found->second->arrived ||
      found->second->waiting.size() >= kMostRequestsWaiting)
    return fail_arrival({ErrorCode::kMoveFailed, "A request came that can't wait here."});
  found->second->waiting.push_back({record, 0});
}

// Those of whom a sketch told, and who have gone since; and then all others' objects are made.
void Vgpu::take_leave_of_strangers() {
  if (standstill_.suspended) return;  // no worker knows of anybody
  for (auto& [connection, guest] : guests_) {
    if (guest->arrived || guest->state != Guest::State::kOpen) continue;
    guest->memory.reset();
    guest->image.reset();
    guest->state = Guest::State::kDeparting;
    tell_of_departure(*guest);
  }
  update_cgroup();
  for (auto& [connection, guest] : guests_)
    if (guest->state == Guest::State::kOpen)
      restore(*guest, guest->sketched, 0);
}

// The worker has made what it was told to.
void Vgpu::restore_arrivals() {
  if (standstill_.all_sent) {
    // Before the other one gives it up: who comes from now on waits until it is here.
    if (!listener_.take_place())
      return fail_arrival({ErrorCode::kMoveFailed, "The vGPU's socket can't be put in its place."});
    records::VgpuCreated created;
    created.vgpu = settings_.id;
    created.memory_bytes = settings_.memory_bytes;
    created.protections = protections();
    created.worker_process_id = static_cast<uint32_t>(worker_process());
    copy_text(created.socket_path, sizeof created.socket_path, socket_path_.c_str());
    return events_.say(make_record(Kind::kVgpuMoved, 0, created), {});
  }
  if (std::exchange(standstill_.sketched, false)) say_step(MoveStep::kPrepared);
}

// It is ours: from here on it outlives this device host.
void Vgpu::take_over() {
  if (!standstill_.all_sent || !standstill_.awaited.empty())
    return fail_arrival({ErrorCode::kMoveFailed, "It was given up before it had arrived."});
  context_.loop.cancel(std::exchange(standstill_.timer, 0));
  const bool suspended = standstill_.suspended;
  standstill_.step = suspended ? Standstill::Step::kSuspended : Standstill::Step::kRuns;
  standstill_.all_sent = standstill_.suspended = false;
  for (auto& [connection, guest] : guests_) {
    if (guest->state > Guest::State::kOpen) continue;
    keep(*guest, key_of(KeptKind::kGuest, *guest), guest->arriving_socket.get());
    if (guest->state == Guest::State::kOpen) {
      keep(*guest, key_of(KeptKind::kConnectionMemory, *guest), guest->memory.get());
      keep(*guest, key_of(KeptKind::kAccountPage, *guest), guest->account.descriptor());
      if (suspended) keep(*guest, key_of(KeptKind::kImage, *guest), guest->image.get());
      for (const auto& [number, arena] : guest->arenas)
        keep(*guest, key_of(arena_kind(arena.purpose), *guest, number), arena.memory.get(),
             arena.request);
      times_.begin(connection, guest->since_ns, guest->memory.get(), monotonic_nanoseconds());
    }
    save(*guest);
  }
  for (Lease& lease : standstill_.leases) {
    last_lease_ = std::max(last_lease_, lease.number);
    const uint64_t number = lease.number;
    if (leases_.add(std::move(lease)) == nullptr)
      context_.log.line("vgpu=%llu lease=%llu was lost on the way",
                        static_cast<unsigned long long>(settings_.id),
                        static_cast<unsigned long long>(number));
  }
  standstill_.leases.clear();
  save();
  context_.log.line("vgpu=%llu has come from another device",
                    static_cast<unsigned long long>(settings_.id));
  for (auto& [connection, guest] : guests_) {
    if (guest->state > Guest::State::kOpen) continue;
    if (!suspended) guest->image.reset();
    listen(*guest, std::move(guest->arriving_socket));
    if (!guest->channel->open()) on_guest_closed(*guest, "can't be listened to");
    if (guest->state == Guest::State::kGreeting) await_greeting(*guest);
    for (WaitingRequest& waiting : guest->waiting)
      context_.state.save(waiting.slot,
                          WaitingEntry{key_of(KeptKind::kGuest, *guest), waiting.record, 0});
    if (!guest->waiting.empty()) await_room(*guest);
  }
  listener_.begin();
  if (suspended) {
    context_.turns.rest(settings_.id);
  } else if (worker_) {
    worker_->send(make_record(Kind::kThaw, 0));
    context_.turns.set_running(settings_.id, guest_processes() != 0);
    if (worker_ready_) let_in();
  } else if (std::string problem; in_use() && !start_worker(problem)) {
    refuse_held(problem);
  }
  update_cgroup();
  write_page();
  say_step(MoveStep::kTaken);
  close_if_unused();
}

void Vgpu::forget_arrivals() {
  for (auto& [connection, guest] : guests_) {
    guest->memory.reset();
    guest->image.reset();
    guest->arriving_socket.reset();
    guest->arenas.clear();
  }
  standstill_.leases.clear();
}

void Vgpu::fail_arrival(const Refusal& refusal) {
  records::Error error;
  error.code = refusal.code;
  copy_text(error.text, sizeof error.text, refusal.text.c_str());
  events_.say(make_record(Kind::kError, 0, error), {});
  abandon_arrival();
}

void Vgpu::abandon_arrival() {
  if (closing_) return;
  context_.log.line("vgpu=%llu doesn't come", static_cast<unsigned long long>(settings_.id));
  close();
}

void Vgpu::on_move_ended(const std::string& reason) {
  if (arriving()) return abandon_arrival();
  if (standstill_.moves)
    abandon_standstill({ErrorCode::kMoveFailed, "The other device host " + reason + "."});
}

}  // namespace aliquot
