// Fuzzes the guest VM's end of the stream: messages of the host's, and a program that writes whatever it
// likes into its ring. The stream itself is a hole.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "generated/opencl_grammar.h"
#include "protocol/frame_builder.h"
#include "vm_stream/guest/program.h"

namespace {

using namespace aliquot;
using namespace aliquot::vm_stream;

/// The guest driver's side of a program's connection.
struct Driver {
  Descriptor socket;
  SharedMapping memory;

  void greet() {
    records::GuestHello hello;
    send_record(socket.get(), make_record(records::Kind::kGuestHello, 1, hello));
  }
  bool be_welcomed() {
    records::Record record;
    DescriptorList descriptors;
    if (receive_record(socket.get(), record, descriptors) != SocketResult::kOk) return false;
    if (record.header.kind != records::Kind::kGuestWelcome || descriptors.count != 3) std::abort();
    memory = SharedMapping::of(descriptors.items[0], layout::kConnectionBytes,
                               PROT_READ | PROT_WRITE);
    return static_cast<bool>(memory);
  }
  void ask(protocol::ByteSource& source, uint32_t sequence) {
    records::CreditRequest credit;
    credit.bytes = source.value<uint32_t>();
    records::ArenaRequest arena;
    arena.bytes = size_t{4096} * (1 + source.byte() % 16);
    if (source.byte() % 2 == 0)
      send_record(socket.get(), make_record(records::Kind::kCreditRequest, sequence, credit));
    else send_record(socket.get(), make_record(records::Kind::kArenaRequest, sequence, arena));
  }
  void hear() {
    records::Record record;
    DescriptorList descriptors;
    while (receive_record(socket.get(), record, descriptors) == SocketResult::kOk) {
    }
  }
};

Plane new_plane() {
  const Descriptor file(::memfd_create("plane", MFD_CLOEXEC));
  if (::ftruncate(file.get(), kLeastPlane) != 0) std::abort();
  return Plane(SharedMapping::of(file, kLeastPlane, PROT_READ | PROT_WRITE), {{1, 2}, kLeastPlane},
               PlaneEnd::kGuest);
}

void take_message(Program& program, Plane& plane, protocol::ByteSource& source,
                  const ClockDifference& clock) {
  const auto kind = static_cast<MessageKind>(32 + source.byte() % 16);
  const uint32_t argument = source.byte() % 8 == 7 ? source.value<uint32_t>() : source.byte() % 70u;
  std::vector<unsigned char> payload(source.byte() % 8 == 7 ? source.byte() : 24u * (source.byte() % 8u));
  if (kind == MessageKind::kQueues) payload.resize(32u * (source.byte() % 4u));
  if (kind == MessageKind::kEvents) payload.resize(sizeof(EventState) * (source.byte() % 4u));
  if (kind == MessageKind::kArenaGiven || kind == MessageKind::kCreditGiven) payload.resize(8);
  for (auto& byte : payload) byte = source.byte();
  // An arena is as large as the host says; one of a real size, so that memory isn't what is tested.
  if (kind == MessageKind::kArenaGiven) std::memset(payload.data() + 3, 0, 5);
  if (kind == MessageKind::kBytes && source.byte() % 2 == 0) payload.resize(sizeof(Place));
  const Header header{static_cast<uint32_t>(payload.size()), kind, 0, 1, argument};
  if (kind != MessageKind::kBytes) {
    program.take(header, payload, clock);
    return;
  }
  Bulk bulk;
  if (read_bulk(header, payload, &plane, bulk)) program.put_bytes(bulk);
  plane.reader().done();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Descriptor hole(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  static const Descriptor poke(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  protocol::ByteSource source({data, size});
  StreamWriter writer;
  writer.use(hole.get());
  static Plane plane = new_plane();
  plane.begin();
  writer.use_plane(plane.writer());
  Driver driver;
  Descriptor ours;
  if (!make_record_socket_pair(driver.socket, ours)) return 0;
  Program program(1, std::move(ours), writer, poke.get());
  driver.greet();
  program.look();
  if (program.state() != Program::State::kWaiting) std::abort();
  program.open();
  ClockDifference clock;
  const Opened opened{};
  const auto* bytes = reinterpret_cast<const unsigned char*>(&opened);
  program.take({sizeof opened, MessageKind::kOpened, 0, 1, 0}, {bytes, sizeof opened}, clock);
  if (!driver.be_welcomed()) return 0;
  auto& memory = *driver.memory.as<layout::ConnectionMemory>();
  protocol::FrameBuilder frames(opencl::grammar::kCommands, {}, source);
  uint64_t tail = 0;
  uint32_t sequence = 0;
  alignas(8) static unsigned char frame[layout::kLargestFrame];
  while (!source.empty() && program.state() == Program::State::kOpen) {
    const uint8_t choice = source.byte();
    if (choice < 100) {
      take_message(program, plane, source, clock);
    } else if (choice < 200) {
      const size_t bytes_of_frame = frames.next(frame);
      for (size_t i = 0; i < bytes_of_frame; ++i)
        memory.commands[(tail + i) % layout::kCommandRingBytes] = frame[i];
      tail += choice == 199 ? source.byte() : bytes_of_frame;
      memory.control.command_tail.store(tail);
      if (memory.control.worker_sleeps.exchange(0) != 0) program.give_credit_back();  // which wakes it
    } else if (choice < 230) {
      driver.ask(source, ++sequence);
      program.look();
      if (program.wants_credit()) program.ask_credit();
    } else {
      driver.hear();
      program.tell_times();
      program.give_idle_credit_back();
    }
  }
  return 0;
}
