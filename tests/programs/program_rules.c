// Programs: creation, builds and their states, compile and link with headers, queries, binaries.
#include "expect.h"

#include <pthread.h>
#include <sys/stat.h>

static struct device d;

static cl_program source_program(const char *text) {
  cl_int code;
  cl_program program = clCreateProgramWithSource(d.context, 1, &text, NULL, &code);
  CHECK(code);
  return program;
}

static cl_build_status build_status(cl_program program) {
  cl_build_status status = 99;
  CHECK(clGetProgramBuildInfo(program, d.id, CL_PROGRAM_BUILD_STATUS, sizeof status, &status,
                              NULL));
  return status;
}

static cl_program_binary_type binary_type(cl_program program) {
  cl_program_binary_type type = 99;
  CHECK(clGetProgramBuildInfo(program, d.id, CL_PROGRAM_BINARY_TYPE, sizeof type, &type, NULL));
  return type;
}

// The first number that the kernel `name`, with one global argument, writes.
static int run(cl_program program, const char *name) {
  cl_int code, value = -1;
  const size_t one = 1;
  cl_mem out = make_buffer(&d, CL_MEM_READ_WRITE, sizeof value, NULL);
  cl_kernel kernel = clCreateKernel(program, name, &code);
  CHECK(code);
  CHECK(clSetKernelArg(kernel, 0, sizeof out, &out));
  CHECK(clEnqueueNDRangeKernel(d.queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL));
  CHECK(clEnqueueReadBuffer(d.queue, out, CL_TRUE, 0, sizeof value, &value, 0, NULL, NULL));
  CHECK(clReleaseKernel(kernel));
  CHECK(clReleaseMemObject(out));
  return value;
}

static void creation(void) {
  cl_int code = 1;
  const char *text = "kernel void f(global int *o) { o[0] = 1; }";
  const char *pieces[3] = {"kernel void f(global int *o) {", " o[0] = 12345; ", "}trailing"};
  const size_t lengths[3] = {0, 11, 1};
  const char *holes[2] = {text, NULL};
  EXPECT(clCreateProgramWithSource(NULL, 1, &text, NULL, &code) == NULL &&
         code == CL_INVALID_CONTEXT);
  EXPECT(clCreateProgramWithSource(d.context, 0, &text, NULL, &code) == NULL &&
         code == CL_INVALID_VALUE);
  if (strict) {  // PoCL crashes
    EXPECT(clCreateProgramWithSource(d.context, 1, NULL, NULL, &code) == NULL &&
           code == CL_INVALID_VALUE);
    EXPECT(clCreateProgramWithSource(d.context, 2, holes, NULL, &code) == NULL &&
           code == CL_INVALID_VALUE);
  }
  cl_program program = clCreateProgramWithSource(d.context, 3, pieces, lengths, &code);
  CHECK(code);
  char source[128] = "";
  size_t size = 0;
  CHECK(clGetProgramInfo(program, CL_PROGRAM_SOURCE, sizeof source, source, &size));
  EXPECT(strcmp(source, "kernel void f(global int *o) { o[0] = 123}") == 0);
  EXPECT(size == strlen(source) + 1);
  CHECK(clReleaseProgram(program));
}

