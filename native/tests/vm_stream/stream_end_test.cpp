// The host's end of a stream, as far as it is about the plane: when it is offered, and what counts as found.
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "vm_stream/host/stream_end.h"

using namespace aliquot;
using namespace aliquot::vm_stream;

namespace {

using Bytes = std::vector<unsigned char>;

/// The guest VM's side of a stream, and the plane as it sees it.
struct Vm {
  Descriptor file{::memfd_create("test", MFD_CLOEXEC)};
  PlaneOffer offer{{3, 4}, kLeastPlane};
  Plane host{map(), offer, PlaneEnd::kHost};
  Plane guest{map(), offer, PlaneEnd::kGuest};
  Descriptor stream;
  std::string said;
  std::unique_ptr<StreamEnd> end;

  explicit Vm(bool with_plane) {
    int ends[2];
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    stream.reset(ends[0]);
    const auto say = [this](const char* line) { said += line; };
    Plane* const plane = with_plane ? &host : nullptr;
    end = std::make_unique<StreamEnd>(Descriptor(ends[1]), "/nowhere", say, plane);
  }
  SharedMapping map() {
    CHECK(::ftruncate(file.get(), kLeastPlane) == 0);
    return SharedMapping::of(file, kLeastPlane, PROT_READ | PROT_WRITE);
  }

  void send(MessageKind kind, uint32_t channel, uint32_t argument, std::span<const unsigned char> payload) {
    const Header header{static_cast<uint32_t>(payload.size()), kind, 0, channel, argument};
    Bytes bytes(sizeof header + payload.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
    CHECK(::write(stream.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    CHECK(end->round(-1));
  }
  void send_fill(uint32_t channel, uint32_t in_plane) {
    send(MessageKind::kFill, channel, in_plane, bytes_of(Place{}));
  }
  /// The kinds of the messages that came.
  std::vector<MessageKind> begin() {
    const Bytes run(kRunBytes, kRunByte);
    CHECK(::write(stream.get(), run.data(), run.size()) == static_cast<ssize_t>(run.size()));
    CHECK(end->round(-1));
    send(MessageKind::kHello, 0, 0, bytes_of(Hello{}));
    Bytes got(4096);
    const ssize_t count = ::read(stream.get(), got.data(), got.size());
    std::vector<MessageKind> kinds;
    for (size_t at = 4 * kShortestRun; count > 0 && at < static_cast<size_t>(count);) {
      Header header;
      std::memcpy(&header, got.data() + at, sizeof header);
      kinds.push_back(header.kind);
      at += sizeof header + header.bytes;
    }
    guest.begin();
    return kinds;
  }
  bool is_broken() const { return said.find("broke the protocol") != std::string::npos; }
};

using Kinds = std::vector<MessageKind>;

void test_bytes_of_who_has_gone_are_read() {
  Vm vm(true);
  CHECK(vm.begin() == (Kinds{MessageKind::kWelcome, MessageKind::kPlane}));
  vm.send(MessageKind::kPlaneFound, 0, 0, {});
  const Bytes data(kLeastInPlane, 1);
  for (int i = 0; i < 1000; ++i) {  // several times around
    const size_t put = vm.guest.writer().put(data);
    CHECK(put == data.size());
    vm.send_fill(77, static_cast<uint32_t>(put));
  }
  CHECK(!vm.is_broken());
  vm.send_fill(77, UINT32_MAX);
  CHECK(vm.is_broken());
  // The VM begins anew, and so does the plane.
  CHECK(vm.begin().size() == 2);
  vm.said.clear();
  vm.send(MessageKind::kPlaneFound, 0, 0, {});
  CHECK(vm.guest.writer().put(data) == data.size());
  vm.send_fill(1, kLeastInPlane);
  CHECK(!vm.is_broken());
  vm.send(MessageKind::kPlaneFound, 0, 0, {});
  CHECK(vm.is_broken());
}

void test_a_plane_that_nobody_found() {
  Vm vm(true);
  vm.begin();
  vm.send_fill(1, kLeastInPlane);
  CHECK(vm.is_broken());
  Vm without(false);
  CHECK(without.begin() == Kinds{MessageKind::kWelcome});
  without.send_fill(1, 0);
  CHECK(!without.is_broken());
  without.send(MessageKind::kPlaneFound, 0, 0, {});
  CHECK(without.is_broken());
}

}  // namespace

void test_stream_end() {
  test_bytes_of_who_has_gone_are_read();
  test_a_plane_that_nobody_found();
}
