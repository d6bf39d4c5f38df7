// Whether kernels of a program may be launched in pieces: whether they can't tell.
//
// A launch in pieces is the same range in several launches with other global offsets and sizes. Every
// order of work-groups is one that OpenCL permits (OpenCL C 3.0, section 6.15.1; API 3.0, section 3.2:
// groups are independent), so pieces one after another are. But a kernel sees a difference that asks
// for its group's number, the number of groups, the global size or the offset. One that can't ask is
// safe, and what isn't understood counts as asking. Nor may one group wait for another, as programs do
// that count on all groups running at once: what has the means for that is not safe either.
#pragma once

#include <string_view>

#include "protocol/records.h"

namespace aliquot::worker {

using records::UnsplitReason;

/// Why a kernel made from this text might see that it is launched in pieces; kNone: none can. For text
/// of which all is known: nothing included, no names pasted together, no ways round the language.
/// Cautious: a harmless name that looks like one of the functions in question makes it unsafe.
UnsplitReason unsplit_by_source(std::string_view source);
/// The same of the compiler's options; kNone where they leave it as it is.
UnsplitReason unsplit_by_options(std::string_view build_options);

}  // namespace aliquot::worker
