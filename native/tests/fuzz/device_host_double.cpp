#include "device_host_double.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "protocol/socket.h"
#include "protocol/vgpu_page.h"
#include "surroundings.h"

namespace aliquot::fuzz {

using records::Kind;

namespace {

constexpr uint64_t kCredit = uint64_t{1} << 30;
constexpr uint64_t kLargestArena = uint64_t{64} << 20;

Descriptor sealed_memory(uint64_t bytes) {
  Descriptor memory(::memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(bytes)) != 0 ||
      ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    fail("no shared memory");
  }
  return memory;
}

unsigned char* map(const Descriptor& memory, uint64_t bytes) {
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (data == MAP_FAILED) fail("no mapping");
  return static_cast<unsigned char*>(data);
}

// Gives the pages back, whoever still maps them. The guest driver never unmaps a dead connection,
// and this process makes thousands.
void empty(const Descriptor& memory, uint64_t bytes) {
  ::fallocate(memory.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
              static_cast<off_t>(bytes));
}

}  // namespace

void DeviceHostDouble::expect_guest() {
  char name[] = "/tmp/aliquot-fuzz-XXXXXX";
  if (::mkdtemp(name) == nullptr) fail("no folder");
  const std::string path = std::string(name) + "/v.sock";
  Descriptor listener = listen_record_socket(path.c_str(), 1);
  if (!listener) fail("no socket");
  ::setenv("ALIQUOT_VGPU_SOCKET", path.c_str(), 1);
  {
    const std::lock_guard guard(mutex_);
    folder_ = name;
  }
  std::thread([this, listener = std::move(listener)] {
    Descriptor socket;
    while (!socket) {
      wait_readable(listener.get(), 10'000);
      socket = accept_record_socket(listener.get());
    }
    remove_folder();
    serve(socket);
  }).detach();
}

void DeviceHostDouble::remove_folder() {
  const std::lock_guard guard(mutex_);
  if (folder_.empty()) return;
  ::unlink((folder_ + "/v.sock").c_str());
  ::rmdir(folder_.c_str());
  folder_.clear();
}

void DeviceHostDouble::serve(const Descriptor& socket) {
  for (;;) {
    records::Record record;
    DescriptorList descriptors;
    switch (receive_record(socket.get(), record, descriptors)) {
      case SocketResult::kWouldBlock:
        wait_readable(socket.get(), 10'000);
        continue;
      case SocketResult::kOk:
        break;
      default:
        return;
    }
    const uint32_t sequence = record.header.sequence;
    switch (record.header.kind) {
      case Kind::kGuestHello:
        welcome(socket.get(), sequence);
        break;
      case Kind::kCreditRequest: {
        records::CreditReply reply;  // all there is was lent at the welcome
        send_record(socket.get(), make_record(Kind::kCreditReply, sequence, reply));
        break;
      }
      case Kind::kArenaRequest:
        give_arena(socket.get(), sequence, payload_of<records::ArenaRequest>(record));
        break;
      default:
        fail("the guest driver sent a record of an unknown kind");
    }
  }
}

void DeviceHostDouble::welcome(int socket, uint32_t sequence) {
  Descriptor memory = sealed_memory(layout::kConnectionBytes);
  const int memory_descriptor = memory.get();
  const Descriptor account = sealed_memory(records::kAccountPageSize);
  auto* page = reinterpret_cast<records::AccountPage*>(map(account, records::kAccountPageSize));
  page->credit = page->memory_limit = kCredit;
  ::munmap(page, records::kAccountPageSize);
  {
    const std::lock_guard guard(mutex_);
    for (const SharedArena& arena : arenas_) {
      empty(arena.descriptor, arena.bytes);
      ::munmap(arena.data, arena.bytes);
    }
    arenas_.clear();
    if (memory_descriptor_) empty(memory_descriptor_, layout::kConnectionBytes);
    // The worker looks at the old mapping until it learns of the new one.
    if (past_memory_ != nullptr) ::munmap(past_memory_, layout::kConnectionBytes);
    past_memory_ = memory_;
    memory_ = reinterpret_cast<layout::ConnectionMemory*>(map(memory, layout::kConnectionBytes));
    memory_descriptor_ = std::move(memory);
    ++connections_;
  }
  records::GuestWelcome welcome;
  welcome.memory_limit = kCredit;
  welcome.flags = flags_;
  const Descriptor shown = sealed_memory(vgpu_page::kPageSize);
  const int descriptors[] = {memory_descriptor, account.get(), shown.get()};
  send_record(socket, make_record(Kind::kGuestWelcome, sequence, welcome), descriptors, 3);
}

void DeviceHostDouble::give_arena(int socket, uint32_t sequence,
                                  const records::ArenaRequest& request) {
  records::ArenaReply reply;
  if (request.bytes == 0 || request.bytes > kLargestArena) {
    send_record(socket, make_record(Kind::kArenaReply, sequence, reply));
    return;
  }
  const std::lock_guard guard(mutex_);
  SharedArena arena;
  arena.bytes = (request.bytes + 4095) & ~uint64_t{4095};
  arena.descriptor = sealed_memory(arena.bytes);
  arena.data = map(arena.descriptor, arena.bytes);
  arena.id = static_cast<uint32_t>(arenas_.size() + 1);
  reply.bytes = arena.bytes;
  reply.arena = arena.id;
  if (listener_) listener_(arena);
  const int descriptor = arena.descriptor.get();
  send_record(socket, make_record(Kind::kArenaReply, sequence, reply), &descriptor, 1);
  arenas_.push_back(std::move(arena));
}

void DeviceHostDouble::on_arena(Visit listener) {
  const std::lock_guard guard(mutex_);
  listener_ = std::move(listener);
}

void DeviceHostDouble::for_each_arena(const Visit& visit) {
  const std::lock_guard guard(mutex_);
  for (const SharedArena& arena : arenas_) visit(arena);
}

uint32_t DeviceHostDouble::connections() {
  const std::lock_guard guard(mutex_);
  return connections_;
}

layout::ConnectionMemory* DeviceHostDouble::memory() {
  const std::lock_guard guard(mutex_);
  return memory_;
}

}  // namespace aliquot::fuzz
