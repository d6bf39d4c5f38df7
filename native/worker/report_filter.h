// Which extensions and features of a driver work through a vGPU.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aliquot::worker {

/// True for an extension that needs no function of its own and no kind of object that is not
/// remoted.
bool extension_works(std::string_view name);
/// True for an optional feature of OpenCL C 3.0 that works.
bool feature_works(std::string_view name);

/// What comes before every source, so that the compiler claims no more than the device reports:
/// programs choose between two paths by these macros. Line numbers stay the program's own.
const std::string& source_preamble();

/// The names of `list` (separated by spaces) that work.
std::string filter_extensions(std::string_view list);
/// Of an array of cl_name_version those that `works` accepts; what is no such array becomes empty.
std::vector<unsigned char> filter_names(const std::vector<unsigned char>& array,
                                        bool (*works)(std::string_view));

}  // namespace aliquot::worker
