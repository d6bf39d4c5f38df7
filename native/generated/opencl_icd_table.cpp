// Made by `python -m tools.generate` from spec/opencl/functions.toml; do not edit. The dispatch
// table, and functions that are not supported: each returns its error.
#include "generated/opencl_icd_table.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "generated/opencl_functions.h"

namespace aliquot::guest::opencl {
namespace {

cl_int CL_API_CALL SetCommandQueueProperty(cl_command_queue, cl_command_queue_properties, cl_bool,
                                           cl_command_queue_properties*) {
  return CL_INVALID_OPERATION;
}

cl_mem CL_API_CALL CreateImage2D(cl_context, cl_mem_flags, const cl_image_format*, size_t, size_t,
                                 size_t, void*, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_mem CL_API_CALL CreateImage3D(cl_context, cl_mem_flags, const cl_image_format*, size_t, size_t,
                                 size_t, size_t, size_t, void*, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_int CL_API_CALL GetImageInfo(cl_mem, cl_image_info, size_t, void*, size_t*) {
  return CL_INVALID_MEM_OBJECT;
}

cl_sampler CL_API_CALL CreateSampler(cl_context, cl_bool, cl_addressing_mode, cl_filter_mode,
                                     cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_int CL_API_CALL RetainSampler(cl_sampler) {
  return CL_INVALID_SAMPLER;
}

cl_int CL_API_CALL ReleaseSampler(cl_sampler) {
  return CL_INVALID_SAMPLER;
}

cl_int CL_API_CALL GetSamplerInfo(cl_sampler, cl_sampler_info, size_t, void*, size_t*) {
  return CL_INVALID_SAMPLER;
}

cl_int CL_API_CALL EnqueueReadImage(cl_command_queue, cl_mem, cl_bool, const size_t*, const size_t*,
                                    size_t, size_t, void*, cl_uint, const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL EnqueueWriteImage(cl_command_queue, cl_mem, cl_bool, const size_t*,
                                     const size_t*, size_t, size_t, const void*, cl_uint,
                                     const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL EnqueueCopyImage(cl_command_queue, cl_mem, cl_mem, const size_t*, const size_t*,
                                    const size_t*, cl_uint, const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL EnqueueCopyImageToBuffer(cl_command_queue, cl_mem, cl_mem, const size_t*,
                                            const size_t*, size_t, cl_uint, const cl_event*,
                                            cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL EnqueueCopyBufferToImage(cl_command_queue, cl_mem, cl_mem, size_t, const size_t*,
                                            const size_t*, cl_uint, const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

void* CL_API_CALL EnqueueMapImage(cl_command_queue, cl_mem, cl_bool, cl_map_flags, const size_t*,
                                  const size_t*, size_t*, size_t*, cl_uint, const cl_event*,
                                  cl_event*, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_int CL_API_CALL EnqueueNativeKernel(cl_command_queue, NativeKernel, void*, size_t, cl_uint,
                                       const cl_mem*, const void**, cl_uint, const cl_event*,
                                       cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_mem CL_API_CALL CreateFromGLBuffer(cl_context, cl_mem_flags, cl_GLuint, int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateFromGLTexture2D(cl_context, cl_mem_flags, cl_GLenum, cl_GLint, cl_GLuint,
                                         cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateFromGLTexture3D(cl_context, cl_mem_flags, cl_GLenum, cl_GLint, cl_GLuint,
                                         cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateFromGLRenderbuffer(cl_context, cl_mem_flags, cl_GLuint,
                                            cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_int CL_API_CALL GetGLObjectInfo(cl_mem, cl_gl_object_type*, cl_GLuint*) {
  return CL_INVALID_GL_OBJECT;
}

cl_int CL_API_CALL GetGLTextureInfo(cl_mem, cl_gl_texture_info, size_t, void*, size_t*) {
  return CL_INVALID_GL_OBJECT;
}

cl_int CL_API_CALL EnqueueAcquireGLObjects(cl_command_queue, cl_uint, const cl_mem*, cl_uint,
                                           const cl_event*, cl_event*) {
  return CL_INVALID_CONTEXT;
}

cl_int CL_API_CALL EnqueueReleaseGLObjects(cl_command_queue, cl_uint, const cl_mem*, cl_uint,
                                           const cl_event*, cl_event*) {
  return CL_INVALID_CONTEXT;
}

cl_int CL_API_CALL GetGLContextInfoKHR(const cl_context_properties*, cl_gl_context_info, size_t,
                                       void*, size_t*) {
  return CL_INVALID_GL_SHAREGROUP_REFERENCE_KHR;
}

cl_int CL_API_CALL GetDeviceIDsFromD3D10KHR(cl_platform_id, cl_uint, void*, cl_uint, cl_uint,
                                            cl_device_id*, cl_uint*) {
  return CL_DEVICE_NOT_FOUND;
}

cl_mem CL_API_CALL CreateFromD3D10BufferKHR(cl_context, cl_mem_flags, void*, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateFromD3D10Texture2DKHR(cl_context, cl_mem_flags, void*, cl_uint,
                                               cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateFromD3D10Texture3DKHR(cl_context, cl_mem_flags, void*, cl_uint,
                                               cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_int CL_API_CALL EnqueueAcquireD3D10ObjectsKHR(cl_command_queue, cl_uint, const cl_mem*, cl_uint,
                                                 const cl_event*, cl_event*) {
  return CL_INVALID_CONTEXT;
}

cl_int CL_API_CALL EnqueueReleaseD3D10ObjectsKHR(cl_command_queue, cl_uint, const cl_mem*, cl_uint,
                                                 const cl_event*, cl_event*) {
  return CL_INVALID_CONTEXT;
}

cl_int CL_API_CALL CreateSubDevicesEXT(cl_device_id, const cl_device_partition_property_ext*,
                                       cl_uint, cl_device_id*, cl_uint*) {
  return CL_INVALID_VALUE;
}

cl_event CL_API_CALL CreateEventFromGLsyncKHR(cl_context, cl_GLsync, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateImage(cl_context, cl_mem_flags, const cl_image_format*,
                               const cl_image_desc*, void*, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_program CL_API_CALL CreateProgramWithBuiltInKernels(cl_context, cl_uint, const cl_device_id*,
                                                       const char*, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_VALUE;
  return {};
}

cl_int CL_API_CALL EnqueueFillImage(cl_command_queue, cl_mem, const void*, const size_t*,
                                    const size_t*, cl_uint, const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_mem CL_API_CALL CreateFromGLTexture(cl_context, cl_mem_flags, cl_GLenum, cl_GLint, cl_GLuint,
                                       cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_int CL_API_CALL GetDeviceIDsFromD3D11KHR(cl_platform_id, cl_uint, void*, cl_uint, cl_uint,
                                            cl_device_id*, cl_uint*) {
  return CL_DEVICE_NOT_FOUND;
}

cl_mem CL_API_CALL CreateFromD3D11BufferKHR(cl_context, cl_mem_flags, void*, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateFromD3D11Texture2DKHR(cl_context, cl_mem_flags, void*, cl_uint,
                                               cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateFromD3D11Texture3DKHR(cl_context, cl_mem_flags, void*, cl_uint,
                                               cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_mem CL_API_CALL CreateFromDX9MediaSurfaceKHR(cl_context, cl_mem_flags, cl_uint, void*, cl_uint,
                                                cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_CONTEXT;
  return {};
}

cl_int CL_API_CALL EnqueueAcquireD3D11ObjectsKHR(cl_command_queue, cl_uint, const cl_mem*, cl_uint,
                                                 const cl_event*, cl_event*) {
  return CL_INVALID_CONTEXT;
}

cl_int CL_API_CALL EnqueueReleaseD3D11ObjectsKHR(cl_command_queue, cl_uint, const cl_mem*, cl_uint,
                                                 const cl_event*, cl_event*) {
  return CL_INVALID_CONTEXT;
}

cl_int CL_API_CALL GetDeviceIDsFromDX9MediaAdapterKHR(cl_platform_id, cl_uint, cl_uint*, void*,
                                                      cl_uint, cl_uint, cl_device_id*, cl_uint*) {
  return CL_DEVICE_NOT_FOUND;
}

cl_int CL_API_CALL EnqueueAcquireDX9MediaSurfacesKHR(cl_command_queue, cl_uint, const cl_mem*,
                                                     cl_uint, const cl_event*, cl_event*) {
  return CL_INVALID_CONTEXT;
}

cl_int CL_API_CALL EnqueueReleaseDX9MediaSurfacesKHR(cl_command_queue, cl_uint, const cl_mem*,
                                                     cl_uint, const cl_event*, cl_event*) {
  return CL_INVALID_CONTEXT;
}

cl_mem CL_API_CALL CreateFromEGLImageKHR(cl_context, CLeglDisplayKHR, CLeglImageKHR, cl_mem_flags,
                                         const cl_egl_image_properties_khr*, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_int CL_API_CALL EnqueueAcquireEGLObjectsKHR(cl_command_queue, cl_uint, const cl_mem*, cl_uint,
                                               const cl_event*, cl_event*) {
  return CL_INVALID_EGL_OBJECT_KHR;
}

cl_int CL_API_CALL EnqueueReleaseEGLObjectsKHR(cl_command_queue, cl_uint, const cl_mem*, cl_uint,
                                               const cl_event*, cl_event*) {
  return CL_INVALID_EGL_OBJECT_KHR;
}

cl_event CL_API_CALL CreateEventFromEGLSyncKHR(cl_context, CLeglSyncKHR, CLeglDisplayKHR,
                                               cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_EGL_OBJECT_KHR;
  return {};
}

cl_mem CL_API_CALL CreatePipe(cl_context, cl_mem_flags, cl_uint, cl_uint, const cl_pipe_properties*,
                              cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_int CL_API_CALL GetPipeInfo(cl_mem, cl_pipe_info, size_t, void*, size_t*) {
  return CL_INVALID_MEM_OBJECT;
}

void* CL_API_CALL SVMAlloc(cl_context, cl_svm_mem_flags, size_t, unsigned int) {
  return {};
}

void CL_API_CALL SVMFree(cl_context, void*) {}

cl_int CL_API_CALL EnqueueSVMFree(cl_command_queue, cl_uint, void**, SvmFree, void*, cl_uint,
                                  const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL EnqueueSVMMemcpy(cl_command_queue, cl_bool, void*, const void*, size_t, cl_uint,
                                    const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL EnqueueSVMMemFill(cl_command_queue, void*, const void*, size_t, size_t, cl_uint,
                                     const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL EnqueueSVMMap(cl_command_queue, cl_bool, cl_map_flags, void*, size_t, cl_uint,
                                 const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL EnqueueSVMUnmap(cl_command_queue, void*, cl_uint, const cl_event*, cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_sampler CL_API_CALL CreateSamplerWithProperties(cl_context, const cl_sampler_properties*,
                                                   cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_int CL_API_CALL SetKernelArgSVMPointer(cl_kernel, cl_uint, const void*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL SetKernelExecInfo(cl_kernel, cl_kernel_exec_info, size_t, const void*) {
  return CL_INVALID_OPERATION;
}

cl_program CL_API_CALL CreateProgramWithIL(cl_context, const void*, size_t, cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

cl_int CL_API_CALL EnqueueSVMMigrateMem(cl_command_queue, cl_uint, const void**, const size_t*,
                                        cl_mem_migration_flags, cl_uint, const cl_event*,
                                        cl_event*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL SetDefaultDeviceCommandQueue(cl_context, cl_device_id, cl_command_queue) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL SetProgramReleaseCallback(cl_program, ProgramNotify, void*) {
  return CL_INVALID_OPERATION;
}

cl_int CL_API_CALL SetProgramSpecializationConstant(cl_program, cl_uint, size_t, const void*) {
  return CL_INVALID_OPERATION;
}

cl_mem CL_API_CALL CreateImageWithProperties(cl_context, const cl_mem_properties*, cl_mem_flags,
                                             const cl_image_format*, const cl_image_desc*, void*,
                                             cl_int* errcode_ret) {
  if (errcode_ret != nullptr) *errcode_ret = CL_INVALID_OPERATION;
  return {};
}

struct Entry {
  const char* name;
  void* function;
  bool supported;
};

// By name, as strcmp has it.
const Entry kEntries[] = {
    {"clBuildProgram", reinterpret_cast<void*>(&BuildProgram), true},
    {"clCloneKernel", reinterpret_cast<void*>(&CloneKernel), true},
    {"clCompileProgram", reinterpret_cast<void*>(&CompileProgram), true},
    {"clCreateBuffer", reinterpret_cast<void*>(&CreateBuffer), true},
    {"clCreateBufferWithProperties", reinterpret_cast<void*>(&CreateBufferWithProperties), true},
    {"clCreateCommandQueue", reinterpret_cast<void*>(&CreateCommandQueue), true},
    {"clCreateCommandQueueWithProperties",
     reinterpret_cast<void*>(&CreateCommandQueueWithProperties), true},
    {"clCreateContext", reinterpret_cast<void*>(&CreateContext), true},
    {"clCreateContextFromType", reinterpret_cast<void*>(&CreateContextFromType), true},
    {"clCreateEventFromEGLSyncKHR", reinterpret_cast<void*>(&CreateEventFromEGLSyncKHR), false},
    {"clCreateEventFromGLsyncKHR", reinterpret_cast<void*>(&CreateEventFromGLsyncKHR), false},
    {"clCreateFromD3D10BufferKHR", reinterpret_cast<void*>(&CreateFromD3D10BufferKHR), false},
    {"clCreateFromD3D10Texture2DKHR", reinterpret_cast<void*>(&CreateFromD3D10Texture2DKHR), false},
    {"clCreateFromD3D10Texture3DKHR", reinterpret_cast<void*>(&CreateFromD3D10Texture3DKHR), false},
    {"clCreateFromD3D11BufferKHR", reinterpret_cast<void*>(&CreateFromD3D11BufferKHR), false},
    {"clCreateFromD3D11Texture2DKHR", reinterpret_cast<void*>(&CreateFromD3D11Texture2DKHR), false},
    {"clCreateFromD3D11Texture3DKHR", reinterpret_cast<void*>(&CreateFromD3D11Texture3DKHR), false},
    {"clCreateFromDX9MediaSurfaceKHR", reinterpret_cast<void*>(&CreateFromDX9MediaSurfaceKHR),
     false},
    {"clCreateFromEGLImageKHR", reinterpret_cast<void*>(&CreateFromEGLImageKHR), false},
    {"clCreateFromGLBuffer", reinterpret_cast<void*>(&CreateFromGLBuffer), false},
    {"clCreateFromGLRenderbuffer", reinterpret_cast<void*>(&CreateFromGLRenderbuffer), false},
    {"clCreateFromGLTexture", reinterpret_cast<void*>(&CreateFromGLTexture), false},
    {"clCreateFromGLTexture2D", reinterpret_cast<void*>(&CreateFromGLTexture2D), false},
    {"clCreateFromGLTexture3D", reinterpret_cast<void*>(&CreateFromGLTexture3D), false},
    {"clCreateImage", reinterpret_cast<void*>(&CreateImage), false},
    {"clCreateImage2D", reinterpret_cast<void*>(&CreateImage2D), false},
    {"clCreateImage3D", reinterpret_cast<void*>(&CreateImage3D), false},
    {"clCreateImageWithProperties", reinterpret_cast<void*>(&CreateImageWithProperties), false},
    {"clCreateKernel", reinterpret_cast<void*>(&CreateKernel), true},
    {"clCreateKernelsInProgram", reinterpret_cast<void*>(&CreateKernelsInProgram), true},
    {"clCreatePipe", reinterpret_cast<void*>(&CreatePipe), false},
    {"clCreateProgramWithBinary", reinterpret_cast<void*>(&CreateProgramWithBinary), true},
    {"clCreateProgramWithBuiltInKernels", reinterpret_cast<void*>(&CreateProgramWithBuiltInKernels),
     false},
    {"clCreateProgramWithIL", reinterpret_cast<void*>(&CreateProgramWithIL), false},
    {"clCreateProgramWithSource", reinterpret_cast<void*>(&CreateProgramWithSource), true},
    {"clCreateSampler", reinterpret_cast<void*>(&CreateSampler), false},
    {"clCreateSamplerWithProperties", reinterpret_cast<void*>(&CreateSamplerWithProperties), false},
    {"clCreateSubBuffer", reinterpret_cast<void*>(&CreateSubBuffer), true},
    {"clCreateSubDevices", reinterpret_cast<void*>(&CreateSubDevices), true},
    {"clCreateSubDevicesEXT", reinterpret_cast<void*>(&CreateSubDevicesEXT), false},
    {"clCreateUserEvent", reinterpret_cast<void*>(&CreateUserEvent), true},
    {"clEnqueueAcquireD3D10ObjectsKHR", reinterpret_cast<void*>(&EnqueueAcquireD3D10ObjectsKHR),
     false},
    {"clEnqueueAcquireD3D11ObjectsKHR", reinterpret_cast<void*>(&EnqueueAcquireD3D11ObjectsKHR),
     false},
    {"clEnqueueAcquireDX9MediaSurfacesKHR",
     reinterpret_cast<void*>(&EnqueueAcquireDX9MediaSurfacesKHR), false},
    {"clEnqueueAcquireEGLObjectsKHR", reinterpret_cast<void*>(&EnqueueAcquireEGLObjectsKHR), false},
    {"clEnqueueAcquireGLObjects", reinterpret_cast<void*>(&EnqueueAcquireGLObjects), false},
    {"clEnqueueBarrier", reinterpret_cast<void*>(&EnqueueBarrier), true},
    {"clEnqueueBarrierWithWaitList", reinterpret_cast<void*>(&EnqueueBarrierWithWaitList), true},
    {"clEnqueueCopyBuffer", reinterpret_cast<void*>(&EnqueueCopyBuffer), true},
    {"clEnqueueCopyBufferRect", reinterpret_cast<void*>(&EnqueueCopyBufferRect), true},
    {"clEnqueueCopyBufferToImage", reinterpret_cast<void*>(&EnqueueCopyBufferToImage), false},
    {"clEnqueueCopyImage", reinterpret_cast<void*>(&EnqueueCopyImage), false},
    {"clEnqueueCopyImageToBuffer", reinterpret_cast<void*>(&EnqueueCopyImageToBuffer), false},
    {"clEnqueueFillBuffer", reinterpret_cast<void*>(&EnqueueFillBuffer), true},
    {"clEnqueueFillImage", reinterpret_cast<void*>(&EnqueueFillImage), false},
    {"clEnqueueMapBuffer", reinterpret_cast<void*>(&EnqueueMapBuffer), true},
    {"clEnqueueMapImage", reinterpret_cast<void*>(&EnqueueMapImage), false},
    {"clEnqueueMarker", reinterpret_cast<void*>(&EnqueueMarker), true},
    {"clEnqueueMarkerWithWaitList", reinterpret_cast<void*>(&EnqueueMarkerWithWaitList), true},
    {"clEnqueueMigrateMemObjects", reinterpret_cast<void*>(&EnqueueMigrateMemObjects), true},
    {"clEnqueueNDRangeKernel", reinterpret_cast<void*>(&EnqueueNDRangeKernel), true},
    {"clEnqueueNativeKernel", reinterpret_cast<void*>(&EnqueueNativeKernel), false},
    {"clEnqueueReadBuffer", reinterpret_cast<void*>(&EnqueueReadBuffer), true},
    {"clEnqueueReadBufferRect", reinterpret_cast<void*>(&EnqueueReadBufferRect), true},
    {"clEnqueueReadImage", reinterpret_cast<void*>(&EnqueueReadImage), false},
    {"clEnqueueReleaseD3D10ObjectsKHR", reinterpret_cast<void*>(&EnqueueReleaseD3D10ObjectsKHR),
     false},
    {"clEnqueueReleaseD3D11ObjectsKHR", reinterpret_cast<void*>(&EnqueueReleaseD3D11ObjectsKHR),
     false},
    {"clEnqueueReleaseDX9MediaSurfacesKHR",
     reinterpret_cast<void*>(&EnqueueReleaseDX9MediaSurfacesKHR), false},
    {"clEnqueueReleaseEGLObjectsKHR", reinterpret_cast<void*>(&EnqueueReleaseEGLObjectsKHR), false},
    {"clEnqueueReleaseGLObjects", reinterpret_cast<void*>(&EnqueueReleaseGLObjects), false},
    {"clEnqueueSVMFree", reinterpret_cast<void*>(&EnqueueSVMFree), false},
    {"clEnqueueSVMMap", reinterpret_cast<void*>(&EnqueueSVMMap), false},
    {"clEnqueueSVMMemFill", reinterpret_cast<void*>(&EnqueueSVMMemFill), false},
    {"clEnqueueSVMMemcpy", reinterpret_cast<void*>(&EnqueueSVMMemcpy), false},
    {"clEnqueueSVMMigrateMem", reinterpret_cast<void*>(&EnqueueSVMMigrateMem), false},
    {"clEnqueueSVMUnmap", reinterpret_cast<void*>(&EnqueueSVMUnmap), false},
    {"clEnqueueTask", reinterpret_cast<void*>(&EnqueueTask), true},
    {"clEnqueueUnmapMemObject", reinterpret_cast<void*>(&EnqueueUnmapMemObject), true},
    {"clEnqueueWaitForEvents", reinterpret_cast<void*>(&EnqueueWaitForEvents), true},
    {"clEnqueueWriteBuffer", reinterpret_cast<void*>(&EnqueueWriteBuffer), true},
    {"clEnqueueWriteBufferRect", reinterpret_cast<void*>(&EnqueueWriteBufferRect), true},
    {"clEnqueueWriteImage", reinterpret_cast<void*>(&EnqueueWriteImage), false},
    {"clFinish", reinterpret_cast<void*>(&Finish), true},
    {"clFlush", reinterpret_cast<void*>(&Flush), true},
    {"clGetCommandQueueInfo", reinterpret_cast<void*>(&GetCommandQueueInfo), true},
    {"clGetContextInfo", reinterpret_cast<void*>(&GetContextInfo), true},
    {"clGetDeviceAndHostTimer", reinterpret_cast<void*>(&GetDeviceAndHostTimer), true},
    {"clGetDeviceIDs", reinterpret_cast<void*>(&GetDeviceIDs), true},
    {"clGetDeviceIDsFromD3D10KHR", reinterpret_cast<void*>(&GetDeviceIDsFromD3D10KHR), false},
    {"clGetDeviceIDsFromD3D11KHR", reinterpret_cast<void*>(&GetDeviceIDsFromD3D11KHR), false},
    {"clGetDeviceIDsFromDX9MediaAdapterKHR",
     reinterpret_cast<void*>(&GetDeviceIDsFromDX9MediaAdapterKHR), false},
    {"clGetDeviceInfo", reinterpret_cast<void*>(&GetDeviceInfo), true},
    {"clGetEventInfo", reinterpret_cast<void*>(&GetEventInfo), true},
    {"clGetEventProfilingInfo", reinterpret_cast<void*>(&GetEventProfilingInfo), true},
    {"clGetExtensionFunctionAddress", reinterpret_cast<void*>(&GetExtensionFunctionAddress), true},
    {"clGetExtensionFunctionAddressForPlatform",
     reinterpret_cast<void*>(&GetExtensionFunctionAddressForPlatform), true},
    {"clGetGLContextInfoKHR", reinterpret_cast<void*>(&GetGLContextInfoKHR), false},
    {"clGetGLObjectInfo", reinterpret_cast<void*>(&GetGLObjectInfo), false},
    {"clGetGLTextureInfo", reinterpret_cast<void*>(&GetGLTextureInfo), false},
    {"clGetHostTimer", reinterpret_cast<void*>(&GetHostTimer), true},
    {"clGetImageInfo", reinterpret_cast<void*>(&GetImageInfo), false},
    {"clGetKernelArgInfo", reinterpret_cast<void*>(&GetKernelArgInfo), true},
    {"clGetKernelInfo", reinterpret_cast<void*>(&GetKernelInfo), true},
    {"clGetKernelSubGroupInfo", reinterpret_cast<void*>(&GetKernelSubGroupInfo), true},
    {"clGetKernelSubGroupInfoKHR", reinterpret_cast<void*>(&GetKernelSubGroupInfo), true},
    {"clGetKernelWorkGroupInfo", reinterpret_cast<void*>(&GetKernelWorkGroupInfo), true},
    {"clGetMemObjectInfo", reinterpret_cast<void*>(&GetMemObjectInfo), true},
    {"clGetPipeInfo", reinterpret_cast<void*>(&GetPipeInfo), false},
    {"clGetPlatformIDs", reinterpret_cast<void*>(&GetPlatformIDs), true},
    {"clGetPlatformInfo", reinterpret_cast<void*>(&GetPlatformInfo), true},
    {"clGetProgramBuildInfo", reinterpret_cast<void*>(&GetProgramBuildInfo), true},
    {"clGetProgramInfo", reinterpret_cast<void*>(&GetProgramInfo), true},
    {"clGetSamplerInfo", reinterpret_cast<void*>(&GetSamplerInfo), false},
    {"clGetSupportedImageFormats", reinterpret_cast<void*>(&GetSupportedImageFormats), true},
    {"clIcdGetFunctionAddressForPlatformKHR",
     reinterpret_cast<void*>(&IcdGetFunctionAddressForPlatformKHR), true},
    {"clIcdGetPlatformIDsKHR", reinterpret_cast<void*>(&IcdGetPlatformIDsKHR), true},
    {"clIcdSetPlatformDispatchDataKHR", reinterpret_cast<void*>(&IcdSetPlatformDispatchDataKHR),
     true},
    {"clLinkProgram", reinterpret_cast<void*>(&LinkProgram), true},
    {"clReleaseCommandQueue", reinterpret_cast<void*>(&ReleaseCommandQueue), true},
    {"clReleaseContext", reinterpret_cast<void*>(&ReleaseContext), true},
    {"clReleaseDevice", reinterpret_cast<void*>(&ReleaseDevice), true},
    {"clReleaseDeviceEXT", reinterpret_cast<void*>(&ReleaseDevice), true},
    {"clReleaseEvent", reinterpret_cast<void*>(&ReleaseEvent), true},
    {"clReleaseKernel", reinterpret_cast<void*>(&ReleaseKernel), true},
    {"clReleaseMemObject", reinterpret_cast<void*>(&ReleaseMemObject), true},
    {"clReleaseProgram", reinterpret_cast<void*>(&ReleaseProgram), true},
    {"clReleaseSampler", reinterpret_cast<void*>(&ReleaseSampler), false},
    {"clRetainCommandQueue", reinterpret_cast<void*>(&RetainCommandQueue), true},
    {"clRetainContext", reinterpret_cast<void*>(&RetainContext), true},
    {"clRetainDevice", reinterpret_cast<void*>(&RetainDevice), true},
    {"clRetainDeviceEXT", reinterpret_cast<void*>(&RetainDevice), true},
    {"clRetainEvent", reinterpret_cast<void*>(&RetainEvent), true},
    {"clRetainKernel", reinterpret_cast<void*>(&RetainKernel), true},
    {"clRetainMemObject", reinterpret_cast<void*>(&RetainMemObject), true},
    {"clRetainProgram", reinterpret_cast<void*>(&RetainProgram), true},
    {"clRetainSampler", reinterpret_cast<void*>(&RetainSampler), false},
    {"clSVMAlloc", reinterpret_cast<void*>(&SVMAlloc), false},
    {"clSVMFree", reinterpret_cast<void*>(&SVMFree), false},
    {"clSetCommandQueueProperty", reinterpret_cast<void*>(&SetCommandQueueProperty), false},
    {"clSetContextDestructorCallback", reinterpret_cast<void*>(&SetContextDestructorCallback),
     true},
    {"clSetDefaultDeviceCommandQueue", reinterpret_cast<void*>(&SetDefaultDeviceCommandQueue),
     false},
    {"clSetEventCallback", reinterpret_cast<void*>(&SetEventCallback), true},
    {"clSetKernelArg", reinterpret_cast<void*>(&SetKernelArg), true},
    {"clSetKernelArgSVMPointer", reinterpret_cast<void*>(&SetKernelArgSVMPointer), false},
    {"clSetKernelExecInfo", reinterpret_cast<void*>(&SetKernelExecInfo), false},
    {"clSetMemObjectDestructorCallback", reinterpret_cast<void*>(&SetMemObjectDestructorCallback),
     true},
    {"clSetProgramReleaseCallback", reinterpret_cast<void*>(&SetProgramReleaseCallback), false},
    {"clSetProgramSpecializationConstant",
     reinterpret_cast<void*>(&SetProgramSpecializationConstant), false},
    {"clSetUserEventStatus", reinterpret_cast<void*>(&SetUserEventStatus), true},
    {"clUnloadCompiler", reinterpret_cast<void*>(&UnloadCompiler), true},
    {"clUnloadPlatformCompiler", reinterpret_cast<void*>(&UnloadPlatformCompiler), true},
    {"clWaitForEvents", reinterpret_cast<void*>(&WaitForEvents), true},
};

const Entry* find(const char* name) {
  if (name == nullptr) return nullptr;
  size_t first = 0, last = sizeof kEntries / sizeof kEntries[0];
  while (first < last) {
    const size_t middle = first + (last - first) / 2;
    const int order = std::strcmp(kEntries[middle].name, name);
    if (order == 0) return &kEntries[middle];
    if (order < 0) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return nullptr;
}

}  // namespace

// The compiler holds the order of the initializers: the last in place, none lacks.
static_assert(offsetof(cl_icd_dispatch, clSetContextDestructorCallback) ==
              148 * sizeof(void*));
static_assert(sizeof(void*) == 8);

const cl_icd_dispatch kDispatchTable = {
    .clGetPlatformIDs = reinterpret_cast<decltype(cl_icd_dispatch::clGetPlatformIDs)>(
        uintptr_t{0x4F50454E434C3331}),
    .clGetPlatformInfo = &GetPlatformInfo,
    .clGetDeviceIDs = &GetDeviceIDs,
    .clGetDeviceInfo = &GetDeviceInfo,
    .clCreateContext = &CreateContext,
    .clCreateContextFromType = &CreateContextFromType,
    .clRetainContext = &RetainContext,
    .clReleaseContext = &ReleaseContext,
    .clGetContextInfo = &GetContextInfo,
    .clCreateCommandQueue = &CreateCommandQueue,
    .clRetainCommandQueue = &RetainCommandQueue,
    .clReleaseCommandQueue = &ReleaseCommandQueue,
    .clGetCommandQueueInfo = &GetCommandQueueInfo,
    .clSetCommandQueueProperty = &SetCommandQueueProperty,
    .clCreateBuffer = &CreateBuffer,
    .clCreateImage2D = &CreateImage2D,
    .clCreateImage3D = &CreateImage3D,
    .clRetainMemObject = &RetainMemObject,
    .clReleaseMemObject = &ReleaseMemObject,
    .clGetSupportedImageFormats = &GetSupportedImageFormats,
    .clGetMemObjectInfo = &GetMemObjectInfo,
    .clGetImageInfo = &GetImageInfo,
    .clCreateSampler = &CreateSampler,
    .clRetainSampler = &RetainSampler,
    .clReleaseSampler = &ReleaseSampler,
    .clGetSamplerInfo = &GetSamplerInfo,
    .clCreateProgramWithSource = &CreateProgramWithSource,
    .clCreateProgramWithBinary = &CreateProgramWithBinary,
    .clRetainProgram = &RetainProgram,
    .clReleaseProgram = &ReleaseProgram,
    .clBuildProgram = &BuildProgram,
    .clUnloadCompiler = &UnloadCompiler,
    .clGetProgramInfo = &GetProgramInfo,
    .clGetProgramBuildInfo = &GetProgramBuildInfo,
    .clCreateKernel = &CreateKernel,
    .clCreateKernelsInProgram = &CreateKernelsInProgram,
    .clRetainKernel = &RetainKernel,
    .clReleaseKernel = &ReleaseKernel,
    .clSetKernelArg = &SetKernelArg,
    .clGetKernelInfo = &GetKernelInfo,
    .clGetKernelWorkGroupInfo = &GetKernelWorkGroupInfo,
    .clWaitForEvents = &WaitForEvents,
    .clGetEventInfo = &GetEventInfo,
    .clRetainEvent = &RetainEvent,
    .clReleaseEvent = &ReleaseEvent,
    .clGetEventProfilingInfo = &GetEventProfilingInfo,
    .clFlush = &Flush,
    .clFinish = &Finish,
    .clEnqueueReadBuffer = &EnqueueReadBuffer,
    .clEnqueueWriteBuffer = &EnqueueWriteBuffer,
    .clEnqueueCopyBuffer = &EnqueueCopyBuffer,
    .clEnqueueReadImage = &EnqueueReadImage,
    .clEnqueueWriteImage = &EnqueueWriteImage,
    .clEnqueueCopyImage = &EnqueueCopyImage,
    .clEnqueueCopyImageToBuffer = &EnqueueCopyImageToBuffer,
    .clEnqueueCopyBufferToImage = &EnqueueCopyBufferToImage,
    .clEnqueueMapBuffer = &EnqueueMapBuffer,
    .clEnqueueMapImage = &EnqueueMapImage,
    .clEnqueueUnmapMemObject = &EnqueueUnmapMemObject,
    .clEnqueueNDRangeKernel = &EnqueueNDRangeKernel,
    .clEnqueueTask = &EnqueueTask,
    .clEnqueueNativeKernel = &EnqueueNativeKernel,
    .clEnqueueMarker = &EnqueueMarker,
    .clEnqueueWaitForEvents = &EnqueueWaitForEvents,
    .clEnqueueBarrier = &EnqueueBarrier,
    .clGetExtensionFunctionAddress = &GetExtensionFunctionAddress,
    .clCreateFromGLBuffer = &CreateFromGLBuffer,
    .clCreateFromGLTexture2D = &CreateFromGLTexture2D,
    .clCreateFromGLTexture3D = &CreateFromGLTexture3D,
    .clCreateFromGLRenderbuffer = &CreateFromGLRenderbuffer,
    .clGetGLObjectInfo = &GetGLObjectInfo,
    .clGetGLTextureInfo = &GetGLTextureInfo,
    .clEnqueueAcquireGLObjects = &EnqueueAcquireGLObjects,
    .clEnqueueReleaseGLObjects = &EnqueueReleaseGLObjects,
    .clGetGLContextInfoKHR = &GetGLContextInfoKHR,
    .clGetDeviceIDsFromD3D10KHR = reinterpret_cast<void*>(&GetDeviceIDsFromD3D10KHR),
    .clCreateFromD3D10BufferKHR = reinterpret_cast<void*>(&CreateFromD3D10BufferKHR),
    .clCreateFromD3D10Texture2DKHR = reinterpret_cast<void*>(&CreateFromD3D10Texture2DKHR),
    .clCreateFromD3D10Texture3DKHR = reinterpret_cast<void*>(&CreateFromD3D10Texture3DKHR),
    .clEnqueueAcquireD3D10ObjectsKHR = reinterpret_cast<void*>(&EnqueueAcquireD3D10ObjectsKHR),
    .clEnqueueReleaseD3D10ObjectsKHR = reinterpret_cast<void*>(&EnqueueReleaseD3D10ObjectsKHR),
    .clSetEventCallback = &SetEventCallback,
    .clCreateSubBuffer = &CreateSubBuffer,
    .clSetMemObjectDestructorCallback = &SetMemObjectDestructorCallback,
    .clCreateUserEvent = &CreateUserEvent,
    .clSetUserEventStatus = &SetUserEventStatus,
    .clEnqueueReadBufferRect = &EnqueueReadBufferRect,
    .clEnqueueWriteBufferRect = &EnqueueWriteBufferRect,
    .clEnqueueCopyBufferRect = &EnqueueCopyBufferRect,
    .clCreateSubDevicesEXT = &CreateSubDevicesEXT,
    .clRetainDeviceEXT = &RetainDevice,
    .clReleaseDeviceEXT = &ReleaseDevice,
    .clCreateEventFromGLsyncKHR = &CreateEventFromGLsyncKHR,
    .clCreateSubDevices = &CreateSubDevices,
    .clRetainDevice = &RetainDevice,
    .clReleaseDevice = &ReleaseDevice,
    .clCreateImage = &CreateImage,
    .clCreateProgramWithBuiltInKernels = &CreateProgramWithBuiltInKernels,
    .clCompileProgram = &CompileProgram,
    .clLinkProgram = &LinkProgram,
    .clUnloadPlatformCompiler = &UnloadPlatformCompiler,
    .clGetKernelArgInfo = &GetKernelArgInfo,
    .clEnqueueFillBuffer = &EnqueueFillBuffer,
    .clEnqueueFillImage = &EnqueueFillImage,
    .clEnqueueMigrateMemObjects = &EnqueueMigrateMemObjects,
    .clEnqueueMarkerWithWaitList = &EnqueueMarkerWithWaitList,
    .clEnqueueBarrierWithWaitList = &EnqueueBarrierWithWaitList,
    .clGetExtensionFunctionAddressForPlatform = &GetExtensionFunctionAddressForPlatform,
    .clCreateFromGLTexture = &CreateFromGLTexture,
    .clGetDeviceIDsFromD3D11KHR = reinterpret_cast<void*>(&GetDeviceIDsFromD3D11KHR),
    .clCreateFromD3D11BufferKHR = reinterpret_cast<void*>(&CreateFromD3D11BufferKHR),
    .clCreateFromD3D11Texture2DKHR = reinterpret_cast<void*>(&CreateFromD3D11Texture2DKHR),
    .clCreateFromD3D11Texture3DKHR = reinterpret_cast<void*>(&CreateFromD3D11Texture3DKHR),
    .clCreateFromDX9MediaSurfaceKHR = reinterpret_cast<void*>(&CreateFromDX9MediaSurfaceKHR),
    .clEnqueueAcquireD3D11ObjectsKHR = reinterpret_cast<void*>(&EnqueueAcquireD3D11ObjectsKHR),
    .clEnqueueReleaseD3D11ObjectsKHR = reinterpret_cast<void*>(&EnqueueReleaseD3D11ObjectsKHR),
    .clGetDeviceIDsFromDX9MediaAdapterKHR =
        reinterpret_cast<void*>(&GetDeviceIDsFromDX9MediaAdapterKHR),
    .clEnqueueAcquireDX9MediaSurfacesKHR =
        reinterpret_cast<void*>(&EnqueueAcquireDX9MediaSurfacesKHR),
    .clEnqueueReleaseDX9MediaSurfacesKHR =
        reinterpret_cast<void*>(&EnqueueReleaseDX9MediaSurfacesKHR),
    .clCreateFromEGLImageKHR = &CreateFromEGLImageKHR,
    .clEnqueueAcquireEGLObjectsKHR = &EnqueueAcquireEGLObjectsKHR,
    .clEnqueueReleaseEGLObjectsKHR = &EnqueueReleaseEGLObjectsKHR,
    .clCreateEventFromEGLSyncKHR = &CreateEventFromEGLSyncKHR,
    .clCreateCommandQueueWithProperties = &CreateCommandQueueWithProperties,
    .clCreatePipe = &CreatePipe,
    .clGetPipeInfo = &GetPipeInfo,
    .clSVMAlloc = &SVMAlloc,
    .clSVMFree = &SVMFree,
    .clEnqueueSVMFree = &EnqueueSVMFree,
    .clEnqueueSVMMemcpy = &EnqueueSVMMemcpy,
    .clEnqueueSVMMemFill = &EnqueueSVMMemFill,
    .clEnqueueSVMMap = &EnqueueSVMMap,
    .clEnqueueSVMUnmap = &EnqueueSVMUnmap,
    .clCreateSamplerWithProperties = &CreateSamplerWithProperties,
    .clSetKernelArgSVMPointer = &SetKernelArgSVMPointer,
    .clSetKernelExecInfo = &SetKernelExecInfo,
    .clGetKernelSubGroupInfoKHR = &GetKernelSubGroupInfo,
    .clCloneKernel = &CloneKernel,
    .clCreateProgramWithIL = &CreateProgramWithIL,
    .clEnqueueSVMMigrateMem = &EnqueueSVMMigrateMem,
    .clGetDeviceAndHostTimer = &GetDeviceAndHostTimer,
    .clGetHostTimer = &GetHostTimer,
    .clGetKernelSubGroupInfo = &GetKernelSubGroupInfo,
    .clSetDefaultDeviceCommandQueue = &SetDefaultDeviceCommandQueue,
    .clSetProgramReleaseCallback = &SetProgramReleaseCallback,
    .clSetProgramSpecializationConstant = &SetProgramSpecializationConstant,
    .clCreateBufferWithProperties = &CreateBufferWithProperties,
    .clCreateImageWithProperties = &CreateImageWithProperties,
    .clSetContextDestructorCallback = &SetContextDestructorCallback,
};

void* find_function(const char* name) {
  const Entry* entry = find(name);
  return entry == nullptr ? nullptr : entry->function;
}

void* find_supported_function(const char* name) {
  const Entry* entry = find(name);
  return entry == nullptr || !entry->supported ? nullptr : entry->function;
}

}  // namespace aliquot::guest::opencl
