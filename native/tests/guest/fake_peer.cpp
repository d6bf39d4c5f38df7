#include "fake_peer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "check.h"
#include "protocol/socket.h"
#include "protocol/vgpu_page.h"

namespace aliquot::guest_test {

using records::Kind;

FakePeer::FakePeer() {
  char name[] = "/tmp/aliquot-peer-XXXXXX";
  folder_ = ::mkdtemp(name);
  const std::string path = folder_ + "/v1.sock";
  listener_ = listen_record_socket(path.c_str(), 16);
  ::setenv("ALIQUOT_VGPU_SOCKET", path.c_str(), 1);
  thread_ = std::thread([this] { run(); });
}

FakePeer::~FakePeer() {
  stop_ = true;
  thread_.join();
  std::filesystem::remove_all(folder_);
}

layout::ConnectionMemory* FakePeer::memory(size_t connection) {
  const std::lock_guard guard(mutex_);
  size_t index = 0;
  for (const auto& guest : guests_) {
    if (guest->memory != nullptr && index++ == connection) return guest->memory;
  }
  return nullptr;
}

void FakePeer::hang_up() {
  const std::lock_guard guard(mutex_);
  for (const auto& guest : guests_) guest->socket.reset();
}

void FakePeer::welcome(Guest& guest, uint32_t sequence) {
  Descriptor memory(::memfd_create("connection", MFD_CLOEXEC));
  Descriptor account(::memfd_create("account", MFD_CLOEXEC));
  Descriptor page(::memfd_create("page", MFD_CLOEXEC));
  CHECK(::ftruncate(page.get(), vgpu_page::kPageSize) == 0);
  CHECK(::ftruncate(memory.get(), layout::kConnectionBytes) == 0);
  CHECK(::ftruncate(account.get(), records::kAccountPageSize) == 0);
  guest.memory = static_cast<layout::ConnectionMemory*>(
      ::mmap(nullptr, layout::kConnectionBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(),
             0));
  records::GuestWelcome welcome;
  welcome.memory_limit = 1 << 20;
  const int descriptors[] = {memory.get(), account.get(), page.get()};
  ++welcomed_;  // first: a guest process may be gone again before the next line has returned
  send_record(guest.socket.get(), make_record(Kind::kGuestWelcome, sequence, welcome),
              descriptors, 3);
}

void FakePeer::serve(Guest& guest) {
  records::Record record;
  DescriptorList descriptors;
  if (!guest.socket ||
      receive_record(guest.socket.get(), record, descriptors) != SocketResult::kOk || silent_) {
    return;
  }
  const uint32_t sequence = record.header.sequence;
  if (record.header.kind == Kind::kGuestHello) {
    welcome(guest, sequence);
  } else if (record.header.kind == Kind::kCreditRequest) {
    // A late answer to nobody first: the guest driver must not take it for its own.
    records::CreditReply reply;
    reply.granted = 1;
    send_record(guest.socket.get(), make_record(Kind::kCreditReply, sequence + 1000, reply));
    reply.granted = payload_of<records::CreditRequest>(record).bytes;
    send_record(guest.socket.get(), make_record(Kind::kCreditReply, sequence, reply));
  } else {
    records::Error refused;
    refused.code = records::ErrorCode::kLimitReached;
    send_record(guest.socket.get(), make_record(Kind::kError, sequence, refused));
  }
}

void FakePeer::run() {
  while (!stop_) {
    if (Descriptor accepted = accept_record_socket(listener_.get())) {
      const std::lock_guard guard(mutex_);
      guests_.push_back(std::make_unique<Guest>());
      guests_.back()->socket = std::move(accepted);
    }
    {
      const std::lock_guard guard(mutex_);
      for (const auto& guest : guests_) serve(*guest);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::vector<unsigned char> FakePeer::next_frame(layout::ConnectionMemory& memory,
                                                const std::atomic<bool>& stop) {
  layout::Control& control = memory.control;
  const uint64_t head = control.command_head.load();
  while (control.command_tail.load(std::memory_order_acquire) == head) {
    if (stop) return {};
    std::this_thread::yield();
  }
  const auto byte = [&](uint64_t at) {
    return memory.commands[(head + at) % layout::kCommandRingBytes];
  };
  uint32_t size = 0;
  for (unsigned i = 0; i < 4; ++i) size |= static_cast<uint32_t>(byte(i)) << (8 * i);
  CHECK(size >= 8 && size <= layout::kLargestFrame);
  std::vector<unsigned char> frame(size);
  for (uint32_t i = 0; i < size; ++i) frame[i] = byte(i);
  control.command_head.store(head + size, std::memory_order_release);
  return frame;
}

}  // namespace aliquot::guest_test
