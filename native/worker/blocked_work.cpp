#include "worker/blocked_work.h"

#include <algorithm>
#include <utility>

namespace aliquot::worker {

BlockedWork::~BlockedWork() {
  for (const Handle& block : pending_) {
    block->waits_for.clear();  // or the last one would take all others along, one inside the other
    if (block->command.event != nullptr) calls_.clReleaseEvent(block->command.event);
  }
}

BlockedWork::Handle BlockedWork::add_user_event() {
  ++user_events_;
  return std::make_shared<Block>();
}

BlockedWork::Handle BlockedWork::add(Handles waits_for, Command command) {
  auto block = std::make_shared<Block>();
  block->waits_for = std::move(waits_for);
  block->command = std::move(command);
  if (block->command.event != nullptr) calls_.clRetainEvent(block->command.event);
  pending_.push_back(block);
  return block;
}

BlockedWork::Handle BlockedWork::join(const Handle& first, const Handle& second) {
  Handles both;
  gather(first, both);
  gather(second, both);
  return both.size() == 1 ? both.front() : add(std::move(both), {});
}

// Nothing waits for what came later, so once through them is enough.
std::vector<BlockedWork::Command> BlockedWork::open(const Handle& user_event) {
  user_event->open = true;
  --user_events_;
  std::vector<Command> begun;
  size_t kept = 0;
  for (size_t place = 0; place < pending_.size(); ++place) {
    Block& block = *pending_[place];
    if (!std::ranges::all_of(block.waits_for, [](const Handle& other) { return other->open; })) {
      std::swap(pending_[kept++], pending_[place]);
      continue;
    }
    block.open = true;
    block.waits_for.clear();
    if (block.command.lane != nullptr) {
      begun.push_back(std::move(block.command));
    } else if (block.command.event != nullptr) {
      calls_.clReleaseEvent(block.command.event);
    }
  }
  pending_.resize(kept);
  return begun;
}

}  // namespace aliquot::worker
