// Which kernels may be launched in pieces.
#include <string>

#include "check.h"
#include "worker/split_safety.h"

namespace aliquot::worker {

void test_split_safety() {
  const auto safe = [](const char* source, const char* options = "") {
    return unsplit_by_source(source) == UnsplitReason::kNone &&
           unsplit_by_options(options) == UnsplitReason::kNone;
  };
  CHECK(safe("kernel void f(global float* a) { a[get_global_id(0)] *= get_local_size(0); }"));
  CHECK(safe("// included: get_group_id\n/* get_num_groups(0) # include */ kernel void f() {}"));
  CHECK(safe("#define N 4\n#pragma unroll\nkernel void f() { barrier(CLK_LOCAL_MEM_FENCE); }"));
  CHECK(safe("kernel void f() { printf(\"/* \\\" \"); }", "-cl-fast-relaxed-math -DN=4"));

  CHECK(!safe(""));
  for (const char* telling : {"get_group_id(0)", "get_num_groups(0)", "get_global_size(0)",
                              "get_global_offset(0)", "get_global_linear_id()", "_group_id_x",
                              "__builtin_amdgcn_workgroup_id_x()", "__asm__(\"\")",
                              "atomic_inc(p)", "*(volatile global int*)p"}) {
    const std::string source = std::string("kernel void f() { int i = ") + telling + "; }";
    CHECK(!safe(source.c_str()));
  }
  // Names that don't stand in the text as they are used.
  CHECK(!safe("#define A(x) get_gr##x\nkernel void f() { A(oup_id)(0); }"));
  CHECK(!safe("#define A(x) get_gr%:%:x\nkernel void f() { A(oup_id)(0); }"));
  CHECK(!safe("kernel void f() { get_gro\\\nup_id(0); }"));
  CHECK(!safe("kernel void f() { get_gro\\ \r\nup_id(0); }"));
  CHECK(!safe("kernel void f() { get_gro?\?/\nup_id(0); }"));
  CHECK(!safe("kernel void f() { F(0); }", "-DF=get_group_id"));
  // Text that isn't there.
  CHECK(!safe("#include \"a.h\"\nkernel void f() {}"));
  CHECK(!safe(" # /* */ include A\nkernel void f() {}"));
  CHECK(!safe("%: include A\nkernel void f() {}"));
  CHECK(!safe("#inc\\\nlude \"a.h\"\nkernel void f() {}"));
  CHECK(!safe("kernel void f() {}", "-include a.h"));
  // A quote in a comment opens no string, and a comment's mark in a string no comment.
  CHECK(!safe("/* \" */ kernel void f() { get_group_id(0); } /* \" */"));
  CHECK(!safe("kernel void f() { printf(\"/*\"); get_group_id(0); printf(\"*/\"); }"));
  CHECK(!safe("// don't\nkernel void f() { get_group_id(0); } // don't"));
  // What is told of the reason.
  CHECK(unsplit_by_source("get_group_id") == UnsplitReason::kAsksForRange);
  CHECK(unsplit_by_source("atomic_inc") == UnsplitReason::kAtomics);
  CHECK(unsplit_by_source("#include <a>") == UnsplitReason::kUnreadable);
  CHECK(unsplit_by_source("") == UnsplitReason::kNoSource);
  CHECK(unsplit_by_options("-include a.h") == UnsplitReason::kUnreadable);
  CHECK(unsplit_by_options("-DF=atom_inc") == UnsplitReason::kAtomics);
}

}  // namespace aliquot::worker
