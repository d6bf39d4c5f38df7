// The worker's way to its device host: records, from any thread.
#pragma once

#include <mutex>
#include <string>

#include "protocol/records.h"

namespace aliquot::worker {

/// What connections report. Tests put their own in its place.
class HostLink {
 public:
  virtual ~HostLink() = default;
  virtual void send(const records::Record& record) = 0;

  void ready(bool shared_pages);
  void failed(const char* text);
  void gone(uint32_t connection);
  void arena_dropped(uint32_t connection, uint32_t arena, uint64_t bytes);
  void violation(uint32_t connection, const char* text);
  void overrun(uint32_t connection, uint32_t milliseconds, const char* kernel);
  void pong(uint32_t sequence);
  void work(uint64_t host_ns);
  void memory(uint32_t sequence, uint64_t used);
  void status(const records::WorkerStatus& status);
  void unsplit(const records::UnsplitKernel& kernel);
  void queues_told(uint32_t sequence, const records::QueuesTold& told);
  void drafted(uint32_t connection, uint64_t bytes, bool sketch);
  /// `problem` empty: all went well. `lacks`: it is something that is not had here.
  void image_done(uint32_t connection, const std::string& problem, bool lacks = false);
  void freeze_failed(uint32_t connection, const std::string& reason);
  void turn_wanted();
  void turn_finished(const records::TurnFinished& finished);
};

/// Over the socket pair. A device host that reads nothing for a second is given up: the record is
/// lost, and the device host will find out by other means.
class SocketHostLink : public HostLink {
 public:
  explicit SocketHostLink(int socket) : socket_(socket) {}
  void send(const records::Record& record) override;

 private:
  std::mutex mutex_;
  int socket_;
};

}  // namespace aliquot::worker
