#include "worker/report_filter.h"

#include <CL/cl.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace aliquot::worker {

namespace {

// Kernel language features, and queries that the snapshot carries.
constexpr std::string_view kExtensions[] = {
    "cl_khr_icd",
    "cl_khr_extended_versioning",
    "cl_khr_byte_addressable_store",
    "cl_khr_global_int32_base_atomics",
    "cl_khr_global_int32_extended_atomics",
    "cl_khr_local_int32_base_atomics",
    "cl_khr_local_int32_extended_atomics",
    "cl_khr_int64_base_atomics",
    "cl_khr_int64_extended_atomics",
    "cl_khr_fp16",
    "cl_khr_fp64",
    "cl_khr_select_fprounding_mode",
    "cl_khr_subgroups",
    "cl_khr_subgroup_extended_types",
    "cl_khr_subgroup_non_uniform_vote",
    "cl_khr_subgroup_ballot",
    "cl_khr_subgroup_non_uniform_arithmetic",
    "cl_khr_subgroup_shuffle",
    "cl_khr_subgroup_shuffle_relative",
    "cl_khr_subgroup_clustered_reduce",
    "cl_khr_subgroup_rotate",
    "cl_khr_extended_bit_ops",
    "cl_khr_integer_dot_product",
    "cl_khr_expect_assume",
    "cl_khr_work_group_uniform_arithmetic",
    "cl_khr_device_enqueue_local_arg_types",
    "cl_ext_float_atomics",
    "cl_ext_cxx_for_opencl",
    "cl_intel_subgroups",
    "cl_intel_subgroups_char",
    "cl_intel_subgroups_short",
    "cl_intel_subgroups_long",
    "cl_intel_required_subgroup_size",
    "cl_intel_spirv_subgroups",
    "cl_nv_device_attribute_query",
    "cl_nv_pragma_unroll",
    "cl_nv_compiler_options",
    "cl_amd_device_attribute_query",
    "cl_amd_media_ops",
    "cl_amd_media_ops2",
    "cl_amd_printf",
};

constexpr std::string_view kMissingFeatures[] = {
    "__opencl_c_images",
    "__opencl_c_3d_image_writes",
    "__opencl_c_read_write_images",
    "__opencl_c_pipes",
    "__opencl_c_device_enqueue",
};

}  // namespace

bool extension_works(std::string_view name) {
  return std::find(std::begin(kExtensions), std::end(kExtensions), name) != std::end(kExtensions);
}

bool feature_works(std::string_view name) {
  return std::find(std::begin(kMissingFeatures), std::end(kMissingFeatures), name) ==
         std::end(kMissingFeatures);
}

const std::string& source_preamble() {
  static const std::string preamble = [] {
    std::string text("#undef __IMAGE_SUPPORT__\n");
    for (const std::string_view feature : kMissingFeatures) {
      text += "#undef ";
      text += feature;
      text += '\n';
    }
    text += "#line 1\n";
    return text;
  }();
  return preamble;
}

std::string filter_extensions(std::string_view list) {
  std::string kept;
  while (!list.empty()) {
    const size_t end = std::min(list.find(' '), list.size());
    const std::string_view name = list.substr(0, end);
    if (extension_works(name)) {
      if (!kept.empty()) kept += ' ';
      kept += name;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return kept;
}

std::vector<unsigned char> filter_names(const std::vector<unsigned char>& array,
                                        bool (*works)(std::string_view)) {
  std::vector<unsigned char> kept;
  if (array.size() % sizeof(cl_name_version) != 0) return kept;
  for (size_t at = 0; at < array.size(); at += sizeof(cl_name_version)) {
    cl_name_version entry;
    std::memcpy(&entry, array.data() + at, sizeof entry);
    if (works({entry.name, strnlen(entry.name, sizeof entry.name)})) {
      kept.insert(kept.end(), array.begin() + static_cast<ptrdiff_t>(at),
                  array.begin() + static_cast<ptrdiff_t>(at + sizeof entry));
    }
  }
  return kept;
}

}  // namespace aliquot::worker
