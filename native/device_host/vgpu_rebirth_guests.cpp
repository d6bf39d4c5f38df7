// The guest processes of a vGPU taken over: their books, memory and sockets, and what they were about
// to be told.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "device_host/rebirth.h"
#include "device_host/vgpu.h"
#include "protocol/connection_layout.h"

namespace aliquot {

namespace {

uint64_t size_of(const Descriptor& memory) {
  const off_t end = memory ? ::lseek(memory.get(), 0, SEEK_END) : 0;
  return end > 0 ? static_cast<uint64_t>(end) : 0;
}

}  // namespace

void Vgpu::adopt_guests(Rebirth& rebirth, bool has_worker) {
  std::vector<Guest*> lost;
  for (auto& [slot, entry] : rebirth.guests[settings_.id]) {
    Guest& guest = add_guest(entry.connection, {entry.user, entry.process});
    guest.slot = slot;
    if (!adopt_guest(rebirth, guest, entry, has_worker)) lost.push_back(&guest);
  }
  send_queues(rebirth);
  for (Guest* guest : lost) {
    if (guest->state < Guest::State::kDeparting)
      context_.log.line("vgpu=%llu connection=%u process=%d can't go on: %s",
                        static_cast<unsigned long long>(settings_.id), guest->connection,
                        guest->peer.process,
                        has_worker ? "something of it was lost" : "its worker was lost");
    if (guest->channel) guest->channel->close();
    if (guest->state < Guest::State::kDeparting) depart(*guest);
  }
  for (auto& [connection, guest] : guests_) go_on(*guest);
}

// False: it can't go on. What it had is taken over all the same, until its worker has freed it.
bool Vgpu::adopt_guest(Rebirth& rebirth, Guest& guest, const GuestEntry& entry, bool has_worker) {
  guest.state =
      static_cast<Guest::State>(std::min(entry.state, uint32_t(Guest::State::kDeparting)));
  guest.hello_sequence = entry.hello_sequence;
  guest.last_arena = entry.last_arena;
  guest.credit_sequence = entry.credit_sequence;
  guest.credit_granted = entry.credit_granted;
  guest.welcomed = entry.welcomed;
  guest.incomplete = entry.incomplete;
  guest.since_ns = entry.since_ns;
  if (suspended()) guest.image = rebirth.store.take(key_of(KeptKind::kImage, guest)).descriptor;
  const bool known_to_worker = guest.state >= Guest::State::kOpen;
  const bool sound = !known_to_worker || (adopt_memory(rebirth, guest, entry.lent) && has_worker &&
                                          (guest.image || !suspended()));
  if (guest.state == Guest::State::kOpen)
    times_.resume(guest.connection, guest.since_ns, guest.memory.get());
  Descriptor socket = rebirth.store.take(key_of(KeptKind::kGuest, guest)).descriptor;
  if (socket) listen(guest, std::move(socket));
  return sound && !guest.incomplete && guest.channel && guest.channel->open();
}

void Vgpu::send_queues(const Rebirth& rebirth) {
  const auto queue_of = [&](const KeptKey& key) {
    const auto found = rebirth.queues.find(key);
    return found == rebirth.queues.end() ? decltype(found->second)() : found->second;
  };
  for (const auto& [order, queued] : queue_of({KeptKind::kWorkerChannel, 0, settings_.id, 0})) {
    const records::Record& record = queued.second;
    const auto guest = guests_.find(payload_of<records::Connect>(record).connection);
    const auto arena_guest = guests_.find(payload_of<records::Arena>(record).connection);
    if (!worker_) break;
    if (record.header.kind == records::Kind::kTurnPage) {
      worker_->send(record, {context_.turns.page(settings_.id)});
    } else if (record.header.kind == records::Kind::kReports) {
      if (reports_) worker_->send(record, {reports_.get()});
    } else if (record.header.kind == records::Kind::kConnect) {
      if (guest != guests_.end()) worker_->send(record, descriptors_of(*guest->second, record));
    } else if (record.header.kind == records::Kind::kArena) {
      if (arena_guest != guests_.end())
        worker_->send(record, descriptors_of(*arena_guest->second, record));
    } else {
      worker_->send(record);
    }
  }
  for (const auto& [connection, guest] : guests_)
    for (const auto& [order, queued] : queue_of(key_of(KeptKind::kGuest, *guest)))
      if (guest->channel)
        guest->channel->send(queued.second, descriptors_of(*guest, queued.second));
}

// What goes with a record that is sent to a guest process, or about it to its worker.
std::vector<int> Vgpu::descriptors_of(const Guest& guest, const records::Record& record) const {
  using records::Kind;
  switch (record.header.kind) {
    case Kind::kConnect:
      return {guest.memory.get()};
    case Kind::kGuestWelcome:
      return {guest.memory.get(), guest.account.descriptor(), page_.descriptor()};
    case Kind::kArena:
    case Kind::kArenaReply: {
      const uint32_t number = record.header.kind == Kind::kArena
                                  ? payload_of<records::Arena>(record).arena
                                  : payload_of<records::ArenaReply>(record).arena;
      const auto arena = guest.arenas.find(number);
      return arena == guest.arenas.end() ? std::vector<int>()
                                         : std::vector<int>{arena->second.memory.get()};
    }
    default:
      return {};
  }
}

// Says again what the other device host may have been about to say.
void Vgpu::go_on(Guest& guest) {
  switch (guest.state) {
    case Guest::State::kGreeting:
      return await_greeting(guest);
    case Guest::State::kHeld:
      if (worker_ready_ && !worker_->doomed() && !stands_still()) admit(guest);
      return;
    case Guest::State::kOpen:
      if (!guest.welcomed) announce(guest);
      return;
    case Guest::State::kDeparting:
      if (guest.departure_timer != 0) return;
      if (worker_ && worker_->running()) return tell_of_departure(guest);
      return erase(guest);
    case Guest::State::kGone:
      return;
  }
}

// The books and the memory of a guest process that its worker knows.
bool Vgpu::adopt_memory(Rebirth& rebirth, Guest& guest, uint64_t lent) {
  bool sound = context_.ledger.resume(settings_.id, guest.connection, lent, suspended());
  guest.memory = rebirth.store.take(key_of(KeptKind::kConnectionMemory, guest)).descriptor;
  sound &= size_of(guest.memory) == layout::kConnectionBytes;
  Descriptor account = rebirth.store.take(key_of(KeptKind::kAccountPage, guest)).descriptor;
  sound &= size_of(account) == records::kAccountPageSize && guest.account.adopt(std::move(account));
  for (const auto purpose : {records::ArenaPurpose::kStaging, records::ArenaPurpose::kBuffers}) {
    for (const KeptKey& key : rebirth.store.keys(arena_kind(purpose), settings_.id)) {
      if (key.connection != guest.connection) continue;
      KeptDescriptor kept = rebirth.store.take(key);
      GuestArena arena;
      arena.memory = std::move(kept.descriptor);
      arena.bytes = size_of(arena.memory);
      arena.purpose = purpose;
      arena.request = static_cast<uint32_t>(kept.note);
      const auto number = static_cast<uint32_t>(key.number);
      guest.last_arena = std::max(guest.last_arena, number);
      if (purpose == records::ArenaPurpose::kStaging) guest.staging_bytes += arena.bytes;
      guest.arenas[number] = std::move(arena);
    }
  }
  context_.turns.set_running(settings_.id, !suspended());
  return sound;
}

}  // namespace aliquot
