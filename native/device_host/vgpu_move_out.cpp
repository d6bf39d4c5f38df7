// A vGPU on its way to another device host. That one reserves what it needs, starts a worker and has
// it build the programs, by sketches, before anything stops here; then the worker comes to stand
// still as for being suspended, and all that belongs to the vGPU's guest processes is handed over:
// sockets, memory, images. Until the other one says that its worker has made what the images say,
// this one can go on as if nothing had happened; then it gives the vGPU up, and the other one goes on.
// A suspended one is handed over with the images that there are, for which no worker is needed.
//
// To say something may end the move at once, where descriptors are short: after each record comes a look
// at whether it still `moves`.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "device_host/holder_process.h"
#include "device_host/vgpu.h"

namespace aliquot {

namespace {

using records::ErrorCode;
using records::Kind;
using records::MoveStep;

constexpr uint64_t kPrepareMilliseconds = 180000;  // for a worker, and builds
constexpr uint64_t kRestoreMilliseconds = 60000;

}  // namespace

void Vgpu::say_step(MoveStep step) {
  events_.say(make_record(Kind::kMoveStep, 0, records::Move{step}), {});
}

void Vgpu::move_out(const Asker& asker) {
  const bool suspended = standstill_.step == Standstill::Step::kSuspended;
  if (const auto refusal = suspended ? std::nullopt : why_not_stopped()) {
    events_.settled(asker, *refusal);
    return events_.end_move();
  }
  standstill_.asker = asker;
  standstill_.step = suspended ? Standstill::Step::kLeaving : Standstill::Step::kSketching;
  standstill_.moves = true;
  standstill_.freezes = false;
  standstill_.sketched = false;
  standstill_.awaited.clear();
  context_.loop.cancel(std::exchange(rest_timer_, 0));
  records::MoveVgpu told;
  told.create.memory_bytes = settings_.memory_bytes;
  told.create.flags = settings_.flags;
  told.create.kernel_limit_ms = settings_.kernel_limit_ms;
  told.create.device_type = settings_.device_type;
  told.create.shares = {settings_.shares.guarantee, settings_.shares.limit, settings_.shares.weight,
                        static_cast<uint32_t>(settings_.shares.priority)};
  told.create.copy_limit = settings_.copy_limit;
  copy_text(told.create.name, sizeof told.create.name, settings_.name.c_str());
  told.create.id_high = settings_.id_high;
  told.create.id_low = settings_.id_low;
  told.owner = settings_.owner;
  told.last_connection = last_connection_;
  told.last_lease = last_lease_;
  told.needs_worker = in_use() && !suspended ? 1 : 0;
  told.suspended = suspended ? 1 : 0;
  context_.log.line("vgpu=%llu is to move", static_cast<unsigned long long>(settings_.id));
  std::vector<int> reports;
  if (reports_) reports.push_back(reports_.get());
  events_.say(make_record(Kind::kMoveVgpu, 0, told), reports);
  if (standstill_.moves) await_standstill(kPrepareMilliseconds);
}

void Vgpu::on_move_answer(const records::Record& record) {
  if (!standstill_.moves) return;
  if (record.header.kind == Kind::kError) {
    const auto error = payload_of<records::Error>(record);
    const std::string text(error.text, ::strnlen(error.text, sizeof error.text));
    return abandon_standstill({error.code, text});
  }
  const bool leaves = standstill_.step == Standstill::Step::kLeaving;
  if (record.header.kind == Kind::kVgpuMoved &&
      (standstill_.step == Standstill::Step::kHandingOver || (leaves && standstill_.sketched)))
    return leave(record);
  if (record.header.kind == Kind::kMoveStep) {
    const auto step = payload_of<records::Move>(record).step;
    const bool sketches = standstill_.step == Standstill::Step::kSketching;
    if (step == MoveStep::kReady && sketches && !standstill_.sketched) return sketch();
    if (step == MoveStep::kReady && leaves && !std::exchange(standstill_.sketched, true))
      return hand_over();
    if (step == MoveStep::kPrepared && sketches && standstill_.awaited.empty()) {
      // Whoever waits for a worker that starts is let in before: who asked for a lease has it then.
      standstill_.freezes = worker_ && !worker_ready_;
      return standstill_.freezes ? void() : freeze();
    }
  }
  abandon_standstill({ErrorCode::kMoveFailed, "The other device host said what has no place."});
}

void Vgpu::sketch() {
  standstill_.sketched = true;
  for (const auto& [connection, guest] : guests_) {
    guest->saving = false;
    if (guest->state == Guest::State::kOpen) standstill_.awaited.insert(connection);
  }
  if (standstill_.awaited.empty()) return go_on();
  records::Freeze freeze;
  freeze.sketch = 1;
  worker_->send(make_record(Kind::kFreeze, 0, freeze));
}

void Vgpu::send_sketches() {
  for (auto& [connection, guest] : guests_) {
    if (!guest->image || guest->state != Guest::State::kOpen) continue;
    records::MoveGuest told;
    told.connection = connection;
    told.state = static_cast<uint32_t>(guest->state);
    told.user = guest->peer.user;
    told.process_id = static_cast<uint32_t>(guest->peer.process);
    told.image_bytes = size_of_memory(guest->image.get());
    told.sketch = 1;
    // Its memory, which is all there by now, will be that of the whole image.
    events_.say(make_record(Kind::kMoveGuest, 0, told),
                {guest->image.get(), guest->memory.get()});
    if (!standstill_.moves) return;
  }
  say_step(MoveStep::kSketched);
  // The other one builds programs now.
  if (standstill_.moves) await_standstill(kPrepareMilliseconds);
}

// All stands still, with its images written.
void Vgpu::hand_over() {
  for (auto& [connection, guest] : guests_) {
    if (guest->state >= Guest::State::kDeparting) continue;
    // Nobody departs from here any more whom a request could wait for. Those of a suspended one wait
    // for its place, which it may get there.
    while (!suspended() && guest->state == Guest::State::kOpen && !guest->waiting.empty()) {
      try_request(*guest, guest->waiting.front().record, false);
      if (guest->waiting.empty()) break;
      context_.state.erase(guest->waiting.front().slot);
      guest->waiting.pop_front();
    }
    if (guest->channel && !guest->channel->all_taken())
      return abandon_standstill(
          {ErrorCode::kNotStopped, "A process of the vGPU doesn't read what it is sent."});
  }
  if (!suspended()) standstill_.step = Standstill::Step::kHandingOver;
  for (auto& [connection, guest] : guests_) {
    if (guest->state < Guest::State::kDeparting) hand_over(*guest);
    if (!standstill_.moves) return;
  }
  for (const auto& [number, lease] : leases_.all()) {
    // Of whom nobody knows yet is refused, once the vGPU has gone, and may be asked for there.
    if (!lease.answered) continue;
    // One that a connection holds ends with the process whose connection that is.
    Descriptor holder;
    if (!lease.holder)
      open_holder(static_cast<uint32_t>(lease.process), ::geteuid(), settings_.owner, holder);
    const int descriptor = lease.holder ? lease.holder.get() : holder.get();
    if (descriptor < 0) continue;
    const records::MoveLease told{number, lease.since_ns, static_cast<uint32_t>(lease.process)};
    events_.say(make_record(Kind::kMoveLease, 0, told), {descriptor});
    if (!standstill_.moves) return;
  }
  say_step(MoveStep::kAllSent);
  if (standstill_.moves) await_standstill(kRestoreMilliseconds);
}

// From now on this device host doesn't read its socket.
void Vgpu::hand_over(Guest& guest) {
  if (!guest.channel || !guest.channel->open()) return;
  guest.channel->hold(true);
  guest.handed_over = true;
  context_.loop.cancel(std::exchange(guest.greeting_timer, 0));  // it may greet over there
  records::MoveGuest told;
  told.connection = guest.connection;
  told.state = static_cast<uint32_t>(guest.state);
  told.user = guest.peer.user;
  told.process_id = static_cast<uint32_t>(guest.peer.process);
  told.hello_sequence = guest.hello_sequence;
  told.last_arena = guest.last_arena;
  told.credit_sequence = guest.credit_sequence;
  told.credit_granted = guest.credit_granted;
  told.since_ns = guest.since_ns;
  if (guest.state != Guest::State::kOpen) {
    events_.say(make_record(Kind::kMoveGuest, 0, told), {guest.channel->descriptor()});
    return;
  }
  told.lent = context_.ledger.lent(settings_.id, guest.connection);
  told.image_bytes = size_of_memory(guest.image.get());
  events_.say(make_record(Kind::kMoveGuest, 0, told),
              {guest.image.get(), guest.memory.get(), guest.account.descriptor(),
               guest.channel->descriptor()});
  // Where the other one hears nothing any more the move has ended, and what waited was tried again.
  if (!standstill_.moves) return;
  for (const auto& [number, arena] : guest.arenas) {
    const records::Arena made{arena.bytes, guest.connection, number, arena.purpose};
    events_.say(make_record(Kind::kMoveArena, arena.request, made), {arena.memory.get()});
    if (!standstill_.moves) return;
  }
  for (const WaitingRequest& waiting : guest.waiting) {
    events_.say(waiting.record, {});
    if (!standstill_.moves) return;
  }
}

// The other device host has all that it needs to go on.
void Vgpu::leave(const records::Record& answer) {
  if (!standstill_.asker) return;
  context_.loop.cancel(std::exchange(standstill_.timer, 0));
  const auto created = payload_of<records::VgpuCreated>(answer);
  const std::string path(created.socket_path,
                         ::strnlen(created.socket_path, sizeof created.socket_path));
  if (!listener_.point_to(path))
    return abandon_standstill({ErrorCode::kMoveFailed, "The vGPU's socket can't be replaced."});
  // Who knew the old path and came in these moments.
  listener_.accept_waiting();
  for (auto& [connection, guest] : guests_) {
    if (guest->state < Guest::State::kOpen && !guest->handed_over) hand_over(*guest);
    if (!standstill_.moves) return;
  }
  closing_ = true;
  save();  // before the other one goes on
  context_.log.line("vgpu=%llu has moved", static_cast<unsigned long long>(settings_.id));
  const Asker asker = *std::exchange(standstill_.asker, std::nullopt);
  standstill_.moves = false;  // should the other one hang up now, it has the vGPU all the same
  say_step(MoveStep::kTaken);
  events_.moved_away(asker, answer);
  fail_leases(ErrorCode::kNotStopped, "The vGPU has moved to another device.");
  end_inquiry(records::QueuesAnswer::kNoWorker);
  for (auto& [connection, guest] : guests_) let_go_of(*guest);
  leases_.end_all();
  listener_.close();
  for (uint64_t* timer : {&rest_timer_, &cut_off_timer_})
    context_.loop.cancel(std::exchange(*timer, 0));
  if (worker_ && worker_->running()) return worker_->kill("its vGPU has moved");
  report_gone();
}

// Another device host has it: its socket stays open, and its memory as it is.
void Vgpu::let_go_of(Guest& guest) {
  if (guest.state == Guest::State::kGone) return;
  if (!guest.handed_over) {
    if (guest.channel) guest.channel->close();
    return erase(guest);
  }
  guest.state = Guest::State::kGone;
  events_.unswept();
  guest.channel->let_go();
  times_.end(guest.connection, monotonic_nanoseconds());
  for (uint64_t* timer : {&guest.departure_timer, &guest.waiting_timer, &guest.greeting_timer})
    context_.loop.cancel(std::exchange(*timer, 0));
  context_.state.erase(guest.slot);
  context_.ledger.disconnect(settings_.id, guest.connection);
  forget_waiting(guest);
  for (const auto& [number, arena] : guest.arenas)
    context_.link.forget(key_of(arena_kind(arena.purpose), guest, number));
  guest.arenas.clear();
  for (const KeptKind kind :
       {KeptKind::kConnectionMemory, KeptKind::kAccountPage, KeptKind::kImage})
    context_.link.forget(key_of(kind, guest));
  guest.memory.reset();
  guest.image.reset();
}

}  // namespace aliquot
