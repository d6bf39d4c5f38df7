#include "guest_server.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "protocol/socket.h"
#include "protocol/vgpu_page.h"

namespace aliquot::test {

using records::Kind;

namespace {
constexpr uint64_t kCredit = uint64_t{1} << 30;
}  // namespace

GuestServer::GuestServer(TestHost& host, uint32_t flags) : host_(host), flags_(flags) {
  char name[] = "/tmp/aliquot-threads-XXXXXX";
  folder_ = ::mkdtemp(name);
  path_ = folder_ + "/v.sock";
  listener_ = listen_record_socket(path_.c_str(), 64);
  thread_ = std::thread([this] { run(); });
}

GuestServer::~GuestServer() {
  stop_ = true;
  thread_.join();
  ::unlink(path_.c_str());
  ::rmdir(folder_.c_str());
}

void GuestServer::run() {
  while (!stop_) {
    std::vector<pollfd> waits{{listener_.get(), POLLIN, 0}};
    for (const auto& guest : guests_) waits.push_back({guest->socket.get(), POLLIN, 0});
    ::poll(waits.data(), waits.size(), 10);
    if (Descriptor accepted = accept_record_socket(listener_.get())) {
      guests_.push_back(std::make_unique<Guest>());
      guests_.back()->socket = std::move(accepted);
      guests_.back()->connection = ++came_;
    }
    std::erase_if(guests_, [this](const auto& guest) { return !serve(*guest); });
    if (host_.gone()) guests_.clear();  // so that nobody waits for a worker that has died
    records::Record record;
    while (host_.seen(Kind::kGone) && host_.expect(Kind::kGone, record)) ++gone_;
    while (host_.seen(Kind::kArenaDropped)) host_.expect(Kind::kArenaDropped, record);
    if (host_.seen(Kind::kViolation) || host_.seen(Kind::kKernelOverrun)) violated_ = true;
  }
}

bool GuestServer::serve(Guest& guest) {
  records::Record record;
  DescriptorList descriptors;
  switch (receive_record(guest.socket.get(), record, descriptors)) {
    case SocketResult::kWouldBlock:
      return true;
    case SocketResult::kOk:
      break;
    default: {
      records::ConnectionReference payload;
      payload.connection = guest.connection;
      host_.send(make_record(Kind::kDisconnect, 0, payload));
      return false;
    }
  }
  if (record.header.kind == Kind::kGuestHello) {
    welcome(guest, record.header.sequence);
  } else if (record.header.kind == Kind::kArenaRequest) {
    give_arena(guest, record);
  } else {  // all the credit was lent at the welcome
    send_record(guest.socket.get(), make_record(Kind::kCreditReply, record.header.sequence,
                                                records::CreditReply{}));
  }
  return true;
}

void GuestServer::welcome(Guest& guest, uint32_t sequence) {
  const SharedPages memory(layout::kConnectionBytes);
  const SharedPages account(records::kAccountPageSize);
  auto* page = reinterpret_cast<records::AccountPage*>(account.data());
  page->credit = page->memory_limit = kCredit;
  records::Connect connect;
  connect.connection = guest.connection;
  host_.send(make_record(Kind::kConnect, 0, connect), memory.descriptor());
  records::GuestWelcome welcome;
  welcome.memory_limit = kCredit;
  welcome.flags = flags_;
  const SharedPages shown(vgpu_page::kPageSize);
  const int descriptors[] = {memory.descriptor(), account.descriptor(), shown.descriptor()};
  send_record(guest.socket.get(), make_record(Kind::kGuestWelcome, sequence, welcome), descriptors,
              3);
}

void GuestServer::give_arena(Guest& guest, const records::Record& record) {
  records::Arena arena;
  arena.bytes = (payload_of<records::ArenaRequest>(record).bytes + 4095) & ~uint64_t{4095};
  const SharedPages pages(arena.bytes);
  arena.connection = guest.connection;
  arena.arena = ++guest.arenas;
  host_.send(make_record(Kind::kArena, 0, arena), pages.descriptor());
  records::ArenaReply reply;
  reply.bytes = arena.bytes;
  reply.arena = arena.arena;
  const int descriptor = pages.descriptor();
  send_record(guest.socket.get(), make_record(Kind::kArenaReply, record.header.sequence, reply),
              &descriptor, 1);
}

}  // namespace aliquot::test
