// A stream that begins, goes on, breaks and begins again, however its bytes come in.
#include <algorithm>
#include <string>

#include "check.h"
#include "vm_stream/host/out_buffer.h"
#include "vm_stream/message_reader.h"

using namespace aliquot::vm_stream;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes message(MessageKind kind, size_t payload, unsigned char filling) {
  const Header header{static_cast<uint32_t>(payload), kind, 0, 7, 0};
  Bytes bytes(sizeof header + payload, filling);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

void append(Bytes& to, const Bytes& more) {
  const size_t before = to.size();
  to.resize(before + more.size());
  std::copy(more.begin(), more.end(), to.begin() + static_cast<long>(before));
}

/// What a reader makes of bytes that come in pieces: B a beginning, X malformed, a number a message's payload.
std::string read(const Bytes& bytes, size_t piece) {
  MessageReader reader;
  std::string told;
  for (size_t at = 0; at < bytes.size();) {
    const auto room = reader.room();
    const size_t count = std::min({piece, bytes.size() - at, room.size()});
    CHECK(count != 0);
    std::memcpy(room.data(), bytes.data() + at, count);
    reader.filled(count);
    at += count;
    for (;;) {
      Header header;
      std::span<const unsigned char> payload;
      const auto next = reader.next(header, payload);
      if (next == MessageReader::Next::kMore) break;
      if (next == MessageReader::Next::kBeginning) told += 'B';
      if (next == MessageReader::Next::kMalformed) told += 'X';
      if (next == MessageReader::Next::kMessage) {
        told += std::to_string(payload.size()) + ' ';
        CHECK(header.channel == 7);
        CHECK(std::all_of(payload.begin(), payload.end(),
                          [&](unsigned char byte) { return byte == payload[0]; }));
      }
    }
  }
  return told;
}

}  // namespace

void test_reader() {
  const Bytes run(kRunBytes, kRunByte);
  Bytes stream = {1, 2, 3};  // of an earlier stream
  append(stream, run);
  append(stream, message(MessageKind::kHello, 24, 1));
  append(stream, message(MessageKind::kFill, kMostPayload, 2));
  append(stream, message(MessageKind::kClose, 0, 0));
  // A guest VM that is reset in the midst of a message, and begins anew.
  Bytes cut = message(MessageKind::kFill, kMostPayload, kRunByte);
  cut.resize(5000);
  append(stream, cut);
  append(stream, run);
  append(stream, message(MessageKind::kHello, 24, 3));
  // The rest of the run makes up the cut message, and what is left of it is a beginning.
  const std::string expected = "B24 131072 0 131072 B24 ";
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{4096}, stream.size()})
    CHECK(read(stream, piece) == expected);

  Bytes broken = run;
  append(broken, message(MessageKind::kHello, 24, 1));
  append(broken, message(MessageKind::kFill, kMostPayload + 1, 2));
  append(broken, message(MessageKind::kHello, 24, 4));  // nothing comes of it
  append(broken, run);
  append(broken, message(MessageKind::kHello, 32, 5));
  CHECK(read(broken, 1000) == "B24 XB32 ");
  CHECK(read(message(MessageKind::kHello, 24, 1), 100).empty());

  OutBuffer out;
  size_t put = 0;
  while (out.fits(1000)) {
    out.put({0, MessageKind::kPrint, 0, 7, 0}, {Bytes(1000)});
    ++put;
  }
  CHECK(put == OutBuffer::kBytes / (1000 + sizeof(Header)));
  out.sent(600'00);
  CHECK(out.fits(1000) && out.waiting().size() == put * 1016 - 60000);
}
