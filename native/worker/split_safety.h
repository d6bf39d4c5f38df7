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

namespace aliquot::worker {

/// Whether no kernel made from this text can see that it is launched in pieces. For text of which all
/// is known: nothing included, no names pasted together, no ways round the language. Cautious: a
/// harmless name that looks like one of the functions in question makes it unsafe.
bool can_be_split(std::string_view source);
/// Whether options of the compiler leave that as it is.
bool options_permit_split(std::string_view build_options);

}  // namespace aliquot::worker
