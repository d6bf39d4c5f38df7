#include "device_host/record_channel.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "device_host/state_entries.h"

namespace aliquot {

namespace {
// A peer that talks without pause must not keep the others waiting.
constexpr int kRecordsARound = 16;
constexpr uint64_t kPauseMilliseconds = 10;
}  // namespace

RecordChannel::RecordChannel(EventLoop& loop, Descriptor socket, size_t most_queued,
                             OnRecord on_record, OnClosed on_closed, const Keeping& keeping)
    : loop_(loop),
      socket_(std::move(socket)),
      most_queued_(most_queued),
      on_record_(std::move(on_record)),
      on_closed_(std::move(on_closed)),
      keeping_(keeping) {
  token_ = loop_.watch(socket_.get(), EPOLLIN | EPOLLRDHUP,
                       [this](uint32_t events) { on_ready(events); });
  if (token_ == 0) socket_.reset();
}

RecordChannel::~RecordChannel() { close(); }

void RecordChannel::close() {
  loop_.unwatch(std::exchange(token_, 0));
  loop_.cancel(std::exchange(pause_, 0));
  if (!socket_) return;
  // The supervisor has the socket open, too.
  ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
  forget_queue();
  if (keeping_.link != nullptr) keeping_.link->forget(keeping_.key);
}

void RecordChannel::hold(bool held) {
  if (!open()) return;
  loop_.unwatch(std::exchange(token_, 0));
  loop_.cancel(std::exchange(pause_, 0));
  if (held) return;
  token_ = loop_.watch(socket_.get(),
                       EPOLLIN | EPOLLRDHUP | (queue_.empty() ? 0 : unsigned{EPOLLOUT}),
                       [this](uint32_t events) { on_ready(events); });
}

void RecordChannel::let_go() {
  hold(true);
  if (!open()) return;
  socket_.reset();
  forget_queue();
  if (keeping_.link != nullptr) keeping_.link->forget(keeping_.key);
}

Descriptor RecordChannel::take_descriptor(size_t place) {
  if (received_ == nullptr || place >= received_->count) return Descriptor();
  return std::move(received_->items[place]);
}

void RecordChannel::forget_queue() {
  for (Queued& queued : queue_)
    if (keeping_.state != nullptr) keeping_.state->erase(queued.slot);
  queue_.clear();
}

void RecordChannel::drain() {
  // A dead peer's socket holds what its buffer held, so this ends.
  for (int round = 0; round < 256 && open(); ++round) receive();
}

void RecordChannel::give_up(const char* reason) {
  if (!open()) return;
  close();
  if (on_closed_) on_closed_(reason);
}

void RecordChannel::on_ready(uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush();
  if (open() && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) receive();
}

void RecordChannel::receive() {
  for (int round = 0; round < kRecordsARound && open(); ++round) {
    Hand hand(keeping_.state, keeping_.key);
    DescriptorList descriptors;  // most are unwanted, and closed
    switch (receive_record(socket_.get(), hand.record(), descriptors)) {
      case SocketResult::kOk:
        received_ = &descriptors;
        on_record_(hand.record());
        received_ = nullptr;
        break;
      case SocketResult::kWouldBlock:
        return;
      case SocketResult::kClosed:
        return give_up("hung up");
      case SocketResult::kMalformed:
        return give_up("sent what is no record");
    }
  }
}

void RecordChannel::send(const records::Record& record, const std::vector<int>& descriptors) {
  if (!open()) return;
  if (queue_.empty()) {
    switch (send_record(socket_.get(), record, descriptors.data(), descriptors.size())) {
      case SocketResult::kOk:
        return;
      case SocketResult::kWouldBlock:
        break;
      default:
        // The end of the stream will be read in its turn, after what the peer still sent.
        return;
    }
  }
  if (queue_.size() >= most_queued_) return give_up("doesn't read its socket");
  if (!queue(record, descriptors))
    return give_up("has to wait for a descriptor, and none is left to keep it");
  if (pause_ == 0) loop_.change(token_, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
}

bool RecordChannel::queue(const records::Record& record, const std::vector<int>& descriptors) {
  Queued queued;
  queued.record = record;
  for (const int descriptor : descriptors) {
    queued.descriptors.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
    if (!queued.descriptors.back()) return false;
  }
  if (keeping_.state != nullptr)
    keeping_.state->save(queued.slot, QueueEntry{keeping_.key, ++queued_, record});
  queue_.push_back(std::move(queued));
  return true;
}

void RecordChannel::flush() {
  bool sent_any = false;
  while (!queue_.empty()) {
    Queued& next = queue_.front();
    int descriptors[kMostDescriptors];
    size_t count = 0;
    for (const Descriptor& descriptor : next.descriptors) descriptors[count++] = descriptor.get();
    switch (send_record(socket_.get(), next.record, descriptors, count)) {
      case SocketResult::kOk:
        if (keeping_.state != nullptr) keeping_.state->erase(next.slot);
        queue_.pop_front();
        sent_any = true;
        break;
      case SocketResult::kWouldBlock:
        if (sent_any) return;
        // There is room in the socket, and yet it takes nothing: too many descriptors are under way
        // to this user. Nothing tells when that ends, and waiting for room would find no rest.
        loop_.change(token_, EPOLLIN | EPOLLRDHUP);
        pause_ = loop_.schedule(kPauseMilliseconds, [this] {
          pause_ = 0;
          loop_.change(token_, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
        });
        return;
      default:
        forget_queue();
    }
  }
  loop_.change(token_, EPOLLIN | EPOLLRDHUP);
}

}  // namespace aliquot
