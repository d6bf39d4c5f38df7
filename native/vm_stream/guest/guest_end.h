// The guest VM's end of the stream: takes programs in, and gives each what the host says of it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "vm_stream/guest/program.h"
#include "vm_stream/guest/stream_writer.h"
#include "vm_stream/message_reader.h"

namespace aliquot::vm_stream {

class GuestEnd {
 public:
  /// `listener`: where guest drivers connect. `port`: the virtio-serial port, or a Unix socket in its place.
  /// `plane`: a file in place of an ivshmem device, else empty.
  GuestEnd(Descriptor listener, std::string port, std::string plane);

  /// Serves until `stop` can be read.
  void run(int stop);

 private:
  void wait(int stop);
  void open_stream();
  void lose_stream(const char* why);
  void hail();
  bool read_stream();
  bool handle(const Header& header, std::span<const unsigned char> payload);
  void welcome(const Welcome& welcome);
  bool find_plane(std::span<const unsigned char> payload);
  bool put_bytes(const Header& header, std::span<const unsigned char> payload);
  void take_in();
  void see_to_programs();
  void see_to_credit(Program& program);
  void tick();

  Descriptor listener_;
  const std::string port_;
  const std::string plane_file_;
  Descriptor poke_;
  Descriptor stream_;
  StreamWriter writer_;
  MessageReader reader_;
  std::unique_ptr<Plane> plane_;  // of this stream; null: none, or it can't be found
  std::map<uint32_t, std::unique_ptr<Program>> programs_;
  uint32_t last_channel_ = 0;
  Hello hello_;
  ClockDifference clock_;
  bool welcomed_ = false;
  bool complained_ = false;  // of what keeps it from the host
  uint64_t hailed_ns_ = 0;
  uint64_t tried_ns_ = 0;
  uint64_t ticked_ns_ = 0;
};

}  // namespace aliquot::vm_stream
