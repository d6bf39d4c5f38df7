// aliquot-guest: what a guest VM's programs find in place of a device host. See docs/modes/remoting-vm.md.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "vm_stream/guest/guest_end.h"

namespace {

constexpr const char* kUsage =
    "usage: aliquot-guest [--port NAME|PATH] [--socket PATH] [--mode OCTAL] [--plane FILE]\n"
    "  --port    the virtio-serial port (default: org.aliquot.0)\n"
    "  --socket  where guest drivers connect (default: /run/aliquot-guest/vgpu.sock)\n"
    "  --mode    who may: the socket's mode (default: 666, every user of the guest VM)\n"
    "  --plane   a file in place of an ivshmem device, to try both ends on one machine\n";

struct Options {
  std::string port = "org.aliquot.0";
  std::string socket = "/run/aliquot-guest/vgpu.sock";
  std::string plane;
  mode_t mode = 0666;
};

bool parse(int count, char** arguments, Options& options) {
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    const std::string value = arguments[i + 1];
    char* end = nullptr;
    if (name == "--port") options.port = value;
    else if (name == "--socket") options.socket = value;
    else if (name == "--plane") options.plane = value;
    else if (name == "--mode") options.mode = static_cast<mode_t>(::strtoul(value.c_str(), &end, 8));
    else return false;
    if (end != nullptr && (*end != 0 || options.mode > 0777)) return false;
  }
  return count % 2 == 1;
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  if (!parse(count, arguments, options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const aliquot::Descriptor stop(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  aliquot::Descriptor listener = aliquot::listen_record_socket(options.socket.c_str(), 64);
  if (!listener || ::chmod(options.socket.c_str(), options.mode) != 0) {
    std::fprintf(stderr, "aliquot-guest: it can't listen at %s; make that folder, or name another "
                 "place by --socket\n", options.socket.c_str());
    return 1;
  }
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  aliquot::vm_stream::GuestEnd end(std::move(listener), options.port, options.plane);
  end.run(stop.get());
  ::unlink(options.socket.c_str());
  return 0;
}