static void builds(void) {
  cl_program program = source_program("kernel void f(global int *o) { o[0] = VALUE; }");
  EXPECT(build_status(program) == CL_BUILD_NONE);
  EXPECT(binary_type(program) == CL_PROGRAM_BINARY_TYPE_NONE);
  EXPECT_CODE(clBuildProgram(NULL, 0, NULL, "", NULL, NULL), CL_INVALID_PROGRAM);
  EXPECT_CODE(clBuildProgram(program, 1, NULL, "", NULL, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clBuildProgram(program, 0, &d.id, "", NULL, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clBuildProgram(program, 0, NULL, "", NULL, NULL), CL_BUILD_PROGRAM_FAILURE);
  EXPECT(build_status(program) == CL_BUILD_ERROR);
  size_t size = 0;
  CHECK(clGetProgramBuildInfo(program, d.id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size));
  char *log = calloc(1, size + 1);
  CHECK(clGetProgramBuildInfo(program, d.id, CL_PROGRAM_BUILD_LOG, size, log, NULL));
  EXPECT(strstr(log, "VALUE") != NULL);
  free(log);
  CHECK(clReleaseProgram(program));

  program = source_program("kernel void f(global int *o) { o[0] = VALUE; }");
  CHECK(clBuildProgram(program, 1, &d.id, "-DVALUE=3", NULL, NULL));
  EXPECT(build_status(program) == CL_BUILD_SUCCESS);
  EXPECT(binary_type(program) == CL_PROGRAM_BINARY_TYPE_EXECUTABLE);
  char options[32] = "";
  CHECK(clGetProgramBuildInfo(program, d.id, CL_PROGRAM_BUILD_OPTIONS, sizeof options, options,
                              NULL));
  EXPECT(strcmp(options, "-DVALUE=3") == 0);
  EXPECT(run(program, "f") == 3);
  CHECK(clBuildProgram(program, 1, &d.id, "-DVALUE=4", NULL, NULL));
  EXPECT(run(program, "f") == 4);
  EXPECT_CODE(clGetProgramBuildInfo(program, d.id, 0xdead, 0, NULL, NULL), CL_INVALID_VALUE);
  EXPECT_CODE(clGetProgramBuildInfo(program, NULL, CL_PROGRAM_BUILD_STATUS, 0, NULL, NULL),
              CL_INVALID_DEVICE);

  cl_int code;
  cl_kernel kernel = clCreateKernel(program, "f", &code);
  CHECK(code);
  EXPECT_CODE(clBuildProgram(program, 0, NULL, "-DVALUE=5", NULL, NULL), CL_INVALID_OPERATION);
  CHECK(clReleaseKernel(kernel));
  CHECK(clReleaseProgram(program));
}

static void queries(void) {
  cl_program program = source_program("kernel void a(void) {} kernel void b(void) {}");
  cl_uint devices = 0, references = 0;
  cl_device_id device = NULL;
  cl_context context = NULL;
  size_t kernels = 0;
  char names[16] = "";
  CHECK(clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, sizeof devices, &devices, NULL));
  CHECK(clGetProgramInfo(program, CL_PROGRAM_DEVICES, sizeof device, &device, NULL));
  CHECK(clGetProgramInfo(program, CL_PROGRAM_CONTEXT, sizeof context, &context, NULL));
  CHECK(clGetProgramInfo(program, CL_PROGRAM_REFERENCE_COUNT, sizeof references, &references,
                         NULL));
  EXPECT(devices == 1 && device == d.id && context == d.context && references == 1);
  EXPECT_CODE(clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL),
              CL_INVALID_PROGRAM_EXECUTABLE);
  CHECK(clBuildProgram(program, 0, NULL, NULL, NULL, NULL));
  CHECK(clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL));
  CHECK(clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, sizeof names, names, NULL));
  EXPECT(kernels == 2);
  EXPECT(strcmp(names, "a;b") == 0 || strcmp(names, "b;a") == 0);
  EXPECT_CODE(clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, 2, names, NULL),
              CL_INVALID_VALUE);
  EXPECT_CODE(clGetProgramInfo(program, 0xdead, 0, NULL, NULL), CL_INVALID_VALUE);
  CHECK(clReleaseProgram(program));
}

static void binaries(void) {
  cl_program program = source_program("kernel void f(global int *o) { o[0] = 11; }");
  CHECK(clBuildProgram(program, 0, NULL, "", NULL, NULL));
  size_t size = 0;
  CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL));
  EXPECT(size > 0);
  unsigned char *binary = malloc(size);
  unsigned char *nowhere = NULL;
  if (strict) {  // Intel's driver refuses what the specification allows: no place for a binary
    CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof nowhere, &nowhere, NULL));
  }
  CHECK(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL));
  const unsigned char *input = binary;
  cl_int code, state = 1;
  cl_program again =
      clCreateProgramWithBinary(d.context, 1, &d.id, &size, &input, &state, &code);
  CHECK(code);
  EXPECT(state == CL_SUCCESS);
  CHECK(clBuildProgram(again, 0, NULL, "", NULL, NULL));
  EXPECT(run(again, "f") == 11);
  CHECK(clReleaseProgram(again));

  const size_t none = 0;
  EXPECT(clCreateProgramWithBinary(d.context, 0, &d.id, &size, &input, NULL, &code) == NULL &&
         code == CL_INVALID_VALUE);
  EXPECT(clCreateProgramWithBinary(d.context, 1, &d.id, &none, &input, NULL, &code) == NULL &&
         code == CL_INVALID_VALUE);
  const unsigned char junk[64] = "this is no program";
  const unsigned char *junk_pointer = junk;
  const size_t junk_size = sizeof junk;
  EXPECT(clCreateProgramWithBinary(d.context, 1, &d.id, &junk_size, &junk_pointer, NULL, &code) ==
             NULL &&
         code == CL_INVALID_BINARY);
  free(binary);
  CHECK(clReleaseProgram(program));
}

