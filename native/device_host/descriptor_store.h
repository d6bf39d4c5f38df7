// Descriptors that a supervisor keeps for its device host, so that sockets stay open and memory
// stays there when the device host dies. The next one is forked off with the store in it, and takes
// over.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "device_host/kept_key.h"
#include "protocol/descriptor.h"

namespace aliquot {

struct KeptDescriptor {
  Descriptor descriptor;
  uint64_t note = 0;
  void* page = nullptr;  // where it is mapped for writing, which nobody else can do any more
};

class DescriptorStore {
 public:
  DescriptorStore() = default;
  ~DescriptorStore();
  DescriptorStore(const DescriptorStore&) = delete;
  DescriptorStore& operator=(const DescriptorStore&) = delete;

  /// In the place of what was kept under the key.
  void keep(const KeptKey& key, Descriptor descriptor, uint64_t note);
  /// The same, and maps one page of it for writing. False: it can't be mapped, and isn't kept.
  bool keep_page(const KeptKey& key, Descriptor descriptor, size_t bytes);
  void forget(const KeptKey& key);
  void rename(const KeptKey& from, const KeptKey& to);
  size_t count() const { return kept_.size(); }

  /// For the next device host: what is kept under the key, which is the caller's from now on, the
  /// page included. Invalid where nothing is.
  KeptDescriptor take(const KeptKey& key);
  /// All keys of a kind and, but for kControl, a vGPU.
  std::vector<KeptKey> keys(KeptKind kind, uint64_t vgpu) const;
  /// What nobody took.
  std::vector<KeptKey> left() const;

 private:
  std::map<KeptKey, KeptDescriptor> kept_;
  size_t page_bytes_ = 0;
};

}  // namespace aliquot
