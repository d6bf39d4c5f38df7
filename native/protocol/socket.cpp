#include "protocol/socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <utility>

namespace aliquot {

namespace {

bool fill_address(sockaddr_un& address, const char* path) {
  address = {};
  address.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length == 0 || length >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(address.sun_path, path, length + 1);
  return true;
}

// Takes over every descriptor of the message; those beyond the list's room are closed.
bool take_descriptors(msghdr& message, DescriptorList& descriptors) {
  bool all_fit = (message.msg_flags & MSG_CTRUNC) == 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < count; ++index) {
      int number;
      std::memcpy(&number, CMSG_DATA(part) + index * sizeof(int), sizeof(int));
      if (descriptors.count < kMostDescriptors) {
        descriptors.items[descriptors.count++].reset(number);
      } else {
        ::close(number);
        all_fit = false;
      }
    }
  }
  return all_fit;
}

void drop_descriptors(DescriptorList& descriptors) {
  for (Descriptor& item : descriptors.items) item.reset();
  descriptors.count = 0;
}

}  // namespace

SocketResult send_record(int socket, const records::Record& record, const int* descriptors,
                         size_t count) {
  iovec data{const_cast<records::Record*>(&record), sizeof(record)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMostDescriptors)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (count > kMostDescriptors) return SocketResult::kMalformed;
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(part), descriptors, sizeof(int) * count);
  }
  for (;;) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(sizeof(record))) return SocketResult::kOk;
    if (sent >= 0) return SocketResult::kClosed;  // a packet is sent whole or not at all
    if (errno == EINTR) continue;
    // ETOOMANYREFS: too many descriptors are under way to this user; they arrive in time.
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS)
      return SocketResult::kWouldBlock;
    return SocketResult::kClosed;
  }
}

SocketResult receive_record(int socket, records::Record& record, DescriptorList& descriptors) {
  drop_descriptors(descriptors);
  iovec data{&record, sizeof(record)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMostDescriptors)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t received;
  // A peer that ended with unread records resets the connection. That is told once, and before what
  // the peer had sent: its last words are still to be read.
  bool told_of_reset = false;
  do {
    received = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 &&
           (errno == EINTR || (errno == ECONNRESET && !std::exchange(told_of_reset, true))));
  if (received < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return SocketResult::kWouldBlock;
    return SocketResult::kClosed;
  }
  const bool all_fit = take_descriptors(message, descriptors);
  // An empty packet can't be told from the end of the stream; either way the peer is done.
  if (received == 0) {
    drop_descriptors(descriptors);
    return SocketResult::kClosed;
  }
  if (!all_fit || (message.msg_flags & MSG_TRUNC) != 0 ||
      received != static_cast<ssize_t>(sizeof(record)) || record.header.magic != records::kMagic) {
    drop_descriptors(descriptors);
    return SocketResult::kMalformed;
  }
  return SocketResult::kOk;
}

bool wait_readable(int socket, int milliseconds) {
  pollfd entry{socket, POLLIN | POLLRDHUP, 0};
  int ready;
  do {
    ready = ::poll(&entry, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

bool peer_hung_up(int socket) {
  pollfd entry{socket, POLLRDHUP, 0};
  const int ready = ::poll(&entry, 1, 0);
  return ready > 0 && (entry.revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL)) != 0;
}

Descriptor connect_record_socket(const char* path) {
  sockaddr_un address;
  if (!fill_address(address, path)) return Descriptor();
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return socket;
  int outcome;
  do {
    outcome = ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  } while (outcome < 0 && errno == EINTR);
  if (outcome == 0) return socket;
  const int reason = errno;
  socket.reset();
  errno = reason;
  return socket;
}

Descriptor listen_record_socket(const char* path, int backlog) {
  sockaddr_un address;
  if (!fill_address(address, path)) return Descriptor();
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return socket;
  ::unlink(path);
  // The directory is private to its owner, so nobody connects between bind and chmod.
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::chmod(path, 0600) != 0 || ::listen(socket.get(), backlog) != 0) {
    const int reason = errno;
    socket.reset();
    errno = reason;
  }
  return socket;
}

Descriptor accept_record_socket(int listener) {
  int number;
  do {
    number = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  } while (number < 0 && (errno == EINTR || errno == ECONNABORTED));
  return Descriptor(number);
}

bool make_record_socket_pair(Descriptor& first, Descriptor& second) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
    return false;
  first.reset(pair[0]);
  second.reset(pair[1]);
  return true;
}

bool identify_peer(int socket, PeerIdentity& identity) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
      size != sizeof(credentials))
    return false;
  identity.user = credentials.uid;
  identity.process = credentials.pid;
  return true;
}

void copy_text(char* field, size_t field_size, const char* text) {
  if (field_size == 0) return;
  const size_t length = ::strnlen(text, field_size - 1);
  std::memcpy(field, text, length);
  std::memset(field + length, 0, field_size - length);
}

}  // namespace aliquot
