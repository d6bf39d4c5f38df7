#include "device_host/record_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace aliquot {

namespace {
constexpr int kPeersARound = 16;
constexpr uint64_t kAcceptPauseMilliseconds = 100;

// Not longer than the path, which may be as long as a socket's can be.
std::string aside_of(std::string path) { return path.replace(path.rfind('/') + 1, 1, "n"); }

bool swap_names(const std::string& one, const std::string& other) {
  return ::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0;
}

bool is_socket(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}
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

bool RecordListener::open_aside(const std::string& path, int backlog) {
  close();
  const std::string aside = aside_of(path);
  socket_ = listen_record_socket(aside.c_str(), backlog);
  if (!socket_) return false;
  path_ = path;
  aside_ = aside;
  is_aside_ = true;
  link_.keep(key_, socket_.get());
  return true;
}

bool RecordListener::take_place() {
  if (!is_aside_) return true;
  if (!swap_names(aside_, path_) &&
      (errno != ENOENT || ::rename(aside_.c_str(), path_.c_str()) != 0))
    return false;
  is_aside_ = false;
  return true;
}

void RecordListener::begin() {
  ::unlink(aside_.c_str());
  aside_.clear();
  watch();
}

void RecordListener::adopt(Descriptor socket, const std::string& path, bool aside) {
  socket_ = std::move(socket);
  path_ = path;
  if (aside) {
    aside_ = aside_of(path);
    is_aside_ = is_socket(aside_);
    return;
  }
  // The other one may have died as a link was taking the file's place.
  if (const std::string beside = aside_of(path); is_socket(beside))
    ::rename(beside.c_str(), path.c_str());
  else
    ::unlink(beside.c_str());
  watch();
}

void RecordListener::watch() {
  token_ = loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { accept_waiting(); });
  if (token_ == 0) pause();
}

void RecordListener::pause() {
  loop_.unwatch(std::exchange(token_, 0));
  if (pause_ != 0) return;
  pause_ = loop_.schedule(kAcceptPauseMilliseconds, [this] {
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
  aside_ = aside_of(path_);
  ::unlink(aside_.c_str());
  if (::symlink(path.c_str(), aside_.c_str()) == 0 && swap_names(aside_, path_)) {
    is_aside_ = true;
    return true;
  }
  const int reason = errno;
  ::unlink(aside_.c_str());
  aside_.clear();
  errno = reason;
  return false;
}

void RecordListener::point_back() {
  if (!is_aside_) return;
  ::rename(aside_.c_str(), path_.c_str());
  aside_.clear();
  is_aside_ = false;
}

void RecordListener::hide() {
  if (is_aside_)
    ::unlink(aside_.c_str());
  else if (!path_.empty() && (aside_.empty() || ::rename(aside_.c_str(), path_.c_str()) != 0))
    ::unlink(path_.c_str());
  path_.clear();
  aside_.clear();
  is_aside_ = false;
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
