// Headers put in the place of #include lines.
#include "guest/opencl/includes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "check.h"

using aliquot::guest::opencl::expand_includes;
using aliquot::guest::opencl::ExpandedText;

namespace {

// A folder of headers that goes away with the test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/aliquot-includes-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + name).parent_path());
    std::ofstream(path_ + "/" + name) << text;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The expansion without its #line marks; "=" when the text stays as it is.
std::string expand(const std::string& text, const std::string& options, bool marks = false) {
  const ExpandedText expanded = expand_includes(text.data(), text.size(), options.c_str());
  CHECK(!expanded.no_memory);
  if (expanded.data == nullptr) return "=";
  std::string result(expanded.data, expanded.bytes);
  std::free(expanded.data);
  for (size_t at = 0; !marks && (at = result.find("#line ", at)) != result.npos;) {
    result.erase(at, result.find('\n', at) - at + 1);
  }
  return result;
}

}  // namespace

void test_includes() {
  Folder folder;
  folder.write("one.h", "int one;");
  folder.write("nested.h", "#include \"one.h\"\nint nested;\n");
  folder.write("loop.h", "int loop;\n#include \"loop.h\"\n");
  folder.write("once.h", "#pragma once\nint once;\n");
  folder.write("once-why.h", " # pragma once  // why\nint once;\n");
  folder.write("once-comment.h", "#pragma once /* opens\n#include <one.h>\n*/ int once;\n");
  folder.write("deep/inner.h", "#include \"beside.h\"\n");
  folder.write("deep/beside.h", "int beside;\n");
  folder.write("with space/spaced.h", "int spaced;\n");
  const std::string option = "-cl-fast-relaxed-math -I" + folder.path();

  // Nothing to do: no folder, no #include, or nothing found.
  CHECK(expand("#include <one.h>\n", "") == "=");
  CHECK(expand("#include <one.h>\n", "-DX=-I") == "=");
  CHECK(expand("int x;\n", option) == "=");
  // A whole path needs no folder, and no options at all.
  const std::string whole = "#include \"" + folder.path() + "/one.h\"\n";
  CHECK(expand(whole, "") == "int one;\n");
  const ExpandedText plain = expand_includes(whole.data(), whole.size(), nullptr);
  CHECK(plain.data != nullptr && std::strstr(plain.data, "int one;") != nullptr);
  std::free(plain.data);
  CHECK(expand("#include <missing.h>\n", option) == "=");

  CHECK(expand("#include <one.h>\nint x;\n", option) == "int one;\nint x;\n");
  CHECK(expand("  #  include \"one.h\" // why\nx", option) == "int one;\nx");
  CHECK(expand("#include <one.h>", "-I " + folder.path()) == "int one;\n");
  CHECK(expand("#include <nested.h>\n", option) == "int one;\nint nested;\n\n");
  CHECK(expand("#include <deep/inner.h>\n", option) == "int beside;\n\n\n");
  CHECK(expand("#include <loop.h>\n", option) == "int loop;\n\n\n");
  CHECK(expand("#include <once.h>\n#include <once.h>\n", option) ==
        "\nint once;\n\n\n");
  CHECK(expand("#include <once-why.h>\n#include <once-why.h>\n", option) ==
        "\nint once;\n\n\n");
  CHECK(expand("#include <once-comment.h>\n", option) ==
        "#pragma once /* opens\n#include <one.h>\n*/ int once;\n\n");
  // Names that macros stand for.
  CHECK(expand("#include NAME\n", option + " -DNAME=<one.h>") == "int one;\n");
  CHECK(expand("#include NAME\n", option + " -D NAME=\\\"one.h\\\"") == "int one;\n");
  CHECK(expand("#define NAME \"one.h\" // why\n#include NAME /* so */\n", option) ==
        "#define NAME \"one.h\" // why\nint one;\n");
  CHECK(expand("#include TEXT(PLACE/one.h)\n",
               "-D PLACE=" + folder.path() + " -D INNER(x)=#x -D TEXT(x)=INNER(x)") ==
        "int one;\n");
  CHECK(expand("#define TEXT(x) #x\n#include TEXT(one.h)\n", option) ==
        "#define TEXT(x) #x\nint one;\n");
  CHECK(expand("#define A(x) <x.h>\n#include A( one )\n", option) ==
        "#define A(x) <x.h>\nint one;\n");
  // What the options say wins; what two lines say differently, or nobody, is left alone.
  CHECK(expand("#ifndef N\n#define N <missing.h>\n#endif\n#include N\n", option + " -DN=<one.h>") ==
        "#ifndef N\n#define N <missing.h>\n#endif\nint one;\n");
  CHECK(expand("#define N <one.h>\n#define N <once.h>\n#include N\n", option) == "=");
  CHECK(expand("#define N(x, y) <x>\n#include N(one.h, 1)\n", option) == "=");
  CHECK(expand("#define N N\n#include N\n#define M(x) M(x)\n#include M(1)\n", option) == "=");
  CHECK(expand("#define N(x) #x\n#include N(one.h\n#include N\n#include NN(a)\n", option) == "=");
  CHECK(expand("#define N(\n#include N(one.h)\n#define \n#define 1 2\n", option) == "=");
  CHECK(expand("#include N\n", option + " -D") == "=");
  std::string bomb = "#define A0\n";  // grows without bound, and to nothing
  for (int i = 1; i < 16; ++i) {
    bomb += "#define A" + std::to_string(i);
    for (int k = 0; k < 200; ++k) bomb += " A" + std::to_string(i - 1);
    bomb += "\n";
  }
  CHECK(expand(bomb + "#include A15\n", option) == "=");
  CHECK(expand("#include <spaced.h>\n", "-I \"" + folder.path() + "/with space\"") ==
        "int spaced;\n\n");

  // Comments and strings are none of its business.
  CHECK(expand("/*\n#include <one.h>\n*/\n", option) == "=");
  CHECK(expand("// */ /*\n#include <one.h>\n", option) == "// */ /*\nint one;\n");
  CHECK(expand("const char* a = \"/*\";\n#include <one.h>\n", option) ==
        "const char* a = \"/*\";\nint one;\n");

  // Messages of the compiler keep their places.
  CHECK(expand("a\n#include <one.h>\nb\n", option, true) ==
        "a\n#line 1 \"" + folder.path() + "/one.h\"\nint one;\n#line 3 \"<source>\"\nb\n");

  // What is no regular file is not read: this would wait for ever.
  ::mkfifo((folder.path() + "/pipe.h").c_str(), 0600);
  CHECK(expand("#include <pipe.h>\n", option) == "=");
}
