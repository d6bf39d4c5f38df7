// A vGPU without a worker whose guest processes wait: its worker comes to stand still between two
// commands, writes an image of each connection's objects, and ends. Another worker makes the objects
// anew from the images, and goes on where the first one stopped. The device host passes images on
// and never looks into one: they are the tenant's. It counts their bytes.
#include <optional>
#include <utility>

#include "device_host/vgpu.h"

namespace aliquot {

namespace {

using records::ErrorCode;
using records::Kind;

// Beyond the kernel that may run: for what the program itself must do, and builds.
constexpr uint32_t kPatienceMilliseconds = 2000;
constexpr uint32_t kUnlimitedMilliseconds = 10000;  // where kernels may run for ever
// A worker that doesn't keep to that is asked no longer.
constexpr uint64_t kGraceMilliseconds = 3000;
constexpr uint64_t kSaveMilliseconds = 60000;
constexpr uint64_t kRestoreMilliseconds = 180000;
// Of images of a vGPU, beyond its memory: programs, and the commands that make everything.
constexpr uint64_t kMostImageExtra = uint64_t{512} << 20;

}  // namespace

uint64_t Vgpu::image_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [connection, guest] : guests_)
    if (guest->image) bytes += size_of_memory(guest->image.get());
  return bytes;
}

void Vgpu::await_standstill(uint64_t milliseconds) {
  context_.loop.cancel(std::exchange(standstill_.timer, 0));
  standstill_.timer = context_.loop.schedule(milliseconds, [this] {
    standstill_.timer = 0;
    if (standstill_.step == Standstill::Step::kRestoring)
      return worker_ ? worker_->kill("it didn't restore what its guest processes had") : void();
    if (standstill_.step == Standstill::Step::kHandingOver ||
        standstill_.step == Standstill::Step::kLeaving)
      return abandon_standstill(
          {ErrorCode::kMoveFailed, "The other device host didn't take it in time."});
    abandon_standstill({ErrorCode::kNotStopped, "The worker didn't come to stand still in time."});
  });
}

// Why it can't come to stand still at all.
std::optional<Vgpu::Refusal> Vgpu::why_not_stopped() const {
  const auto refusal = [](const char* text) { return Refusal{ErrorCode::kNotStopped, text}; };
  if (standstill_.step != Standstill::Step::kRuns)
    return refusal("The vGPU is being suspended, resumed or moved already.");
  if (!settings_.lasting()) return refusal("Only a vGPU that lasts can be suspended or moved.");
  if (worker_ && worker_->doomed()) return refusal("The vGPU's worker is about to end.");
  return std::nullopt;
}

void Vgpu::suspend(const Asker& asker) {
  if (standstill_.step == Standstill::Step::kSuspended) return events_.settled(asker, {});
  if (standstill_.step == Standstill::Step::kEnding && !standstill_.asker) {
    standstill_.asker = asker;  // a device host died in between, and this is asked for again
    standstill_.resumes = false;
    return;
  }
  if (const auto refusal = why_not_stopped()) return events_.settled(asker, *refusal);
  standstill_.asker = asker;
  freeze();
}

void Vgpu::freeze() {
  standstill_.step = Standstill::Step::kFreezing;
  standstill_.awaited.clear();
  for (const auto& [connection, guest] : guests_) {
    guest->saving = false;
    if (guest->state == Guest::State::kOpen) standstill_.awaited.insert(connection);
  }
  context_.loop.cancel(std::exchange(rest_timer_, 0));
  if (standstill_.awaited.empty()) return go_on();
  records::Freeze freeze;
  freeze.patience_ms = settings_.kernel_limit_ms != 0
                           ? settings_.kernel_limit_ms + kPatienceMilliseconds
                           : kUnlimitedMilliseconds;
  worker_->send(make_record(Kind::kFreeze, 0, freeze));
  await_standstill(freeze.patience_ms + kGraceMilliseconds);
}

// A connection stands still: it gets room for its image.
void Vgpu::on_drafted(const records::Image& image) {
  const auto found = guests_.find(image.connection);
  const bool wanted = image.sketch != 0 ? standstill_.step == Standstill::Step::kSketching
                                        : standstill_.step == Standstill::Step::kFreezing;
  if (!wanted || !standstill_.awaited.contains(image.connection) || found == guests_.end()) return;
  Guest& guest = *found->second;
  if (guest.saving) return;  // it has its room, and the time for it
  // That of a sketch has room for all, unless the program has made much more since.
  if (guest.image && size_of_memory(guest.image.get()) < image.bytes) guest.image.reset();
  if (!guest.image) {
    // It may have become smaller since the first images were made.
    const uint64_t bound = settings_.memory_bytes + kMostImageExtra;
    const uint64_t most = bound - std::min(bound, image_bytes());
    if (image.bytes == 0 || image.bytes > most)
      return abandon_standstill(
          {ErrorCode::kNotStopped, "What it would have to keep is too much."});
    guest.image = make_sealed_memory("aliquot-image", image.bytes);
    if (!guest.image || !keep(guest, key_of(KeptKind::kImage, guest), guest.image.get()))
      return abandon_standstill(
          {ErrorCode::kNotStopped, "No memory or descriptors are left for it."});
    update_cgroup();
  }
  const records::Image room{size_of_memory(guest.image.get()), image.connection, image.sketch};
  worker_->send(make_record(Kind::kSave, 0, room), {guest.image.get()});
  guest.saving = true;
  await_standstill(kSaveMilliseconds);
}

