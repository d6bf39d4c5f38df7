// A listening record socket in the event loop: hands over whoever connects.
#pragma once

#include <functional>
#include <string>

#include "device_host/event_loop.h"
#include "device_host/supervisor_link.h"
#include "protocol/socket.h"

namespace aliquot {

class RecordListener {
 public:
  using OnPeer = std::function<void(Descriptor socket, const PeerIdentity& peer)>;

  /// Kept under `key`, so that a reborn device host may go on listening.
  RecordListener(EventLoop& loop, SupervisorLink& link, const KeptKey& key, OnPeer on_peer)
      : loop_(loop), link_(link), key_(key), on_peer_(std::move(on_peer)) {}
  ~RecordListener() { close(); }
  RecordListener(const RecordListener&) = delete;
  RecordListener& operator=(const RecordListener&) = delete;

  /// Listens at `path`, in the place of what lies there. False with errno set.
  bool open(const std::string& path, int backlog);
  /// Goes on where another device host left off.
  void adopt(Descriptor socket, const std::string& path);
  bool is_open() const { return static_cast<bool>(socket_); }
  int descriptor() const { return socket_.get(); }
  /// Hands over those who have connected, a few at most. Where a descriptor for the next one is not
  /// to be had, the listener pauses: the socket stays readable, and the loop would find no rest.
  void accept_waiting();
  /// Stops listening and removes the socket's file. Safe within on_peer.
  void close();
  /// Puts a link to another socket in the file's place, so that whoever knows the path comes there.
  bool point_to(const std::string& path);
  /// Removes the file alone: nobody else finds the socket.
  void hide();

 private:
  void watch();
  void pause();

  EventLoop& loop_;
  SupervisorLink& link_;
  const KeptKey key_;
  OnPeer on_peer_;
  std::string path_;
  Descriptor socket_;
  uint64_t token_ = 0, pause_ = 0;
};

}  // namespace aliquot
