#include "device_host/descriptor_store.h"

#include <sys/mman.h>

namespace aliquot {

DescriptorStore::~DescriptorStore() {
  for (const auto& [key, kept] : kept_)
    if (kept.page != nullptr) ::munmap(kept.page, page_bytes_);
}

void DescriptorStore::keep(const KeptKey& key, Descriptor descriptor, uint64_t note) {
  forget(key);
  KeptDescriptor& kept = kept_[key];
  kept.descriptor = std::move(descriptor);
  kept.note = note;
}

bool DescriptorStore::keep_page(const KeptKey& key, Descriptor descriptor, size_t bytes) {
  void* page = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
  if (page == MAP_FAILED) return false;
  keep(key, std::move(descriptor), 0);
  kept_[key].page = page;
  page_bytes_ = bytes;
  return true;
}

void DescriptorStore::forget(const KeptKey& key) {
  const auto found = kept_.find(key);
  if (found == kept_.end()) return;
  if (found->second.page != nullptr) ::munmap(found->second.page, page_bytes_);
  kept_.erase(found);
}

void DescriptorStore::rename(const KeptKey& from, const KeptKey& to) {
  const auto found = kept_.find(from);
  if (found == kept_.end() || from == to) return;
  forget(to);
  auto entry = kept_.extract(found);
  entry.key() = to;
  kept_.insert(std::move(entry));
}

KeptDescriptor DescriptorStore::take(const KeptKey& key) {
  const auto found = kept_.find(key);
  if (found == kept_.end()) return {};
  KeptDescriptor kept = std::move(found->second);
  kept_.erase(found);
  return kept;
}

std::vector<KeptKey> DescriptorStore::keys(KeptKind kind, uint64_t vgpu) const {
  std::vector<KeptKey> keys;
  for (auto at = kept_.lower_bound({kind, 0, 0, 0}); at != kept_.end() && at->first.kind == kind;
       ++at)
    if (at->first.vgpu == vgpu) keys.push_back(at->first);
  return keys;
}

std::vector<KeptKey> DescriptorStore::left() const {
  std::vector<KeptKey> left;
  for (const auto& [key, kept] : kept_) left.push_back(key);
  return left;
}

}  // namespace aliquot
