// Lets the programs of `aliquot bench` run on machines that had no OpenCL loader when they were
// built: the loader is opened at start, and every call goes through a pointer. Included before
// their own text by the compiler (-include). Both sides of a comparison pay the same extra
// indirect call.
//
// ALIQUOT_OPENCL_LOADER names another loader than libOpenCL.so.1.
#pragma once

#undef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define FOR_EACH_OPENCL_CALL(X) \
  X(clBuildProgram)             \
  X(clCreateBuffer)             \
  X(clCreateCommandQueue)       \
  X(clCreateContext)            \
  X(clCreateKernel)             \
  X(clCreateProgramWithSource)  \
  X(clCreateUserEvent)          \
  X(clEnqueueMapBuffer)         \
  X(clEnqueueNDRangeKernel)     \
  X(clEnqueueReadBuffer)        \
  X(clEnqueueUnmapMemObject)    \
  X(clEnqueueWriteBuffer)       \
  X(clFinish)                   \
  X(clFlush)                    \
  X(clGetDeviceIDs)             \
  X(clGetDeviceInfo)            \
  X(clGetPlatformIDs)           \
  X(clGetPlatformInfo)          \
  X(clGetProgramBuildInfo)      \
  X(clReleaseCommandQueue)      \
  X(clReleaseContext)           \
  X(clReleaseEvent)             \
  X(clReleaseKernel)            \
  X(clReleaseMemObject)         \
  X(clReleaseProgram)           \
  X(clSetEventCallback)         \
  X(clSetKernelArg)             \
  X(clSetUserEventStatus)       \
  X(clWaitForEvents)

#define DECLARE_CALL(name) static __typeof__(&name) pointer_to_##name;
FOR_EACH_OPENCL_CALL(DECLARE_CALL)
#undef DECLARE_CALL

__attribute__((constructor)) static void open_opencl_loader(void) {
  const char *loader = getenv("ALIQUOT_OPENCL_LOADER");
  void *library = dlopen(loader && *loader ? loader : "libOpenCL.so.1", RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    fprintf(stderr, "benchmark: %s\n", dlerror());
    exit(1);
  }
#define FIND_CALL(name)                                                  \
  pointer_to_##name = (__typeof__(&name))dlsym(library, #name);          \
  if (!pointer_to_##name) {                                              \
    fprintf(stderr, "benchmark: the OpenCL loader lacks %s\n", #name);     \
    exit(1);                                                             \
  }
  FOR_EACH_OPENCL_CALL(FIND_CALL)
#undef FIND_CALL
}

#define clBuildProgram pointer_to_clBuildProgram
#define clCreateBuffer pointer_to_clCreateBuffer
#define clCreateCommandQueue pointer_to_clCreateCommandQueue
#define clCreateContext pointer_to_clCreateContext
#define clCreateKernel pointer_to_clCreateKernel
#define clCreateProgramWithSource pointer_to_clCreateProgramWithSource
#define clCreateUserEvent pointer_to_clCreateUserEvent
#define clEnqueueMapBuffer pointer_to_clEnqueueMapBuffer
#define clEnqueueNDRangeKernel pointer_to_clEnqueueNDRangeKernel
#define clEnqueueReadBuffer pointer_to_clEnqueueReadBuffer
#define clEnqueueUnmapMemObject pointer_to_clEnqueueUnmapMemObject
#define clEnqueueWriteBuffer pointer_to_clEnqueueWriteBuffer
#define clFinish pointer_to_clFinish
#define clFlush pointer_to_clFlush
#define clGetDeviceIDs pointer_to_clGetDeviceIDs
#define clGetDeviceInfo pointer_to_clGetDeviceInfo
#define clGetPlatformIDs pointer_to_clGetPlatformIDs
#define clGetPlatformInfo pointer_to_clGetPlatformInfo
#define clGetProgramBuildInfo pointer_to_clGetProgramBuildInfo
#define clReleaseCommandQueue pointer_to_clReleaseCommandQueue
#define clReleaseContext pointer_to_clReleaseContext
#define clReleaseEvent pointer_to_clReleaseEvent
#define clReleaseKernel pointer_to_clReleaseKernel
#define clReleaseMemObject pointer_to_clReleaseMemObject
#define clReleaseProgram pointer_to_clReleaseProgram
#define clSetEventCallback pointer_to_clSetEventCallback
#define clSetKernelArg pointer_to_clSetKernelArg
#define clSetUserEventStatus pointer_to_clSetUserEventStatus
#define clWaitForEvents pointer_to_clWaitForEvents
