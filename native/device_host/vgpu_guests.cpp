// The guest processes of a vGPU: how they come, and how they go.
#include <algorithm>
#include <utility>

#include "device_host/descriptor_room.h"
#include "device_host/vgpu.h"
#include "protocol/connection_layout.h"

namespace aliquot {

namespace {

constexpr uint64_t kGreetingMilliseconds = 10000;

using records::ErrorCode;
using records::Kind;

}  // namespace

void Vgpu::accept_guest(Descriptor socket, const PeerIdentity& peer) {
  const char* refusal = nullptr;
  records::ErrorCode code = records::ErrorCode::kNotPermitted;
  if (peer.user != settings_.owner && peer.user != 0)
    refusal = "This vGPU belongs to another user.";
  if (refusal == nullptr &&
      (guests_.size() >= kMostGuests || !leaves_room(socket.get(), DescriptorUse::kConnection))) {
    refusal = "Too many processes use this vGPU.";
    code = records::ErrorCode::kLimitReached;
  }
  if (refusal == nullptr && settings_.lasting() && !in_use()) {
    refusal = "Nobody has leased this vGPU.";
    code = records::ErrorCode::kNoSuchLease;
  }
  if (refusal != nullptr) {
    records::Error error;
    error.code = code;
    copy_text(error.text, sizeof(error.text), refusal);
    send_record(socket.get(), make_record(records::Kind::kError, 0, error));
    context_.log.line("vgpu=%llu refused process %d of user %u: %s",
                      static_cast<unsigned long long>(settings_.id), peer.process, peer.user,
                      refusal);
    return;
  }
  context_.loop.cancel(std::exchange(rest_timer_, 0));
  Guest& known = add_guest(++last_connection_, peer);
  save();
  keep(known, key_of(KeptKind::kGuest, known), socket.get());
  save(known);
  listen(known, std::move(socket));
  if (!known.channel->open()) return on_guest_closed(known, "can't be listened to");
  await_greeting(known);
}

Guest& Vgpu::add_guest(uint32_t connection, const PeerIdentity& peer) {
  auto guest = std::make_unique<Guest>();
  guest->connection = connection;
  guest->peer = peer;
  return *(guests_[connection] = std::move(guest));
}

void Vgpu::listen(Guest& guest, Descriptor socket) {
  guest.channel = std::make_unique<RecordChannel>(
      context_.loop, std::move(socket), kMostQueuedToGuest,
      [this, &guest](const records::Record& record) { on_guest_record(guest, record); },
      [this, &guest](const char* reason) { on_guest_closed(guest, reason); },
      Keeping{&context_.link, &context_.state, key_of(KeptKind::kGuest, guest)});
}

// Whoever connects greets at once; one that doesn't would keep the vGPU alive.
void Vgpu::await_greeting(Guest& guest) {
  guest.greeting_timer = context_.loop.schedule(kGreetingMilliseconds, [this, &guest] {
    guest.greeting_timer = 0;
    guest.channel->close();
    on_guest_closed(guest, "said nothing for 10 s");
  });
}

KeptKey Vgpu::key_of(KeptKind kind, const Guest& guest, uint32_t arena) const {
  return {kind, guest.connection, settings_.id, arena};
}

bool Vgpu::keep(Guest& guest, const KeptKey& key, int descriptor, uint64_t note) {
  const bool kept = context_.link.keep(key, descriptor, note);
  guest.incomplete |= !kept;
  return kept;
}

void Vgpu::save(Guest& guest) {
  GuestEntry entry;
  entry.vgpu = settings_.id;
  entry.connection = guest.connection;
  entry.state = static_cast<uint32_t>(guest.state);
  entry.user = guest.peer.user;
  entry.process = guest.peer.process;
  entry.hello_sequence = guest.hello_sequence;
  entry.last_arena = guest.last_arena;
  entry.lent = context_.ledger.lent(settings_.id, guest.connection);
  entry.credit_sequence = guest.credit_sequence;
  entry.credit_granted = guest.credit_granted;
  entry.since_ns = guest.since_ns;
  entry.welcomed = guest.welcomed;
  entry.incomplete = guest.incomplete;
  context_.state.save(guest.slot, entry);
}

// Both are remembered before the guest process's new state is.
void Vgpu::begin_times(Guest& guest) {
  const uint64_t now = monotonic_nanoseconds();
  guest.since_ns = std::max(process_start_ns(guest.peer.process, now), made_ns_);
  times_.begin(guest.connection, guest.since_ns, guest.memory.get(), now);
  context_.state.save(times_slot_, TimesEntry{settings_.id, times_.past()});
}

void Vgpu::end_times(const Guest& guest) {
  times_.end(guest.connection, monotonic_nanoseconds());
  if (!gone_reported_) context_.state.save(times_slot_, TimesEntry{settings_.id, times_.past()});
}

void Vgpu::refuse(Guest& guest, uint32_t sequence, ErrorCode code, const char* text) {
  records::Error error;
  error.code = code;
  copy_text(error.text, sizeof(error.text), text);
  guest.channel->send(make_record(Kind::kError, sequence, error));
  context_.log.line("vgpu=%llu connection=%u process=%d refused: %s",
                    static_cast<unsigned long long>(settings_.id), guest.connection,
                    guest.peer.process, text);
  guest.channel->close();
  depart(guest);
}

void Vgpu::on_guest_record(Guest& guest, const records::Record& record, bool repeated) {
  if (guest.state >= Guest::State::kDeparting) return;
  const uint32_t sequence = record.header.sequence;
  if (record.header.version != records::kVersion)
    return refuse(guest, sequence, ErrorCode::kVersionMismatch,
                  "The guest driver and the device host are of different versions.");
  if (repeated && answer_again(guest, record)) return;
  if (guest.state == Guest::State::kGreeting) {
    if (record.header.kind == Kind::kGuestHello) return on_hello(guest, record);
  } else if (guest.state == Guest::State::kOpen) {
    if (record.header.kind == Kind::kCreditRequest || record.header.kind == Kind::kArenaRequest) {
      if (!guest.waiting.empty() || !try_request(guest, record, true)) keep_waiting(guest, record);
      return;
    }
  }
  refuse(guest, sequence, ErrorCode::kBadRecord, "A record came that has no place here.");
}

void Vgpu::on_guest_closed(Guest& guest, const char* reason) {
  if (guest.state >= Guest::State::kDeparting) return;
  context_.log.line("vgpu=%llu connection=%u process=%d ended: it %s",
                    static_cast<unsigned long long>(settings_.id), guest.connection,
                    guest.peer.process, reason);
  depart(guest);
}

void Vgpu::on_hello(Guest& guest, const records::Record& record) {
  const auto hello = payload_of<records::GuestHello>(record);
  if (hello.api != 1)
    return refuse(guest, record.header.sequence, ErrorCode::kBadRecord,
                  "The guest driver asks for an API that this device host doesn't know.");
  context_.loop.cancel(std::exchange(guest.greeting_timer, 0));
  guest.hello_sequence = record.header.sequence;
  guest.state = Guest::State::kHeld;
  save(guest);
  if (stands_still()) return;
  if (worker_ready_ && !worker_->doomed()) return admit(guest);
  if (worker_ && worker_->running()) return;
  std::string problem;
  if (!start_worker(problem))
    refuse(guest, guest.hello_sequence, ErrorCode::kWorkerStart, problem.c_str());
}

void Vgpu::admit(Guest& guest) {
  guest.memory = make_sealed_memory("aliquot-connection", layout::kConnectionBytes);
  if (!guest.memory || !guest.account.create(settings_.memory_bytes) ||
      !context_.ledger.connect(settings_.id, guest.connection))
    return refuse(guest, guest.hello_sequence, ErrorCode::kInternal,
                  "No memory or descriptors are left for the connection.");
  keep(guest, key_of(KeptKind::kConnectionMemory, guest), guest.memory.get());
  keep(guest, key_of(KeptKind::kAccountPage, guest), guest.account.descriptor());
  guest.state = Guest::State::kOpen;
  begin_times(guest);
  save(guest);
  context_.turns.set_running(settings_.id, true);
  update_cgroup();
  announce(guest);
  context_.log.line("vgpu=%llu connection=%u process=%d begins",
                    static_cast<unsigned long long>(settings_.id), guest.connection,
                    guest.peer.process);
}

// Both ends are told. Told twice, because a device host died in between, neither minds.
void Vgpu::announce(Guest& guest) {
  records::Connect connect;
  connect.connection = guest.connection;
  connect.process_id = static_cast<uint32_t>(guest.peer.process);
  worker_->send(make_record(Kind::kConnect, 0, connect), {guest.memory.get()});

  records::GuestWelcome welcome;
  welcome.vgpu = settings_.id;
  welcome.memory_limit = settings_.memory_bytes;
  welcome.connection = guest.connection;
  welcome.flags = settings_.flags;
  copy_text(welcome.name, sizeof(welcome.name), settings_.name.c_str());
  guest.channel->send(make_record(Kind::kGuestWelcome, guest.hello_sequence, welcome),
                      {guest.memory.get(), guest.account.descriptor(), page_.descriptor()});
  guest.welcomed = true;
  save(guest);
}

void Vgpu::settle(const Guest* except) {
  if (std::exchange(settling_, true)) return;
  for (auto& [connection, guest] : guests_)
    if (guest.get() != except && guest->channel && guest->channel->peer_is_gone())
      guest->channel->drain();
  settling_ = false;
}

// A process that ended just before the requester asked: its end and the request may come up in
// either order.
bool Vgpu::somebody_departs(const Guest* requester) {
  settle(requester);
  return std::any_of(guests_.begin(), guests_.end(), [](const auto& entry) {
    return entry.second->state == Guest::State::kDeparting;
  });
}

void Vgpu::depart(Guest& guest) {
  const bool known_to_worker = guest.state == Guest::State::kOpen;
  if (!known_to_worker || !worker_ || !worker_->running()) {
    erase(guest);
    standstill_.awaited.erase(guest.connection);
  } else {
    guest.state = Guest::State::kDeparting;
    end_times(guest);
    save(guest);
    forget_waiting(guest);
    tell_of_departure(guest);
    if (standstill_.awaited.erase(guest.connection) != 0) go_on();
  }
  close_if_unused();
}

void Vgpu::tell_of_departure(Guest& guest) {
  records::ConnectionReference reference;
  reference.connection = guest.connection;
  worker_->send(make_record(Kind::kDisconnect, 0, reference));
  // A kernel that runs may take its limit; beyond that the worker doesn't do its part.
  const uint64_t patience = std::max<uint64_t>(10000, settings_.kernel_limit_ms + uint64_t{8000});
  guest.departure_timer = context_.loop.schedule(patience, [this, &guest] {
    guest.departure_timer = 0;
    if (worker_) worker_->kill("it didn't free what a guest process had");
  });
}

void Vgpu::erase(Guest& guest) {
  if (guest.state == Guest::State::kGone) return;
  guest.state = Guest::State::kGone;
  events_.unswept();
  end_times(guest);
  for (uint64_t* timer : {&guest.departure_timer, &guest.waiting_timer, &guest.greeting_timer})
    context_.loop.cancel(std::exchange(*timer, 0));
  context_.state.erase(guest.slot);
  context_.ledger.disconnect(settings_.id, guest.connection);
  forget_waiting(guest);
  for (auto& [number, arena] : guest.arenas)
    keep(std::move(arena.memory), key_of(arena_kind(arena.purpose), guest, number));
  guest.arenas.clear();
  keep(std::move(guest.memory), key_of(KeptKind::kConnectionMemory, guest));
  if (guest.image && !standstill_.moves)
    keep(std::move(guest.image), key_of(KeptKind::kImage, guest));
  if (guest.image) context_.link.forget(key_of(KeptKind::kImage, guest));
  guest.image.reset();  // another device host may be reading it
  context_.link.forget(key_of(KeptKind::kAccountPage, guest));
  const bool used = std::any_of(guests_.begin(), guests_.end(), [](const auto& entry) {
    return entry.second->state == Guest::State::kOpen ||
           entry.second->state == Guest::State::kDeparting;
  });
  // Who goes while others are suspended, or on their way, changes nothing about these.
  context_.turns.set_running(settings_.id, used && standstill_.step < Standstill::Step::kArriving);
}

}  // namespace aliquot