static void compile_and_link(void) {
  cl_program header = source_program("#define ANSWER 42\n");
  cl_program first = source_program("#include \"answer.h\"\nint answer(void) { return ANSWER; }\n");
  cl_program second =
      source_program("int answer(void);\nkernel void f(global int *o) { o[0] = answer(); }\n");
  const char *name = "answer.h";
  cl_int code = 1;
  if (strict) {  // PoCL crashes
    EXPECT_CODE(clCompileProgram(first, 0, NULL, "", 1, &header, NULL, NULL, NULL),
                CL_INVALID_VALUE);
    EXPECT_CODE(clCompileProgram(first, 0, NULL, "", 0, &header, NULL, NULL, NULL),
                CL_INVALID_VALUE);
  }
  CHECK(clCompileProgram(first, 0, NULL, "", 1, &header, &name, NULL, NULL));
  EXPECT(binary_type(first) == CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT);
  CHECK(clCompileProgram(second, 0, NULL, "", 0, NULL, NULL, NULL, NULL));
  const cl_program inputs[2] = {first, second};
  EXPECT(clLinkProgram(d.context, 0, NULL, "", 0, NULL, NULL, NULL, &code) == NULL &&
         code == CL_INVALID_VALUE);
  cl_program linked = clLinkProgram(d.context, 0, NULL, "", 2, inputs, NULL, NULL, &code);
  CHECK(code);
  EXPECT(build_status(linked) == CL_BUILD_SUCCESS);
  EXPECT(binary_type(linked) == CL_PROGRAM_BINARY_TYPE_EXECUTABLE);
  EXPECT(run(linked, "f") == 42);
  CHECK(clReleaseProgram(linked));
  CHECK(clReleaseProgram(second));
  CHECK(clReleaseProgram(first));
  CHECK(clReleaseProgram(header));
}

// Headers in the program's own file system, and a change of their folder between two builds. What
// they may say, compilers take without a warning.
static void headers_on_disk(void) {
  char folder[] = "/tmp/aliquot-headers-XXXXXX", path[64], options[64];
  if (mkdtemp(folder) == NULL) exit(1);
  cl_program program =
      source_program("#include <number.h>\nkernel void f(global int *o) { o[0] = NUMBER; }\n");
  for (int i = 1; i <= 2; i++) {
    snprintf(options, sizeof options, "-Werror -I%s/%d", folder, i);
    snprintf(path, sizeof path, "%s/%d", folder, i);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%d/number.h", folder, i);
    FILE *file = fopen(path, "w");
    if (file == NULL) exit(1);
    fprintf(file, "#pragma once\n#define NUMBER %d\n", 70 + i);
    fclose(file);
    CHECK(clBuildProgram(program, 0, NULL, options, NULL, NULL));
    EXPECT(run(program, "f") == 70 + i);
    unlink(path);
    snprintf(path, sizeof path, "%s/%d", folder, i);
    rmdir(path);
  }
  rmdir(folder);
  size_t size = 0;
  CHECK(clGetProgramInfo(program, CL_PROGRAM_SOURCE, 0, NULL, &size));
  EXPECT(size == strlen("#include <number.h>\nkernel void f(global int *o) { o[0] = NUMBER; }\n") +
                     1);
  CHECK(clReleaseProgram(program));
}

