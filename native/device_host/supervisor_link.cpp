#include "device_host/supervisor_link.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "device_host/supervisor_orders.h"
#include "protocol/socket.h"

namespace aliquot {

namespace {
constexpr int kTryMilliseconds = 10;
constexpr int kTries = 1000;
// Too many descriptors under way to this user are no room, either, though the socket has some. A
// tenant may see to that, so it isn't waited for long.
constexpr int kTriesWithDescriptor = 20;
constexpr useconds_t kNapMicroseconds = 500;
constexpr int kAnswerMilliseconds = 10000;
}  // namespace

SupervisorLink::~SupervisorLink() { loop_.unwatch(token_); }

void SupervisorLink::open(Descriptor socket) {
  socket_ = std::move(socket);
  token_ = loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { receive(); });
}

template <class Payload>
bool SupervisorLink::send(orders::Order order, const Payload& payload, int descriptor) {
  const records::Record record = make_record(orders::kind_of(order), ++sequence_, payload);
  const size_t count = descriptor >= 0 ? 1 : 0;
  int naps = 0;
  for (int left = kTries; socket_ && left > 0; --left) {
    const SocketResult result = send_record(socket_.get(), record, &descriptor, count);
    if (result == SocketResult::kOk) return true;
    if (result != SocketResult::kWouldBlock) return false;
    if (errno == ETOOMANYREFS) {
      if (++naps > kTriesWithDescriptor) return false;
      ::usleep(kNapMicroseconds);
      continue;
    }
    pollfd room{socket_.get(), POLLOUT, 0};
    ::poll(&room, 1, kTryMilliseconds);
  }
  return false;
}

template <class Payload>
bool SupervisorLink::ask(orders::Order order, const Payload& payload, int descriptor) {
  if (!send(order, payload, descriptor)) return false;
  for (int waited = 0; waited < kAnswerMilliseconds; waited += kTryMilliseconds) {
    pollfd answer{socket_.get(), POLLIN, 0};
    if (::poll(&answer, 1, kTryMilliseconds) <= 0) continue;
    records::Record record;
    DescriptorList descriptors;
    const SocketResult result = receive_record(socket_.get(), record, descriptors);
    if (result == SocketResult::kWouldBlock) continue;
    if (result != SocketResult::kOk) return false;
    if (orders::order_of(record) == orders::kAnswer) {
      if (record.header.sequence != sequence_) continue;
      return payload_of<orders::Answer>(record).done != 0;
    }
    // The end of a worker is told in the loop, never within a call.
    const auto end = payload_of<orders::Worker>(record);
    loop_.schedule(0, [this, end] { on_end(end.process, end.status); });
  }
  return false;
}

bool SupervisorLink::keep(const KeptKey& key, int descriptor, uint64_t note) {
  return !is_open() || send(orders::kKeep, orders::Keep{key, note}, descriptor);
}

bool SupervisorLink::keep_page(const KeptKey& key, int descriptor) {
  return !is_open() || ask(orders::kKeepPage, orders::Keep{key, 0}, descriptor);
}

void SupervisorLink::forget(const KeptKey& key) {
  if (is_open()) send(orders::kForget, orders::Keep{key, 0});
}

void SupervisorLink::rename(const KeptKey& from, const KeptKey& to) {
  if (is_open()) send(orders::kRename, orders::Rename{from, to});
}

void SupervisorLink::add_worker(pid_t worker, std::function<void(int status)> ended) {
  workers_[worker] = std::move(ended);
  send(orders::kWorker, orders::Worker{worker, 0});
}

void SupervisorLink::remove_worker(pid_t worker) {
  if (workers_.erase(worker) != 0) send(orders::kReleased, orders::Worker{worker, 0});
}

void SupervisorLink::kill_worker(pid_t worker) {
  if (is_open()) send(orders::kKill, orders::Worker{worker, 0});
}

bool SupervisorLink::kill_orphans() {
  return is_open() && ask(orders::kKillOrphans, orders::Answer{});
}

void SupervisorLink::receive() {
  for (;;) {
    records::Record record;
    DescriptorList unwanted;
    const SocketResult result = receive_record(socket_.get(), record, unwanted);
    if (result == SocketResult::kWouldBlock) return;
    if (result != SocketResult::kOk) {  // this process is about to die, too
      loop_.unwatch(std::exchange(token_, 0));
      return;
    }
    if (orders::order_of(record) != orders::kEnded) continue;
    const auto end = payload_of<orders::Worker>(record);
    on_end(end.process, end.status);
  }
}

void SupervisorLink::on_end(pid_t worker, int status) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) {  // another device host had noticed that, and died
    send(orders::kReleased, orders::Worker{worker, 0});
    return;
  }
  const auto ended = std::move(found->second);
  remove_worker(worker);
  ended(status);
}

}  // namespace aliquot
