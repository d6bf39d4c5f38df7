#include "device_host/record_listener.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace aliquot {

namespace {
constexpr int kPeersARound = 16;
constexpr uint64_t kPauseMilliseconds = 100;
}  // namespace

bool RecordListener::open(const std::string& path, int backlog) {
  close();
  socket_ = listen_record_socket(path.c_str(), backlog);
  if (!socket_) return false;
  path_ = path;
  link_.keep(key_, socket_.get());
  watch();
  return true;
}

void RecordListener::adopt(Descriptor socket, const std::string& path) {
  socket_ = std::move(socket);
  path_ = path;
  watch();
}

void RecordListener::watch() {
  token_ = loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { accept_waiting(); });
  if (token_ == 0) pause();
}

void RecordListener::pause() {
  loop_.unwatch(std::exchange(token_, 0));
  if (pause_ != 0) return;
  pause_ = loop_.schedule(kPauseMilliseconds, [this] {
    pause_ = 0;
    watch();
  });
}

void RecordListener::accept_waiting() {
  for (int round = 0; round < kPeersARound && socket_; ++round) {
    Descriptor peer_socket = accept_record_socket(socket_.get());
    if (!peer_socket) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) pause();
      return;
    }
    PeerIdentity peer;
    if (identify_peer(peer_socket.get(), peer)) on_peer_(std::move(peer_socket), peer);
  }
}

bool RecordListener::point_to(const std::string& path) {
  const std::string link = path_ + ".new";
  ::unlink(link.c_str());
  if (::symlink(path.c_str(), link.c_str()) != 0) return false;
  if (::rename(link.c_str(), path_.c_str()) != 0) {
    ::unlink(link.c_str());
    return false;
  }
  path_.clear();
  return true;
}

void RecordListener::hide() {
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

void RecordListener::close() {
  hide();
  loop_.unwatch(std::exchange(token_, 0));
  loop_.cancel(std::exchange(pause_, 0));
  if (!socket_) return;
  ::shutdown(socket_.get(), SHUT_RDWR);  // the supervisor has it open, too
  socket_.reset();
  link_.forget(key_);
}

}  // namespace aliquot
