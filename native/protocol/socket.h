// Records over SOCK_SEQPACKET Unix sockets, with descriptors beside them. Used by the device host,
// the guest driver and the worker, so: no exceptions, no allocation, nothing blocks unless its name
// says that it waits.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "protocol/descriptor.h"
#include "protocol/records.h"

namespace aliquot {

/// What a single attempt to send or receive came to.
enum class SocketResult {
  kOk,
  kWouldBlock,  // try again when the socket is ready
  kClosed,      // the peer is gone, or the socket is broken
  kMalformed,   // a message came that is no record; its descriptors are closed
};

constexpr size_t kMostDescriptors = 4;  // beside one record

/// Descriptors that came with a record, or that shall go with one.
struct DescriptorList {
  Descriptor items[kMostDescriptors];
  size_t count = 0;
};

/// Sends one record, with `count` borrowed descriptors, without waiting.
SocketResult send_record(int socket, const records::Record& record,
                         const int* descriptors = nullptr, size_t count = 0);

/// Receives one record without waiting. More descriptors than `descriptors` holds, a length that is
/// not kRecordSize, or a wrong magic are kMalformed. The version is the caller's to check.
SocketResult receive_record(int socket, records::Record& record, DescriptorList& descriptors);

/// Waits until the socket can be read or the peer hung up. False after `milliseconds`.
bool wait_readable(int socket, int milliseconds);

/// True when the peer has closed its end (data may still be waiting to be read).
bool peer_hung_up(int socket);

/// Connects to a record socket; invalid with errno set when that fails. The connection is
/// non-blocking and close-on-exec. Never waits: a full backlog is EAGAIN.
Descriptor connect_record_socket(const char* path);

/// Listens at `path` with mode 0600. A socket file that is there already is replaced.
Descriptor listen_record_socket(const char* path, int backlog);

/// Takes one waiting connection, non-blocking and close-on-exec; invalid when there is none.
Descriptor accept_record_socket(int listener);

/// Makes a connected pair, both non-blocking and close-on-exec.
bool make_record_socket_pair(Descriptor& first, Descriptor& second);

struct PeerIdentity {
  uid_t user = static_cast<uid_t>(-1);
  pid_t process = 0;  // 0 when the process lies outside this process namespace
};

/// Who connected, by the kernel's word. False when the kernel can't say.
bool identify_peer(int socket, PeerIdentity& identity);

/// A record of this kind around `payload`.
template <class Payload>
records::Record make_record(records::Kind kind, uint32_t sequence, const Payload& payload) {
  static_assert(std::is_trivially_copyable_v<Payload>);
  static_assert(sizeof(Payload) <= records::kPayloadSize);
  records::Record record;
  record.header.kind = kind;
  record.header.sequence = sequence;
  std::memcpy(record.payload, &payload, sizeof(Payload));
  return record;
}

/// A record that is all header.
inline records::Record make_record(records::Kind kind, uint32_t sequence) {
  records::Record record;
  record.header.kind = kind;
  record.header.sequence = sequence;
  return record;
}

/// A copy of the payload, read as `Payload`. Text in it may lack its terminating zero.
template <class Payload>
Payload payload_of(const records::Record& record) {
  static_assert(std::is_trivially_copyable_v<Payload>);
  static_assert(sizeof(Payload) <= records::kPayloadSize);
  Payload payload;
  std::memcpy(static_cast<void*>(&payload), record.payload, sizeof(Payload));
  return payload;
}

/// Copies text into a fixed field: always zero-terminated, cut when too long.
void copy_text(char* field, size_t field_size, const char* text);

}  // namespace aliquot