void Vgpu::on_image_done(const records::ImageDone& done, const std::string& problem) {
  if (standstill_.step == Standstill::Step::kSketching ||
      standstill_.step == Standstill::Step::kFreezing) {
    // Of an image that an earlier standstill wanted, and gave up, nobody hears any more.
    const auto found = guests_.find(done.connection);
    if (found == guests_.end() || !std::exchange(found->second->saving, false)) return;
  }
  if (standstill_.awaited.erase(done.connection) == 0) return;
  if (problem.empty()) return go_on();
  switch (standstill_.step) {
    case Standstill::Step::kSketching:
    case Standstill::Step::kFreezing:
      return abandon_standstill({ErrorCode::kNotStopped, problem});
    case Standstill::Step::kArriving:
      return fail_arrival(
          {done.lacks != 0 ? ErrorCode::kLacksFeature : ErrorCode::kMoveFailed, problem});
    case Standstill::Step::kRestoring:
      worker_problem_ = problem;
      standstill_.lacks = done.lacks != 0;
      return worker_->kill("it couldn't restore what a guest process had");
    default:
      return;
  }
}

void Vgpu::on_freeze_failed(uint32_t connection, const std::string& reason) {
  if (standstill_.step != Standstill::Step::kFreezing &&
      standstill_.step != Standstill::Step::kSketching)
    return;
  if (standstill_.awaited.contains(connection))
    abandon_standstill({ErrorCode::kNotStopped, reason});
}

void Vgpu::go_on() {
  if (!standstill_.awaited.empty()) return;
  switch (standstill_.step) {
    case Standstill::Step::kSketching:
      if (standstill_.sketched) send_sketches();
      return;
    case Standstill::Step::kFreezing:
      if (somebody_departs()) return;  // its worker has yet to free what it had
      return standstill_.moves ? hand_over() : suspend_worker();
    case Standstill::Step::kArriving:
      return restore_arrivals();
    case Standstill::Step::kRestoring:
      return go_on_running();
    default:
      return;
  }
}

void Vgpu::suspend_worker() {
  context_.loop.cancel(std::exchange(standstill_.timer, 0));
  standstill_.step = Standstill::Step::kEnding;
  context_.turns.set_running(settings_.id, false);
  save();
  if (worker_ && worker_->running()) return worker_->dismiss("its vGPU is suspended");
  on_suspended();
}

// No worker runs any more: it ended as it should, or broke down while it restored.
void Vgpu::on_suspended() {
  const bool failed = standstill_.step == Standstill::Step::kRestoring;
  context_.loop.cancel(std::exchange(standstill_.timer, 0));
  standstill_.awaited.clear();
  for (auto& [connection, guest] : guests_)
    if (guest->state == Guest::State::kDeparting) erase(*guest);
  standstill_.step = Standstill::Step::kSuspended;
  context_.turns.rest(settings_.id);
  save();
  write_page();
  context_.log.line("vgpu=%llu is suspended", static_cast<unsigned long long>(settings_.id));
  const Refusal still{ErrorCode::kSuspended, "The vGPU " + settings_.name + " is suspended."};
  if (std::exchange(standstill_.resumes, false) && standstill_.asker) {
    resume(*std::exchange(standstill_.asker, std::nullopt));
    if (standstill_.step == Standstill::Step::kSuspended) fail_leases(still.code, still.text);
    return;
  }
  const std::string problem = worker_problem_.empty() ? "The worker ended." : worker_problem_;
  const Refusal lost{std::exchange(standstill_.lacks, false) ? ErrorCode::kLacksFeature
                                                             : ErrorCode::kWorkerStart,
                     problem};
  fail_leases((failed ? lost : still).code, (failed ? lost : still).text);
  settle_request(failed ? lost : Refusal{});
}

