#include "vm_stream/host/listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace aliquot::vm_stream {

namespace {

bool somebody_listens(const sockaddr_un& address) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return socket && (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                              sizeof address) == 0 ||
                    errno == EAGAIN);
}

}  // namespace

Descriptor listen_for_vm(const std::string& path, std::string& problem) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    problem = "its path is too long for a socket";
    return Descriptor();
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) {
    if (!S_ISSOCK(facts.st_mode) || somebody_listens(address)) {
      problem = S_ISSOCK(facts.st_mode) ? "another process listens there" : "there is another file";
      return Descriptor();
    }
    ::unlink(path.c_str());
  }
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t before = ::umask(0177);
  const bool bound = socket && ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                                      sizeof address) == 0;
  ::umask(before);
  if (bound && ::listen(socket.get(), 1) == 0) return socket;
  problem = std::strerror(errno);
  return Descriptor();
}

Descriptor accept_vm(int listener) {
  return Descriptor(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

}  // namespace aliquot::vm_stream
