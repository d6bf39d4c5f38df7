// aliquot-vm-stream: the host's end of a guest VM's stream, for one vGPU. It runs as the vGPU's owner, and
// the lease is this process's: `aliquot vm-stream` takes it and becomes this. See docs/modes/remoting-vm.md.
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "vm_stream/host/fence.h"
#include "vm_stream/host/listener.h"
#include "vm_stream/host/plane_file.h"
#include "vm_stream/host/removal.h"
#include "vm_stream/host/stream_end.h"

namespace {

using aliquot::vm_stream::Plane;

constexpr const char* kUsage =
    "usage: aliquot-vm-stream --vgpu SOCKET --listen SOCKET [--stay] [--plane FILE --plane-bytes N]\n"
    "  --vgpu     the vGPU's socket, as its lease tells it\n"
    "  --listen   where QEMU is to connect the guest VM's virtio-serial port\n"
    "  --stay     when a VM is gone, wait for the next one\n"
    "  --plane    a file, made beside the socket, of N bytes, that QEMU maps as the VM's ivshmem device\n";

constexpr int kNoPlane = 1;  // the exit status; that of all other problems is 2

struct Options {
  std::string vgpu, listen, plane;
  uint64_t plane_bytes = 0;
  bool stay = false;
};

bool parse(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--stay") options.stay = true;
    else if (name == "--vgpu" && i + 1 < count) options.vgpu = arguments[++i];
    else if (name == "--listen" && i + 1 < count) options.listen = arguments[++i];
    else if (name == "--plane" && i + 1 < count) options.plane = arguments[++i];
    else if (name == "--plane-bytes" && i + 1 < count)
      options.plane_bytes = ::strtoull(arguments[++i], nullptr, 10);
    else return false;
  }
  const bool plane = !options.plane.empty() && aliquot::vm_stream::is_plane_size(options.plane_bytes);
  const bool none = options.plane.empty() && options.plane_bytes == 0;
  return !options.vgpu.empty() && !options.listen.empty() && (plane || none);
}

void say(const char* line) { std::fprintf(stderr, "aliquot: vm-stream: %s\n", line); }

int take_over_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool is_readable(int descriptor) {
  pollfd watched{descriptor, POLLIN, 0};
  return ::poll(&watched, 1, 0) > 0;
}

enum class Served { kVm, kNobody, kStopped };

/// Until the VM is gone, or this process shall end. Who never hailed was no VM: another end of a stream
/// looks so whether somebody listens here.
Served serve(aliquot::Descriptor stream, const Options& options, int signals, Plane* plane) {
  say("a guest VM is there");
  aliquot::vm_stream::StreamEnd end(std::move(stream), options.vgpu, say, plane);
  while (end.round(signals))
    if (end.woken()) return Served::kStopped;
  say("the guest VM is gone");
  return end.was_hailed() ? Served::kVm : Served::kNobody;
}

void serve_all(const Options& options, int listener, int signals, Plane* plane) {
  for (;;) {
    pollfd watched[] = {{listener, POLLIN, 0}, {signals, POLLIN, 0}};
    ::poll(watched, 2, -1);
    if (is_readable(signals)) return;
    aliquot::Descriptor stream = aliquot::vm_stream::accept_vm(listener);
    if (!stream) continue;
    const Served served = serve(std::move(stream), options, signals, plane);
    if (served == Served::kStopped || (served == Served::kVm && !options.stay)) return;
    if (plane != nullptr) plane->wipe();
  }
}

/// Null, with words on stderr, where the plane that is wanted can't be made.
std::unique_ptr<Plane> make_plane(const Options& options) {
  std::string problem;
  auto plane = aliquot::vm_stream::make_plane(options.plane, options.plane_bytes, problem);
  if (plane == nullptr) {
    say(("ALQ-E784: no plane can be made at " + options.plane + " (" + problem +
         "); make room, or name a socket in another folder, for it lies beside that").c_str());
  } else if (!aliquot::vm_stream::lies_in_memory(options.plane)) {
    say("the plane lies on a disk, which it keeps busy; beside a socket in /dev/shm it would not");
  }
  return plane;
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  if (!parse(count, arguments, options)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  std::string problem;
  const aliquot::Descriptor signals(take_over_signals());
  const aliquot::Descriptor listener = aliquot::vm_stream::listen_for_vm(options.listen, problem);
  if (!listener) {
    say(("ALQ-E226: nothing can listen at " + options.listen + " (" + problem +
         "); name another path, in a folder of your own").c_str());
    return 2;
  }
  std::unique_ptr<Plane> plane;
  if (!options.plane.empty() && (plane = make_plane(options)) == nullptr) {
    ::unlink(options.listen.c_str());
    return kNoPlane;
  }
  // The fence lets no file be removed.
  aliquot::Descriptor files = options.plane.empty()
                                  ? aliquot::vm_stream::remove_at_end({options.listen})
                                  : aliquot::vm_stream::remove_at_end({options.listen, options.plane});
  if (!files) say("no process is to be had that removes its socket at the end");
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  if (!aliquot::vm_stream::shut_in()) {
    say("this kernel has no seccomp filters, by which it would be fenced in");
    return 2;
  }
  std::puts("ready");
  std::fflush(stdout);
  serve_all(options, listener.get(), signals.get(), plane.get());
  aliquot::vm_stream::remove_now(std::move(files));
  return 0;
}