// It goes on as if nothing had been asked, or stays suspended.
void Vgpu::abandon_standstill(const Refusal& refusal) {
  context_.loop.cancel(std::exchange(standstill_.timer, 0));
  const bool runs = standstill_.step != Standstill::Step::kLeaving;
  standstill_.step = runs ? Standstill::Step::kRuns : Standstill::Step::kSuspended;
  standstill_.awaited.clear();
  standstill_.freezes = false;
  listener_.point_back();
  const bool moved = std::exchange(standstill_.moves, false);
  for (auto& [connection, guest] : guests_) {
    if (std::exchange(guest->handed_over, false) && guest->channel) {
      guest->channel->hold(false);
      if (guest->state == Guest::State::kGreeting) await_greeting(*guest);
    }
    // What the other device host may still write to is not this one's to empty.
    if (moved && runs && guest->image) {
      guest->image.reset();
      context_.link.forget(key_of(KeptKind::kImage, *guest));
    }
  }
  if (runs) drop_images();
  if (moved) events_.end_move();
  if (worker_ && worker_->running()) worker_->send(make_record(Kind::kThaw, 0));
  if (worker_ready_ && worker_ && !worker_->doomed()) let_in();
  settle_request(refusal);
  retry_waiting();
  close_if_unused();
}

void Vgpu::settle_request(const Refusal& refusal) {
  if (!standstill_.asker) return;
  const Asker asker = *std::exchange(standstill_.asker, std::nullopt);
  events_.settled(asker, refusal);
}

void Vgpu::drop_images() {
  for (auto& [connection, guest] : guests_)
    if (guest->image) keep(std::move(guest->image), key_of(KeptKind::kImage, *guest));
  update_cgroup();
}

void Vgpu::resume(const Asker& asker) {
  if (!stands_still()) return events_.settled(asker, {});
  if (standstill_.step == Standstill::Step::kEnding && !standstill_.asker) {
    // A device host died while it was being resumed, and this is asked for again.
    standstill_.asker = asker;
    standstill_.resumes = true;
    return;
  }
  if (standstill_.step != Standstill::Step::kSuspended)
    return events_.settled(asker, {ErrorCode::kNotStopped,
                                   "The vGPU is being suspended, resumed or moved already."});
  take_back_unspent();
  if (context_.ledger.shelved(settings_.id))
    return events_.settled(
        asker, {ErrorCode::kMemoryUnavailable,
                "The vGPU's programs hold " + std::to_string(context_.ledger.lent(settings_.id)) +
                    " bytes, and " + std::to_string(settings_.memory_bytes) +
                    " are reserved for it: it needs that much before it can go on."});
  standstill_.step = Standstill::Step::kRestoring;
  standstill_.asker = asker;
  if (!in_use()) return go_on_running();
  std::string problem;
  if (start_worker(problem)) return await_standstill(kRestoreMilliseconds);
  standstill_.step = Standstill::Step::kSuspended;
  settle_request({ErrorCode::kWorkerStart, problem});
}

// The new worker is ready: it hears of all that the first one knew.
void Vgpu::restore_guests() {
  for (auto& [number, guest] : guests_)
    if (guest->state == Guest::State::kOpen) restore(*guest, false, 0);
  update_cgroup();
  go_on();
}

// `again`: the worker knows the connection already, from a sketch.
void Vgpu::restore(Guest& guest, bool again, uint32_t sketch) {
  const uint32_t number = guest.connection;
  standstill_.awaited.insert(number);
  records::Connect connect;
  connect.connection = number;
  connect.process_id = static_cast<uint32_t>(guest.peer.process);
  connect.parked = 1;
  if (!again) worker_->send(make_record(Kind::kConnect, 0, connect), {guest.memory.get()});
  for (const auto& [id, arena] : guest.arenas) {
    const records::Arena told{arena.bytes, number, id, arena.purpose};
    worker_->send(make_record(Kind::kArena, 0, told), {arena.memory.get()});
  }
  const records::Image image{size_of_memory(guest.image.get()), number, sketch};
  worker_->send(make_record(Kind::kRestore, 0, image), {guest.image.get()});
}

void Vgpu::go_on_running() {
  if (worker_ && !worker_ready_) return;
  context_.loop.cancel(std::exchange(standstill_.timer, 0));
  standstill_.step = Standstill::Step::kRuns;
  save();  // before anything goes on, which no image knows of
  drop_images();
  context_.log.line("vgpu=%llu goes on", static_cast<unsigned long long>(settings_.id));
  if (worker_) {
    worker_->send(make_record(Kind::kThaw, 0));
    context_.turns.set_running(settings_.id, guest_processes() != 0);
    let_in();
  }
  for (auto& [connection, guest] : guests_)
    if (guest->account.descriptor() >= 0) guest->account.set_memory_limit(settings_.memory_bytes);
  retry_waiting();
  write_page();
  settle_request({});
  retry_waiting();
  close_if_unused();
}

}  // namespace aliquot
