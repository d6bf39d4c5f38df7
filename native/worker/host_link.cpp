#include "worker/host_link.h"

#include <poll.h>

#include "protocol/socket.h"

namespace aliquot::worker {

using records::Kind;

void HostLink::ready(bool shared_pages) {
  records::WorkerReady payload;
  payload.shared_pages = shared_pages ? 1 : 0;
  send(make_record(Kind::kWorkerReady, 0, payload));
}

void HostLink::failed(const char* text) {
  records::Error payload;
  payload.code = records::ErrorCode::kWorkerStart;
  copy_text(payload.text, sizeof payload.text, text);
  send(make_record(Kind::kWorkerFailed, 0, payload));
}

void HostLink::gone(uint32_t connection) {
  records::ConnectionReference payload;
  payload.connection = connection;
  send(make_record(Kind::kGone, 0, payload));
}

void HostLink::arena_dropped(uint32_t connection, uint32_t arena, uint64_t bytes) {
  records::Arena payload;
  payload.connection = connection;
  payload.arena = arena;
  payload.bytes = bytes;
  send(make_record(Kind::kArenaDropped, 0, payload));
}

void HostLink::violation(uint32_t connection, const char* text) {
  records::Violation payload;
  payload.connection = connection;
  copy_text(payload.text, sizeof payload.text, text);
  send(make_record(Kind::kViolation, 0, payload));
}

void HostLink::overrun(uint32_t connection, uint32_t milliseconds, const char* kernel) {
  records::KernelOverrun payload;
  payload.connection = connection;
  payload.milliseconds = milliseconds;
  copy_text(payload.kernel, sizeof payload.kernel, kernel);
  send(make_record(Kind::kKernelOverrun, 0, payload));
}

void HostLink::pong(uint32_t sequence) { send(make_record(Kind::kPong, sequence)); }

void HostLink::work(uint64_t host_ns) {
  records::Work payload;
  payload.host_ns = host_ns;
  send(make_record(Kind::kWork, 0, payload));
}

void HostLink::memory(uint32_t sequence, uint64_t used) {
  send(make_record(Kind::kMemory, sequence, records::Memory{used}));
}

void HostLink::status(const records::WorkerStatus& status) {
  send(make_record(Kind::kWorkerStatus, 0, status));
}

void HostLink::unsplit(const records::UnsplitKernel& kernel) {
  send(make_record(Kind::kUnsplitKernel, 0, kernel));
}

void HostLink::queues_told(uint32_t sequence, const records::QueuesTold& told) {
  send(make_record(Kind::kQueuesTold, sequence, told));
}

void HostLink::drafted(uint32_t connection, uint64_t bytes, bool sketch) {
  send(make_record(Kind::kDrafted, 0, records::Image{bytes, connection, sketch ? 1u : 0u}));
}

void HostLink::image_done(uint32_t connection, const std::string& problem, bool lacks) {
  records::ImageDone payload;
  payload.connection = connection;
  payload.lacks = lacks ? 1 : 0;
  copy_text(payload.text, sizeof payload.text, problem.c_str());
  send(make_record(Kind::kImageDone, 0, payload));
}

void HostLink::freeze_failed(uint32_t connection, const std::string& reason) {
  records::Violation payload;
  payload.connection = connection;
  copy_text(payload.text, sizeof payload.text, reason.c_str());
  send(make_record(Kind::kFreezeFailed, 0, payload));
}

void HostLink::turn_wanted() { send(make_record(Kind::kTurnWanted, 0)); }

void HostLink::turn_finished(const records::TurnFinished& finished) {
  send(make_record(Kind::kTurnFinished, 0, finished));
}

void SocketHostLink::send(const records::Record& record) {
  // A device host that died is back in a moment; on a busy machine that may be a long one.
  constexpr int kAttempts = 1000;
  constexpr int kAttemptMs = 10;
  const std::lock_guard guard(mutex_);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (send_record(socket_, record) != SocketResult::kWouldBlock) return;
    pollfd wait{socket_, POLLOUT, 0};
    poll(&wait, 1, kAttemptMs);
  }
}

}  // namespace aliquot::worker
