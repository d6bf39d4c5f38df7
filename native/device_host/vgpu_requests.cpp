// What guest processes ask for once they are connected: credit and arenas; and those of their requests
// that wait for what others may free.
#include <algorithm>
#include <utility>

#include "device_host/descriptor_room.h"
#include "device_host/vgpu.h"

namespace aliquot {

namespace {

constexpr uint64_t kWaitingMilliseconds = 10000;
constexpr uint64_t kPage = 4096;

using records::ErrorCode;
using records::Kind;

}  // namespace

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
    // A resize to less that is not done yet may be refused.
    if (granted == 0 && may_wait && (shrink_.begun || somebody_departs(&guest))) return false;
  }
  // What it lacks while it has given up its place it may have when it goes on.
  if (granted == 0 && wanted != 0 && may_wait && suspended()) return false;
  if (granted != 0) {
    guest.credit_sequence = record.header.sequence;
    guest.credit_granted = granted;
    save(guest);
    guest.account.add_credit(granted);
  }
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
    save(*guest);
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
        arena.request = record.header.sequence;
        save(guest);
        keep(guest, key_of(arena_kind(arena.purpose), guest, reply.arena), arena.memory.get(),
             arena.request);
        if (staging) guest.staging_bytes += bytes;
        guest.arenas[reply.arena] = std::move(arena);
      }
    } else if (own_fits && may_wait && somebody_departs(&guest)) {
      return false;
    }
  }
  if (reply.bytes == 0) {
    guest.channel->send(make_record(Kind::kArenaReply, record.header.sequence, reply));
    return true;
  }
  update_cgroup();
  send_arena(guest, reply.arena, record.header.sequence);
  return true;
}

void Vgpu::send_arena(Guest& guest, uint32_t number, uint32_t sequence) {
  const GuestArena& made = guest.arenas[number];
  records::Arena arena;
  arena.bytes = made.bytes;
  arena.connection = guest.connection;
  arena.arena = number;
  arena.purpose = made.purpose;
  // A worker that is yet to come is told of all arenas.
  if (worker_) worker_->send(make_record(Kind::kArena, 0, arena), {made.memory.get()});
  records::ArenaReply reply;
  reply.bytes = made.bytes;
  reply.arena = number;
  guest.channel->send(make_record(Kind::kArenaReply, sequence, reply), {made.memory.get()});
}

void Vgpu::keep_waiting(Guest& guest, const records::Record& record) {
  if (guest.waiting.size() >= kMostRequestsWaiting)
    return refuse(guest, record.header.sequence, ErrorCode::kLimitReached,
                  "Too many requests are open at once.");
  // Of a request that waited and was in hand as well.
  for (const WaitingRequest& waiting : guest.waiting)
    if (waiting.record.header.sequence == record.header.sequence && repeats_) return;
  WaitingRequest waiting{record, 0};
  context_.state.save(waiting.slot, WaitingEntry{key_of(KeptKind::kGuest, guest), record, 0});
  guest.waiting.push_back(waiting);
  if (guest.waiting_timer == 0) await_room(guest);
}

void Vgpu::await_room(Guest& guest) {
  guest.waiting_timer = context_.loop.schedule(kWaitingMilliseconds, [this, &guest] {
    guest.waiting_timer = 0;
    if (suspended()) return await_room(guest);
    while (guest.state == Guest::State::kOpen && !guest.waiting.empty()) {
      WaitingRequest request = guest.waiting.front();
      guest.waiting.pop_front();
      try_request(guest, request.record, false);
      context_.state.erase(request.slot);
    }
  });
}

void Vgpu::retry_waiting() {
  for (auto& [connection, guest] : guests_) {
    if (guest->handed_over) continue;  // what it waits for, the other device host has been told
    while (guest->state == Guest::State::kOpen && !guest->waiting.empty()) {
      if (!try_request(*guest, guest->waiting.front().record, true)) break;
      if (guest->waiting.empty()) break;
      context_.state.erase(guest->waiting.front().slot);
      guest->waiting.pop_front();
    }
    if (guest->waiting.empty() && guest->waiting_timer != 0) {
      context_.loop.cancel(guest->waiting_timer);
      guest->waiting_timer = 0;
    }
  }
}

void Vgpu::forget_waiting(Guest& guest) {
  for (WaitingRequest& waiting : guest.waiting) context_.state.erase(waiting.slot);
  guest.waiting.clear();
}

// Whether another device host has done already what this record asks for.
bool Vgpu::answer_again(Guest& guest, const records::Record& record) {
  const uint32_t sequence = record.header.sequence;
  if (record.header.kind == Kind::kGuestHello) return guest.state != Guest::State::kGreeting;
  if (guest.state != Guest::State::kOpen) return false;
  if (record.header.kind == Kind::kCreditRequest && guest.credit_granted != 0 &&
      sequence == guest.credit_sequence) {
    records::CreditReply reply;
    reply.granted = guest.credit_granted;
    guest.channel->send(make_record(Kind::kCreditReply, sequence, reply));
    return true;
  }
  if (record.header.kind != Kind::kArenaRequest || guest.arenas.empty()) return false;
  const auto& [number, newest] = *guest.arenas.rbegin();
  if (number != guest.last_arena || newest.request != sequence) return false;
  send_arena(guest, number, sequence);
  return true;
}

}  // namespace aliquot
