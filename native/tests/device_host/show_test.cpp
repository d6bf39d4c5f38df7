// All about one vGPU, as the device host tells it.
#include <cstring>

#include "host_in_process.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

records::Record unsplit(uint32_t place, uint64_t longest_ns, const char* name,
                        records::UnsplitReason reason = records::UnsplitReason::kAtomics) {
  records::UnsplitKernel kernel;
  kernel.place = place;
  kernel.longest_ns = longest_ns;
  kernel.reason = reason;
  std::memset(kernel.name, 'x', sizeof kernel.name);  // a worker need not end a text
  std::memcpy(kernel.name, name, std::strlen(name));
  return make_record(Kind::kUnsplitKernel, 0, kernel);
}

ScriptedWorker& begin(Peers& peers, Descriptor& control) {
  control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  records::VgpuCreate create;
  create.memory_bytes = 16 << 20;
  return peers.make_vgpu(control, create);
}

}  // namespace

void test_a_vgpu_is_shown() {
  Peers peers;
  Descriptor control;
  ScriptedWorker& worker = begin(peers, control);
  worker.say(unsplit(7, 5'000'000, "shorter"));
  worker.say(unsplit(0, 9'000'000, "\x1b[31m"));
  const Descriptor guest = peers.connect("v1.sock");
  CHECK(peers.ask(guest, Kind::kGuestHello, records::GuestHello{}).header.kind ==
        Kind::kGuestWelcome);
  const auto told = peers.ask_all(control, Kind::kVgpuShow, records::VgpuReference{1});
  const Kind kinds[] = {Kind::kVgpuStatus, Kind::kVgpuTurns, Kind::kVgpuCopies, Kind::kVgpuKernel,
                        Kind::kVgpuKernel, Kind::kVgpuProcess, Kind::kDone};
  CHECK(told.size() == std::size(kinds));
  for (size_t i = 0; i < std::min(told.size(), std::size(kinds)); ++i)
    CHECK(told[i].header.kind == kinds[i] && told[i].header.sequence == 1);
  const auto longest = payload_of<records::VgpuKernel>(told.at(3));
  CHECK(longest.longest_ns == 9'000'000 && longest.reason == records::UnsplitReason::kAtomics);
  const std::string name(longest.name, ::strnlen(longest.name, sizeof longest.name));
  CHECK(name.starts_with("?[31mxx") && name.size() == sizeof longest.name - 1);
  const auto process = payload_of<records::VgpuProcess>(told.at(5));
  CHECK(process.process_id == static_cast<uint32_t>(::getpid()) && process.connection == 1);
  CHECK(payload_of<records::Error>(
            peers.ask(control, Kind::kVgpuShow, records::VgpuReference{2})).code ==
        records::ErrorCode::kNoSuchVgpu);
}

void test_kernels_that_can_t_be() {
  constexpr auto kLast = static_cast<uint32_t>(records::UnsplitReason::kLast);
  for (const records::Record& record :
       {unsplit(records::kMostUnsplitKernels, 1, "x"),
        unsplit(0, 1, "x", static_cast<records::UnsplitReason>(kLast + 1))}) {
    Peers peers;
    Descriptor control;
    ScriptedWorker& worker = begin(peers, control);
    worker.say(record);
    CHECK(worker.why_killed == "it told of a kernel in a way that can't be");
  }
}
