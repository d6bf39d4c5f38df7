#include "vm_stream/guest/port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "vm_stream/guest/kernel_file.h"

namespace aliquot::vm_stream {

namespace {

constexpr const char* kClass = "/sys/class/virtio-ports";

/// The device of a port, by udev's link, else by asking the kernel as udev does.
std::string device_of(const std::string& name) {
  const std::string link = "/dev/virtio-ports/" + name;
  if (::access(link.c_str(), F_OK) == 0) return link;
  DIR* folder = ::opendir(kClass);
  if (folder == nullptr) return link;
  std::string found = link;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string port = entry->d_name;
    if (port[0] != '.' && text_of(kClass + ("/" + port) + "/name") == name) found = "/dev/" + port;
  }
  ::closedir(folder);
  return found;
}

Descriptor connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return Descriptor();
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* target = reinterpret_cast<const sockaddr*>(&address);
  if (socket && ::connect(socket.get(), target, sizeof address) == 0) return socket;
  const int why = errno;
  socket.reset();
  errno = why;
  return socket;
}

}  // namespace

Descriptor open_port(const std::string& name) {
  const std::string path = name.find('/') == std::string::npos ? device_of(name) : name;
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return Descriptor();
  if (S_ISSOCK(facts.st_mode)) return connect_to(path);
  return Descriptor(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace aliquot::vm_stream
