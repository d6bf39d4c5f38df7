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
  /// Listens for those who will come to `path`, where something else lies until take_place().
  /// Nobody is taken in before begin(). False with errno set.
  bool open_aside(const std::string& path, int backlog);
  /// Puts the socket's file to its path, and what lay there aside: close() puts that back. False
  /// with errno set.
  bool take_place();
  /// From now on those who come are taken in, and what lay at the path before is gone.
  void begin();
  /// Goes on where another device host left off. `aside`: that one had not come to begin().
  void adopt(Descriptor socket, const std::string& path, bool aside = false);
  bool is_open() const { return static_cast<bool>(socket_); }
  int descriptor() const { return socket_.get(); }
  /// Hands over those who have connected, a few at most. Where a descriptor for the next one is not
  /// to be had, the listener pauses: the socket stays readable, and the loop would find no rest.
  void accept_waiting();
  /// Stops listening and removes the socket's file. Safe within on_peer.
  void close();
  /// Puts a link to another socket in the file's place, so that whoever knows the path comes there;
  /// it stays beyond close(). False with errno set.
  bool point_to(const std::string& path);
  /// Undoes that, as long as nothing is closed.
  void point_back();
  /// Where the socket's file is.
  const std::string& file() const { return is_aside_ ? aside_ : path_; }
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
  // Beside it, not empty while something else lies at the path, or may have to again: that, or the
  // socket's file. The two change places at once, so that whoever knows the path always finds one.
  std::string aside_;
  bool is_aside_ = false;  // the socket's file is there
  Descriptor socket_;
  uint64_t token_ = 0, pause_ = 0;
};

}  // namespace aliquot
