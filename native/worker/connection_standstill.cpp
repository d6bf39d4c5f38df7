// How a connection comes to stand still between two commands, so that another worker can go on
// where it stopped; and how it goes on itself.
#include <time.h>

#include <chrono>

#include "worker/connection.h"
#include "worker/futex.h"

namespace aliquot::worker {

namespace {
constexpr uint64_t kLookAgainNs = 1'000'000;
constexpr long kDrainPauseNs = 50'000;
}  // namespace

// Returns when commands may be carried out, or the connection ends.
void Connection::attend() {
  while (!stop_.load()) {
    if (std::optional<Order> order = orders_.take()) {
      carry_out(*order);
    } else if (parked_.load()) {
      orders_.wait(std::chrono::seconds(1));
    } else if (freeze_until_ns_ == 0) {
      return;
    } else if (const char* reason = obstacle()) {
      // Further commands may clear it.
      if (now_ns() < freeze_until_ns_) return ring_.attend_at(now_ns() + kLookAgainNs);
      freeze_failed(reason);
    } else if (drained()) {
      try_to_freeze();
    } else if (now_ns() < freeze_until_ns_) {
      const timespec pause{0, kDrainPauseNs};
      nanosleep(&pause, nullptr);
    } else {
      freeze_failed("A kernel runs.");
    }
  }
}

void Connection::carry_out(Order& order) {
  switch (order.kind) {
    case Order::Kind::kSketch: {
      draft_ = std::make_unique<ImageDraft>();
      std::string reason;
      if (!draft(true, *draft_, reason)) return freeze_failed(reason);
      return context_.host.drafted(id_, draft_->header.bytes, true);
    }
    case Order::Kind::kFreeze:
      if (parked_.load()) return;
      freeze_until_ns_ = now_ns() + uint64_t{order.patience_ms} * 1'000'000;
      return;
    case Order::Kind::kSave:
      return context_.host.image_done(id_, map_and_save(order));
    case Order::Kind::kRestore:
      if (!parked_.load()) return context_.host.image_done(id_, "The connection is in use.");
    {
      bool lacks = false;
      const std::string problem = restore(order.image.get(), order.bytes, lacks);
      return context_.host.image_done(id_, problem, lacks);
    }
    case Order::Kind::kThaw:
      freeze_until_ns_ = 0;
      ring_.attend_at(0);
      draft_.reset();
      restoration_.reset();
      parked_.store(false);
      return;
  }
}

void Connection::freeze_failed(const std::string& reason) {
  freeze_until_ns_ = 0;
  ring_.attend_at(0);
  draft_.reset();
  context_.host.freeze_failed(id_, reason);
}

// What can't be taken along, as long as it lasts.
const char* Connection::obstacle() {
  if (paced_.any()) return "Copies wait for the vGPU's limit of copies.";
  if (blocked_.holds_commands()) return "Commands wait for a user event.";
  return builder_.idle() ? nullptr : "A program is being built.";
}

// Whether nothing is under way; pushes on what is.
bool Connection::drained() {
  if (hidden_ != nullptr) cover_hidden(*hidden_);
  queues_.for_each([&](uint32_t, QueueObject& queue) {
    if (queue.evented != queue.commands) add_marker(queue);
    calls_.clFlush(queue.queue);
  });
  release_ended_queues();
  bool idle = closing_queues_.empty();
  for_each_progress([&](QueueProgress& progress) { idle = progress.prune() && idle; });
  return idle;
}

void Connection::try_to_freeze() {
  // All that was promised is told now; of what the driver's callbacks tell later, nothing is news.
  poll_.forget();
  publisher_->drain_prints();
  for_each_progress([](QueueProgress& progress) { progress.recheck(); });
  events_.for_each([](uint32_t, EventObject& object) {
    if (object.watch != nullptr && object.event != nullptr && !object.past)
      object.watch->watch(object.event, 0, 0);
  });
  draft_ = std::make_unique<ImageDraft>();
  std::string reason;
  if (!draft(false, *draft_, reason)) return freeze_failed(reason);
  freeze_until_ns_ = 0;
  ring_.attend_at(0);
  parked_.store(true);
  if (context_.gate != nullptr) context_.gate->left(id_);  // nothing follows for a while
  context_.host.drafted(id_, draft_->header.bytes, false);
}

std::string Connection::map_and_save(const Order& order) {
  Mapping image;
  if (draft_ == nullptr || order.bytes != draft_->header.bytes ||
      !image.map(order.image.get(), order.bytes)) {
    return "The image's memory can't be used.";
  }
  draft_->write(image.data());
  const std::string problem =
      draft_->header.sketch != 0 ? std::string() : save(*draft_, image.data());
  if (draft_->header.sketch != 0) draft_.reset();
  return problem;
}

}  // namespace aliquot::worker
