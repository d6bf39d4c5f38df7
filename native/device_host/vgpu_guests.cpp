// What guest processes ask of their vGPU.
#include <algorithm>
#include <utility>

#include "device_host/descriptor_room.h"
#include "device_host/vgpu.h"
#include "protocol/connection_layout.h"

namespace aliquot {

namespace {

constexpr uint64_t kWaitingMilliseconds = 10000;
constexpr uint64_t kGreetingMilliseconds = 10000;
constexpr uint64_t kPage = 4096;

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
  auto guest = std::make_unique<Guest>();
  guest->connection = ++last_connection_;
  guest->peer = peer;
  Guest& known = *guest;
  guests_[known.connection] = std::move(guest);
  known.channel = std::make_unique<RecordChannel>(
      context_.loop, std::move(socket), kMostQueuedToGuest,
      [this, &known](const records::Record& record) { on_guest_record(known, record); },
      [this, &known](const char* reason) { on_guest_closed(known, reason); });
  if (!known.channel->open()) return on_guest_closed(known, "can't be listened to");
  // Whoever connects greets at once; one that doesn't would keep the vGPU alive.
  known.greeting_timer = context_.loop.schedule(kGreetingMilliseconds, [this, &known] {
    known.greeting_timer = 0;
    known.channel->close();
    on_guest_closed(known, "said nothing for 10 s");
  });
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

void Vgpu::on_guest_record(Guest& guest, const records::Record& record) {
  if (guest.state >= Guest::State::kDeparting) return;
  const uint32_t sequence = record.header.sequence;
  if (record.header.version != records::kVersion)
    return refuse(guest, sequence, ErrorCode::kVersionMismatch,
                  "The guest driver and the device host are of different versions.");
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
  guest.state = Guest::State::kOpen;
  const uint64_t now = monotonic_nanoseconds();
  times_.begin(guest.connection, std::max(process_start_ns(guest.peer.process, now), made_ns_),
               guest.memory.get(), now);
  context_.turns.set_running(settings_.id, true);
  update_cgroup();

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
  context_.log.line("vgpu=%llu connection=%u process=%d begins",
                    static_cast<unsigned long long>(settings_.id), guest.connection,
                    guest.peer.process);
}

bool Vgpu::try_request(Guest& guest, const records::Record& record, bool may_wait) {
  return record.header.kind == Kind::kCreditRequest ? try_credit(guest, record, may_wait)
                                                    : try_arena(guest, record, may_wait);
}

bool Vgpu::try_credit(Guest& guest, const records::Record& record, bool may_wait) {
  const uint64_t wanted = payload_of<records::CreditRequest>(record).bytes;
  Ledger& ledger = context_.ledger;
  uint64_t granted = ledger.lend(settings_.id, guest.connection, wanted);
  if (granted == 0 && wanted != 0 && wanted <= settings_.memory_bytes) {
    take_back_from_others(guest, wanted);
    granted = ledger.lend(settings_.id, guest.connection, wanted);
    if (granted == 0 && may_wait && somebody_departs(guest)) return false;
  }
  if (granted != 0) guest.account.add_credit(granted);
  records::CreditReply reply;
  reply.granted = granted;
  guest.channel->send(make_record(Kind::kCreditReply, record.header.sequence, reply));
  return true;
}

void Vgpu::take_back_from_others(const Guest& requester, uint64_t wanted) {
  for (auto& [connection, guest] : guests_) {
    if (guest.get() == &requester || guest->state != Guest::State::kOpen) continue;
    if (context_.ledger.free_bytes(settings_.id) >= wanted) return;
    context_.ledger.take_back(settings_.id, connection, guest->account.take_credit());
  }
}

uint64_t Vgpu::arena_bytes(records::ArenaPurpose purpose) const {
  uint64_t bytes = 0;
  for (const auto& [connection, guest] : guests_)
    for (const auto& [number, arena] : guest->arenas)
      if (arena.purpose == purpose) bytes += arena.bytes;
  return bytes;
}

bool Vgpu::try_arena(Guest& guest, const records::Record& record, bool may_wait) {
  const auto request = payload_of<records::ArenaRequest>(record);
  const bool staging = request.purpose == records::ArenaPurpose::kStaging;
  // Staging is the host's memory, beside the quota: bounded for each connection and for all.
  const uint64_t most_of_all =
      settings_.memory_bytes + (staging ? kMostVgpuStaging : kBufferArenaSlack);
  const uint64_t most = staging ? kMostStagingBytes : most_of_all;
  records::ArenaReply reply;
  if ((staging || request.purpose == records::ArenaPurpose::kBuffers) && request.bytes > 0 &&
      request.bytes <= most && guest.arenas.size() < kMostArenas) {
    const uint64_t bytes = (request.bytes + kPage - 1) & ~(kPage - 1);
    const bool own_fits = !staging || bytes <= most - std::min(guest.staging_bytes, most);
    const uint64_t taken = arena_bytes(request.purpose);
    const bool all_fits = bytes <= most_of_all - std::min(taken, most_of_all);
    if (own_fits && all_fits) {
      GuestArena arena;
      arena.memory = make_sealed_memory("aliquot-arena", bytes);
      arena.bytes = bytes;
      arena.purpose = request.purpose;
      if (leaves_room(arena.memory.get(), DescriptorUse::kArena)) {
        reply.bytes = bytes;
        reply.arena = ++guest.last_arena;
        if (staging) guest.staging_bytes += bytes;
        guest.arenas[reply.arena] = std::move(arena);
      }
    } else if (own_fits && may_wait && somebody_departs(guest)) {
      return false;
    }
  }
  if (reply.bytes == 0) {
    guest.channel->send(make_record(Kind::kArenaReply, record.header.sequence, reply));
    return true;
  }
  update_cgroup();
  const int memory = guest.arenas[reply.arena].memory.get();
  records::Arena arena;
  arena.bytes = reply.bytes;
  arena.connection = guest.connection;
  arena.arena = reply.arena;
  arena.purpose = request.purpose;
  worker_->send(make_record(Kind::kArena, 0, arena), {memory});
  guest.channel->send(make_record(Kind::kArenaReply, record.header.sequence, reply), {memory});
  return true;
}

void Vgpu::keep_waiting(Guest& guest, const records::Record& record) {
  if (guest.waiting.size() >= kMostRequestsWaiting)
    return refuse(guest, record.header.sequence, ErrorCode::kLimitReached,
                  "Too many requests are open at once.");
  guest.waiting.push_back(record);
  if (guest.waiting_timer != 0) return;
  guest.waiting_timer = context_.loop.schedule(kWaitingMilliseconds, [this, &guest] {
    guest.waiting_timer = 0;
    while (guest.state == Guest::State::kOpen && !guest.waiting.empty()) {
      const records::Record request = guest.waiting.front();
      guest.waiting.pop_front();
      try_request(guest, request, false);
    }
  });
}

void Vgpu::retry_waiting() {
  for (auto& [connection, guest] : guests_) {
    while (guest->state == Guest::State::kOpen && !guest->waiting.empty()) {
      if (!try_request(*guest, guest->waiting.front(), true)) break;
      if (!guest->waiting.empty()) guest->waiting.pop_front();
    }
    if (guest->waiting.empty() && guest->waiting_timer != 0) {
      context_.loop.cancel(guest->waiting_timer);
      guest->waiting_timer = 0;
    }
  }
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
bool Vgpu::somebody_departs(const Guest& requester) {
  settle(&requester);
  return std::any_of(guests_.begin(), guests_.end(), [](const auto& entry) {
    return entry.second->state == Guest::State::kDeparting;
  });
}

void Vgpu::depart(Guest& guest) {
  const bool known_to_worker = guest.state == Guest::State::kOpen;
  if (!known_to_worker || !worker_ || !worker_->running()) {
    erase(guest);
  } else {
    guest.state = Guest::State::kDeparting;
    times_.end(guest.connection, monotonic_nanoseconds());
    guest.waiting.clear();
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
  close_if_unused();
}

void Vgpu::erase(Guest& guest) {
  if (guest.state == Guest::State::kGone) return;
  guest.state = Guest::State::kGone;
  times_.end(guest.connection, monotonic_nanoseconds());
  for (uint64_t* timer : {&guest.departure_timer, &guest.waiting_timer, &guest.greeting_timer})
    context_.loop.cancel(std::exchange(*timer, 0));
  context_.ledger.disconnect(settings_.id, guest.connection);
  guest.waiting.clear();
  for (auto& [number, arena] : guest.arenas) keep(std::move(arena.memory));
  guest.arenas.clear();
  keep(std::move(guest.memory));
  const bool used = std::any_of(guests_.begin(), guests_.end(), [](const auto& entry) {
    return entry.second->state == Guest::State::kOpen ||
           entry.second->state == Guest::State::kDeparting;
  });
  context_.turns.set_running(settings_.id, used);
}

}  // namespace aliquot
