// A connection without a decode thread, to which the test hands its commands itself.
#pragma once

#include <time.h>

#include <vector>

#include "check.h"
#include "generated/opencl_codec.h"
#include "worker/connection.h"

namespace aliquot::test {

class Host final : public worker::HostLink {
 public:
  void send(const records::Record& record) override {
    if (record.header.kind == records::Kind::kKernelOverrun) ++overruns;
  }
  int overruns = 0;
};

template <class Command>
void send(worker::Connection& connection, const Command& command) {
  const size_t size = opencl::encoded_size(command);
  std::vector<uint64_t> frame(size / 8);
  opencl::encode(command, reinterpret_cast<unsigned char*>(frame.data()));
  CHECK(connection.handle({reinterpret_cast<unsigned char*>(frame.data()), size}));
}

/// Context 1.
inline void open_context(worker::Connection& connection) {
  const uint32_t device = 1;
  opencl::CreateContextCommand command;
  command.context = 1;
  command.devices = {&device, 1};
  send(connection, command);
}

/// Waits until `condition()`. False: it didn't come about.
template <class Condition>
bool comes(Condition condition) {
  const timespec pause{0, 1'000'000};
  for (int i = 0; i < 10'000 && !condition(); ++i) nanosleep(&pause, nullptr);
  return condition();
}

}  // namespace aliquot::test