// The same where the name of a header comes out of macros, as hashcat has it, or is a whole path.
static void headers_by_macro(void) {
  char folder[] = "/tmp/aliquot-headers-XXXXXX", path[64], options[256];
  if (mkdtemp(folder) == NULL) exit(1);
  snprintf(path, sizeof path, "%s/number.h", folder);
  FILE *file = fopen(path, "w");
  if (file == NULL) exit(1);
  fprintf(file, "#define NUMBER 81\n");
  fclose(file);
  const char *source =
      "#ifndef TEXT\n"
      "#define INNER(x) #x\n"
      "#define TEXT(x) INNER(x)\n"
      "#endif\n"
      "#include TEXT(PLACE/number.h)\n"
      "kernel void f(global int *o) { o[0] = NUMBER; }\n";
  snprintf(options, sizeof options, "-I %s -D PLACE=%s", folder, folder);
  cl_program program = source_program(source);
  CHECK(clBuildProgram(program, 0, NULL, options, NULL, NULL));
  EXPECT(run(program, "f") == 81);
  CHECK(clReleaseProgram(program));
  snprintf(options, sizeof options, "-D PLACE=%s -D INNER(x)=#x -D TEXT(x)=INNER(x)", folder);
  program = source_program(source);
  CHECK(clBuildProgram(program, 0, NULL, options, NULL, NULL));
  EXPECT(run(program, "f") == 81);
  CHECK(clReleaseProgram(program));
  // A whole path is found without a folder or a macro among the options.
  char whole[256];
  snprintf(whole, sizeof whole,
           "#include \"%s\"\nkernel void f(global int *o) { o[0] = NUMBER; }\n", path);
  program = source_program(whole);
  CHECK(clBuildProgram(program, 0, NULL, NULL, NULL, NULL));
  EXPECT(run(program, "f") == 81);
  CHECK(clReleaseProgram(program));
  unlink(path);
  rmdir(folder);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int calls;

static void CL_CALLBACK built(cl_program program, void *data) {
  (void)program;
  pthread_mutex_lock(&mutex);
  calls += *(int *)data;
  pthread_cond_signal(&condition);
  pthread_mutex_unlock(&mutex);
}

static void callbacks(void) {
  int step = 1;
  cl_program program = source_program("kernel void f(global int *o) { o[0] = 5; }");
  EXPECT_CODE(clBuildProgram(program, 0, NULL, "", NULL, &step), CL_INVALID_VALUE);
  CHECK(clBuildProgram(program, 0, NULL, "", built, &step));
  pthread_mutex_lock(&mutex);
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 30;
  while (calls == 0 && pthread_cond_timedwait(&condition, &mutex, &end) == 0) {
  }
  EXPECT(calls == 1);
  pthread_mutex_unlock(&mutex);
  EXPECT(build_status(program) == CL_BUILD_SUCCESS);
  EXPECT(run(program, "f") == 5);
  CHECK(clReleaseProgram(program));
}

// What the compiler claims is what the device reports: programs choose their path by either.
static void macros(void) {
  cl_int code, lines_off = -1;
  cl_bool images = 2;
  const char *text =
      "#ifdef __IMAGE_SUPPORT__\n"
      "#define IMAGES 1\n"
      "#else\n"
      "#define IMAGES 0\n"
      "#endif\n"
      "kernel void claims(global int *o) { o[0] = IMAGES; }\n"
      "kernel void line(global int *o) { o[0] = __LINE__ - 7; }\n";
  CHECK(clGetDeviceInfo(d.id, CL_DEVICE_IMAGE_SUPPORT, sizeof images, &images, NULL));
  cl_program program = clCreateProgramWithSource(d.context, 1, &text, NULL, &code);
  CHECK(code);
  CHECK(clBuildProgram(program, 1, &d.id, "", NULL, NULL));
  EXPECT(run(program, "claims") == (int)images);
  lines_off = run(program, "line");
  EXPECT(lines_off == 0);
  CHECK(clReleaseProgram(program));
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  d = open_device();
  macros();
  creation();
  builds();
  queries();
  binaries();
  compile_and_link();
  headers_on_disk();
  headers_by_macro();
  callbacks();
  close_device(&d);
  return finish_expectations("program_rules");
}
