// The device host's end of one vGPU's page (vgpu_page.h): the only one that can write it.
#pragma once

#include "device_host/arbiter/arbiter.h"
#include "device_host/supervisor_link.h"
#include "protocol/descriptor.h"
#include "protocol/records.h"
#include "protocol/vgpu_page.h"

namespace aliquot {

class VgpuPageMemory {
 public:
  VgpuPageMemory() = default;
  ~VgpuPageMemory();
  VgpuPageMemory(const VgpuPageMemory&) = delete;
  VgpuPageMemory& operator=(const VgpuPageMemory&) = delete;

  /// Makes and maps the page. False with errno set where that can't be had.
  bool create(SupervisorLink& link, const KeptKey& key);
  /// Takes over the page of a device host that died, and where it is mapped.
  void adopt(Descriptor memory, void* page);
  int descriptor() const { return memory_.get(); }

  /// The vGPU's turns, as of `at_ns`. For every change of them: costs a few dozen ns.
  void write_turns(vgpu_page::State state, uint64_t at_ns, const arbiter::Account& account);
  /// What was promised, how it went lately, and what is used.
  void write_look(const records::VgpuTurns& turns, const records::VgpuStatus& status);
  /// Nothing more will be written.
  void write_end();

 private:
  template <class Write>
  void change(Write write);

  Descriptor memory_;
  vgpu_page::Page* page_ = nullptr;
};

}  // namespace aliquot
