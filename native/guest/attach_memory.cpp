// Joins the allocators and the account, which know no connection, to one.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "generated/opencl_codec.h"
#include "guest/arena.h"
#include "guest/connection.h"
#include "guest/credit.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace aliquot::guest {

namespace {

bool request_arena(Connection& connection, size_t bytes, records::ArenaPurpose purpose,
                   ArenaMapping* mapping) {
  records::Record request;
  request.header.kind = records::Kind::kArenaRequest;
  records::ArenaRequest wanted;
  wanted.bytes = bytes;
  wanted.purpose = purpose;
  std::memcpy(request.payload, &wanted, sizeof wanted);
  records::Record answer;
  int descriptor = -1;
  if (connection.dead() ||
      !connection.request(request, records::Kind::kArenaReply, &answer, &descriptor)) {
    if (descriptor >= 0) close(descriptor);
    return false;
  }
  records::ArenaReply reply;
  std::memcpy(&reply, answer.payload, sizeof reply);
  bool sound = descriptor >= 0 && reply.arena != 0 && reply.bytes >= bytes &&
               reply.bytes <= SIZE_MAX / 2;
  void* base = MAP_FAILED;
  if (sound) {
    base = mmap(nullptr, reply.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  }
  if (descriptor >= 0) close(descriptor);
  if (base == MAP_FAILED) return false;
  // Staging is written at once and again and again: have its pages before the first transfer.
  if (purpose == records::ArenaPurpose::kStaging && bytes <= kArenaBytes) {
    madvise(base, reply.bytes, MADV_POPULATE_WRITE);
  }
  mapping->base = static_cast<unsigned char*>(base);
  mapping->bytes = reply.bytes;
  mapping->id = reply.arena;
  return true;
}

bool request_staging(void* context, size_t bytes, ArenaMapping* mapping) {
  return request_arena(*static_cast<Connection*>(context), bytes, records::ArenaPurpose::kStaging,
                       mapping);
}

bool request_buffers(void* context, size_t bytes, ArenaMapping* mapping) {
  return request_arena(*static_cast<Connection*>(context), bytes, records::ArenaPurpose::kBuffers,
                       mapping);
}

void drop_arena(void* context, const ArenaMapping& mapping) {
  Connection& connection = *static_cast<Connection*>(context);
  munmap(mapping.base, mapping.bytes);
  if (connection.dead()) return;
  opencl::DropArenaCommand command{};
  command.arena = mapping.id;
  size_t size = opencl::encoded_size(command);
  LockGuard guard(connection.lock());
  unsigned char* frame = connection.reserve(size);
  if (frame == nullptr) return;
  opencl::encode(command, frame);
  connection.commit(size);
}

bool request_credit(void* context, uint64_t lacking) {
  Connection& connection = *static_cast<Connection*>(context);
  if (connection.dead()) return false;
  records::Record request;
  request.header.kind = records::Kind::kCreditRequest;
  records::CreditRequest wanted;
  wanted.bytes = lacking;
  std::memcpy(request.payload, &wanted, sizeof wanted);
  records::Record answer;
  if (!connection.request(request, records::Kind::kCreditReply, &answer, nullptr)) return false;
  records::CreditReply reply;
  std::memcpy(&reply, answer.payload, sizeof reply);
  return reply.granted != 0;
}

}  // namespace

bool attach_arenas(Connection& connection) {
  void* memory = std::malloc(sizeof(Arenas));
  if (memory == nullptr) return false;
  Arenas* arenas = new (memory) Arenas;
  arenas->staging.open({&connection, request_staging, drop_arena});
  if (!connection.staged()) arenas->buffers.open({&connection, request_buffers, drop_arena});
  connection.arenas = arenas;
  return true;
}

bool attach_credit(Connection& connection) {
  void* memory = std::malloc(sizeof(Credit));
  if (memory == nullptr) return false;
  Credit* credit = new (memory) Credit;
  credit->source.context = &connection;
  credit->source.request = request_credit;
  connection.credit = credit;
  return true;
}

}  // namespace aliquot::guest
