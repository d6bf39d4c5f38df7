// The end of a connection: everything is given back, after the last running kernel.
#include <time.h>

#include "worker/connection.h"

namespace aliquot::worker {

namespace {
void pause_ms(long milliseconds) {
  const timespec pause{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  nanosleep(&pause, nullptr);
}
}  // namespace

void Connection::give_up_user_events() {
  events_.for_each([&](uint32_t, EventObject& object) {
    if (object.user) set_user_event(object, context_.driver.given_up_status);
  });
}

void Connection::finish_queues() {
  queues_.for_each([&](uint32_t, QueueObject& object) { calls_.clFlush(object.queue); });
  queues_.for_each([&](uint32_t, QueueObject& object) { calls_.clFinish(object.queue); });
  for (const QueueObject& closing : closing_queues_) calls_.clFinish(closing.queue);
  // Whatever the driver means by that: nothing is freed under a command that has not ended.
  for_each_progress([](QueueProgress& progress) {
    while (!progress.prune()) pause_ms(1);
  });
}

void Connection::release_objects() {
  hidden_ = nullptr;
  const auto release_all = [](auto& table, auto release) {
    std::vector<uint32_t> ids;
    ids.reserve(table.count());
    table.for_each([&](uint32_t id, auto&) { ids.push_back(id); });
    for (const uint32_t id : ids) release(id);
  };
  release_all(events_, [&](uint32_t id) { release_event(id); });
  release_all(kernels_table_, [&](uint32_t id) { release_kernel(id); });
  release_all(programs_, [&](uint32_t id) { release_program(id); });
  for_each_progress([](QueueProgress& progress) { progress.retire(); });
  release_all(queues_, [&](uint32_t id) { release_queue(id); });
  for (QueueObject& closing : closing_queues_) let_go(closing);
  closing_queues_.clear();
  release_all(buffers_, [&](uint32_t id) { release_buffer(id); });
  release_all(contexts_, [&](uint32_t id) { release_context(id); });
  release_all(devices_, [&](uint32_t id) { release_device(id); });
}

void Connection::tear_down() {
  if (torn_down_) return;
  torn_down_ = true;
  publisher_->close();
  poll_.forget();
  // A build may take long: it goes on by itself, with what it needs, and all else is freed.
  build_replies_->close();
  builder_.stop();
  fail_paced();
  give_up_user_events();
  finish_queues();
  release_objects();
  queue_slots_.clear();
  if (context_.gate != nullptr) context_.gate->left(id_);
  // Drivers free buffers of finished commands a moment later, in threads of their own.
  constexpr int kMostWaits = 90;
  for (int i = 0; i < kMostWaits && bytes_held_->load() != 0; ++i) {
    pause_ms(1);
  }
  arenas_.close();
  if (!builder_.leave(context_.builds_left_behind)) builder_.finish();
  if (context_.prints != nullptr) context_.prints->forget(publisher_.get());
}

}  // namespace aliquot::worker
