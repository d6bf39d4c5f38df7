#include "worker/server.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "worker/queue_report.h"

namespace aliquot::worker {

using records::Kind;

Server::Server(const Options& options, const Driver& driver, PrintCapture* prints)
    : options_(options),
      driver_(driver),
      host_(options.socket),
      watchdog_(options.kernel_limit_ms, host_),
      gate_(driver, host_),
      context_{driver, std::make_shared<MemoryQuota>(options.memory_limit), host_, watchdog_,
               prints, options.device_type} {
  context_.gate = &gate_;
  context_.shared_pages = driver_.unified_memory && (options_.flags & records::kStaged) == 0;
  context_.splits = (options.flags & records::kNoSplit) == 0;
}

Server::~Server() { watchdog_.stop(); }

int Server::serve() {
  const auto after_look = [this] {
    gate_.prune();
    report_status();
    report_queues();
  };
  if (!watchdog_.start(after_look)) {
    host_.failed("No thread is to be had for the watchdog.");
    return 1;
  }
  host_.ready(context_.shared_pages);
  constexpr uint64_t kReapNs = 2'000'000;
  for (;;) {
    bool leaving = false;
    for (auto& [id, entry] : connections_) leaving = leaving || entry.leaving;
    uint64_t patience = gate_.look();
    if (leaving) patience = patience != 0 ? std::min(patience, kReapNs) : kReapNs;
    const timespec limit{static_cast<time_t>(patience / 1'000'000'000),
                         static_cast<long>(patience % 1'000'000'000)};
    pollfd waits[] = {{options_.socket, POLLIN, 0}, {gate_.bell(), POLLIN, 0}};
    if (ppoll(waits, 2, patience != 0 ? &limit : nullptr, nullptr) < 0 && errno != EINTR) return 1;
    if (leaving) reap();
    if (waits[0].revents != 0 && !read_records()) break;
  }
  gate_.hang_up();
  // The guest processes must not wait for this one. What they had goes with the process.
  for (auto& [id, entry] : connections_) entry.connection->close_memory();
  return 0;
}

bool Server::read_records() {
  for (;;) {
    records::Record record;
    DescriptorList descriptors;
    switch (receive_record(options_.socket, record, descriptors)) {
      case SocketResult::kWouldBlock:
        return true;
      case SocketResult::kClosed:
        return false;
      case SocketResult::kMalformed:
        continue;
      case SocketResult::kOk:
        handle(record, descriptors);
    }
  }
}

void Server::handle(const records::Record& record, DescriptorList& descriptors) {
  if (record.header.version != records::kVersion) return;
  switch (record.header.kind) {
    case Kind::kConnect:
      return connect(payload_of<records::Connect>(record), descriptors.items[0]);
    case Kind::kArena:
      return add_arena(payload_of<records::Arena>(record), descriptors.items[0]);
    case Kind::kDisconnect: {
      const auto payload = payload_of<records::ConnectionReference>(record);
      const auto place = connections_.find(payload.connection);
      if (place == connections_.end()) return host_.gone(payload.connection);
      place->second.leaving = true;
      place->second.connection->stop();
      return;
    }
    case Kind::kReports:
      return take_reports(descriptors.items[0]);
    case Kind::kFreeze: {
      const auto wanted = payload_of<records::Freeze>(record);
      const auto kind = wanted.sketch != 0 ? Order::Kind::kSketch : Order::Kind::kFreeze;
      for (auto& [id, entry] : connections_)
        if (!entry.leaving) entry.connection->order({kind, wanted.patience_ms, {}, 0});
      return;
    }
    case Kind::kThaw:
      for (auto& [id, entry] : connections_)
        if (!entry.leaving) entry.connection->order({Order::Kind::kThaw, 0, {}, 0});
      return;
    case Kind::kSave:
    case Kind::kRestore: {
      const auto image = payload_of<records::Image>(record);
      const auto place = connections_.find(image.connection);
      if (place == connections_.end() || place->second.leaving) return;
      const bool saves = record.header.kind == Kind::kSave;
      place->second.connection->order({saves ? Order::Kind::kSave : Order::Kind::kRestore, 0,
                                       std::move(descriptors.items[0]), image.bytes});
      return;
    }
    case Kind::kTurnPage:
      return take_turn_page(descriptors.items[0]);
    case Kind::kTurnRecall:
      return gate_.recall();
    case Kind::kPing:
      return host_.pong(record.header.sequence);
    case Kind::kAskWork:
      return host_.work(host_work_ns());
    case Kind::kAskQueues:
      // Not here: this thread answers whatever the driver does.
      queues_asked_.store(record.header.sequence);
      return watchdog_.raise();
    case Kind::kAskMemory:
      return host_.memory(record.header.sequence, context_.quota->used());
    default:
      return;  // of a newer device host; nothing that this worker promised to answer
  }
}

void Server::connect(const records::Connect& payload, Descriptor& memory) {
  // Told twice: the device host died in between.
  if (connections_.contains(payload.connection)) return;
  auto mapping = std::make_shared<Mapping>();
  if (connections_.size() >= kMostConnections || !memory ||
      !mapping->map(memory.get(), layout::kConnectionBytes)) {
    return host_.violation(payload.connection, "The worker can't take the connection.");
  }
  auto* shared = reinterpret_cast<layout::ConnectionMemory*>(mapping->data());
  auto connection = std::make_shared<Connection>(
      context_, payload.connection, std::shared_ptr<layout::ConnectionMemory>(mapping, shared));
  if (!connection->start(payload.parked != 0)) {
    connection->close_memory();
    return host_.violation(payload.connection, "The worker has no thread left for a connection.");
  }
  const std::lock_guard guard(mutex_);
  connections_[payload.connection].connection = std::move(connection);
}

// What its maker says of other devices. It changes only what guest processes are told.
void Server::take_reports(const Descriptor& memory) {
  struct stat status {};
  if (!memory || fstat(memory.get(), &status) != 0 || status.st_size <= 0 ||
      static_cast<uint64_t>(status.st_size) > records::kMostReportBytes) {
    return;
  }
  std::vector<unsigned char> bytes(static_cast<size_t>(status.st_size));
  auto reports = std::make_shared<OtherReports>();
  if (pread(memory.get(), bytes.data(), bytes.size(), 0) != status.st_size ||
      !read_reports(bytes, *reports)) {
    return host_.failed("The reports of other devices are none.");
  }
  context_.other_reports = std::move(reports);
}

void Server::take_turn_page(const Descriptor& page) {
  struct stat status {};
  if (!page || fstat(page.get(), &status) != 0 ||
      status.st_size < static_cast<off_t>(turns::kTurnPageSize)) {
    return;
  }
  void* data = mmap(nullptr, turns::kTurnPageSize, PROT_READ, MAP_SHARED, page.get(), 0);
  if (data == MAP_FAILED) return host_.failed("The turn page can't be mapped.");
  const std::shared_ptr<const turns::TurnPage> shared(
      static_cast<const turns::TurnPage*>(data),
      [data](const turns::TurnPage*) { munmap(data, turns::kTurnPageSize); });
  // Told twice, because the device host died in between, it is the same page.
  if (!std::exchange(has_page_, true)) context_.quota->follow({shared, &shared->memory_limit});
  gate_.use(shared);
}

void Server::add_arena(const records::Arena& payload, Descriptor& arena) {
  const auto place = connections_.find(payload.connection);
  if (place == connections_.end() || !arena) return;
  const uint32_t connection = payload.connection;
  HostLink& host = host_;
  place->second.connection->arenas().add(
      payload.arena, arena.get(), payload.bytes, [&host, connection](const Arena& dropped) {
        host.arena_dropped(connection, dropped.id, dropped.mapping.bytes());
      });
}

// Tells the device host of each connection whose last kernel has ended and whose memory is free.
void Server::reap() {
  for (auto place = connections_.begin(); place != connections_.end();) {
    Entry& entry = place->second;
    if (!entry.leaving || !entry.connection->finished()) {
      if (entry.leaving) entry.connection->stop();  // a wake-up may have been lost
      ++place;
      continue;
    }
    entry.connection->join();
    const uint32_t id = place->first;
    {
      const std::lock_guard guard(mutex_);
      past_kernels_ += entry.connection->kernels();
      place = connections_.erase(place);
    }
    host_.gone(id);
  }
}

void Server::report_status() {
  records::WorkerStatus status;
  {
    const std::lock_guard guard(mutex_);
    status.kernels = past_kernels_;
    for (const auto& [id, entry] : connections_) status.kernels += entry.connection->kernels();
  }
  const TurnWindow::Copies copies = gate_.copies();
  status.copied_bytes = copies.bytes;
  status.copy_ns = copies.ns;
  for (const records::UnsplitKernel& kernel : gate_.take_changed_unsplit_kernels()) {
    host_.unsplit(kernel);
  }
  if (status.kernels == reported_.kernels && status.copied_bytes == reported_.copied_bytes) return;
  reported_ = status;
  host_.status(status);
}

void Server::report_queues() {
  const uint32_t question = queues_asked_.exchange(0);
  if (question == 0) return;
  for (const records::QueuesTold& told : tell_queues(watchdog_, now_ns())) {
    host_.queues_told(question, told);
  }
}

}  // namespace aliquot::worker
