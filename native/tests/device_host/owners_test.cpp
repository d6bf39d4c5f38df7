// Whose vGPUs are, and whose processes may hold them.
#include <sys/stat.h>
#include <unistd.h>

#include "device_host/holder_process.h"
#include "host_in_process.h"

using namespace aliquot;  // NOLINT: a test program
using records::Kind;

namespace {

constexpr uid_t kAlice = 1001;

records::Record create_for(Peers& peers, const Descriptor& control, uid_t owner) {
  records::VgpuCreate create;
  create.memory_bytes = 1 << 20;
  create.flags = records::kLasting;
  create.id_low = 1;
  create.owner_uid = owner;
  return peers.ask(control, Kind::kVgpuCreate, create);
}

}  // namespace

// Root may name whom it likes, and the socket is that user's; whoever else names another is refused.
void test_whose_a_vgpu_may_be() {
  Peers peers;
  const Descriptor control = peers.connect("control.sock");
  peers.ask(control, Kind::kControlHello, records::ControlWelcome{});
  const bool is_root = ::geteuid() == 0;
  const uid_t other = ::geteuid() + kAlice;
  const records::Record answer = create_for(peers, control, other);
  if (!is_root) {
    CHECK(payload_of<records::Error>(answer).code == records::ErrorCode::kNotPermitted);
    CHECK(create_for(peers, control, ::geteuid()).header.kind == Kind::kVgpuCreated);
    return;
  }
  CHECK(answer.header.kind == Kind::kVgpuCreated);
  struct stat status {};
  CHECK(::stat(payload_of<records::VgpuCreated>(answer).socket_path, &status) == 0);
  CHECK(status.st_uid == other && (status.st_mode & 0777) == 0600);
  const auto differs = payload_of<records::Error>(create_for(peers, control, records::kPeerItself));
  CHECK(differs.code == records::ErrorCode::kVgpuDiffers);
}

void test_whose_processes_hold() {
  const auto self = static_cast<uint32_t>(::getpid());
  const uid_t user = ::getuid(), other = user + kAlice;
  const auto asked_by = [&](uid_t asking, uid_t owner) {
    Descriptor holder;
    const HolderProblem problem = open_holder(self, asking, owner, holder);
    CHECK(static_cast<bool>(holder));
    return problem;
  };
  CHECK(asked_by(user, other) == HolderProblem::kNone);
  CHECK(asked_by(other, other) == HolderProblem::kOthers);
  CHECK(asked_by(other, user) == HolderProblem::kOthers);  // only root may name the owner's
  CHECK(asked_by(0, user) == HolderProblem::kNone);
  CHECK(asked_by(0, other) == (user == 0 ? HolderProblem::kNone : HolderProblem::kOthers));
  Descriptor holder;
  for (const uint32_t nobody : {0u, 0x7fffffffu, ~0u})
    CHECK(open_holder(nobody, 0, 0, holder) == HolderProblem::kNoProcess);
}
