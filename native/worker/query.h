// Passing on the driver's answer to an information query.
#pragma once

#include <vector>

#include "worker/reply.h"

namespace aliquot::worker {

/// Asks `query(capacity, out, size)` for the size, then for the bytes, and answers with them.
template <class Replies, class Query>
void answer_query(Replies& replies, const opencl::ReplyTarget& target, Query query) {
  constexpr size_t kLargest = 64u << 20;
  size_t size = 0;
  cl_int status = query(0, nullptr, &size);
  if (status == CL_SUCCESS && size > kLargest) status = CL_OUT_OF_HOST_MEMORY;
  if (status != CL_SUCCESS) return replies.answer(target, status);
  std::vector<unsigned char> bytes(size);
  if (size != 0) status = query(size, bytes.data(), nullptr);
  if (status != CL_SUCCESS) bytes.clear();
  replies.answer(target, status, bytes);
}

}  // namespace aliquot::worker
