// Made by `python -m tools.generate` from spec/opencl/functions.toml; do not edit. The dispatch
// table, and functions that are not supported: each returns its error.
#include "generated/opencl_icd_table.h"

#include <cstdint>
#include <cstring>
#include <type_traits>

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

cl_int CL_API_CALL GetKernelSuggestedLocalWorkSize(cl_command_queue, cl_kernel, cl_uint,
                                                   const size_t*, const size_t*, size_t*) {
  return CL_INVALID_OPERATION;
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
    {"clGetKernelSuggestedLocalWorkSize", reinterpret_cast<void*>(&GetKernelSuggestedLocalWorkSize),
     false},
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

// The place of a slot, and its type where the header gives one.
#define ALIQUOT_PLACE(index, slot) \
  static_assert(offsetof(cl_icd_dispatch, slot) == (index) * sizeof(void*))
#define ALIQUOT_SLOT(index, slot, function) \
  ALIQUOT_PLACE(index, slot); \
  static_assert(std::is_same_v<decltype(cl_icd_dispatch::slot), decltype(&function)>)
ALIQUOT_SLOT(0, clGetPlatformIDs, GetPlatformIDs);
ALIQUOT_SLOT(1, clGetPlatformInfo, GetPlatformInfo);
ALIQUOT_SLOT(2, clGetDeviceIDs, GetDeviceIDs);
ALIQUOT_SLOT(3, clGetDeviceInfo, GetDeviceInfo);
ALIQUOT_SLOT(4, clCreateContext, CreateContext);
ALIQUOT_SLOT(5, clCreateContextFromType, CreateContextFromType);
ALIQUOT_SLOT(6, clRetainContext, RetainContext);
ALIQUOT_SLOT(7, clReleaseContext, ReleaseContext);
ALIQUOT_SLOT(8, clGetContextInfo, GetContextInfo);
ALIQUOT_SLOT(9, clCreateCommandQueue, CreateCommandQueue);
ALIQUOT_SLOT(10, clRetainCommandQueue, RetainCommandQueue);
ALIQUOT_SLOT(11, clReleaseCommandQueue, ReleaseCommandQueue);
ALIQUOT_SLOT(12, clGetCommandQueueInfo, GetCommandQueueInfo);
ALIQUOT_SLOT(13, clSetCommandQueueProperty, SetCommandQueueProperty);
ALIQUOT_SLOT(14, clCreateBuffer, CreateBuffer);
ALIQUOT_SLOT(15, clCreateImage2D, CreateImage2D);
ALIQUOT_SLOT(16, clCreateImage3D, CreateImage3D);
ALIQUOT_SLOT(17, clRetainMemObject, RetainMemObject);
ALIQUOT_SLOT(18, clReleaseMemObject, ReleaseMemObject);
ALIQUOT_SLOT(19, clGetSupportedImageFormats, GetSupportedImageFormats);
ALIQUOT_SLOT(20, clGetMemObjectInfo, GetMemObjectInfo);
ALIQUOT_SLOT(21, clGetImageInfo, GetImageInfo);
ALIQUOT_SLOT(22, clCreateSampler, CreateSampler);
ALIQUOT_SLOT(23, clRetainSampler, RetainSampler);
ALIQUOT_SLOT(24, clReleaseSampler, ReleaseSampler);
ALIQUOT_SLOT(25, clGetSamplerInfo, GetSamplerInfo);
ALIQUOT_SLOT(26, clCreateProgramWithSource, CreateProgramWithSource);
ALIQUOT_SLOT(27, clCreateProgramWithBinary, CreateProgramWithBinary);
ALIQUOT_SLOT(28, clRetainProgram, RetainProgram);
ALIQUOT_SLOT(29, clReleaseProgram, ReleaseProgram);
ALIQUOT_SLOT(30, clBuildProgram, BuildProgram);
ALIQUOT_SLOT(31, clUnloadCompiler, UnloadCompiler);
ALIQUOT_SLOT(32, clGetProgramInfo, GetProgramInfo);
ALIQUOT_SLOT(33, clGetProgramBuildInfo, GetProgramBuildInfo);
ALIQUOT_SLOT(34, clCreateKernel, CreateKernel);
ALIQUOT_SLOT(35, clCreateKernelsInProgram, CreateKernelsInProgram);
ALIQUOT_SLOT(36, clRetainKernel, RetainKernel);
ALIQUOT_SLOT(37, clReleaseKernel, ReleaseKernel);
ALIQUOT_SLOT(38, clSetKernelArg, SetKernelArg);
ALIQUOT_SLOT(39, clGetKernelInfo, GetKernelInfo);
ALIQUOT_SLOT(40, clGetKernelWorkGroupInfo, GetKernelWorkGroupInfo);
ALIQUOT_SLOT(41, clWaitForEvents, WaitForEvents);
ALIQUOT_SLOT(42, clGetEventInfo, GetEventInfo);
ALIQUOT_SLOT(43, clRetainEvent, RetainEvent);
ALIQUOT_SLOT(44, clReleaseEvent, ReleaseEvent);
ALIQUOT_SLOT(45, clGetEventProfilingInfo, GetEventProfilingInfo);
ALIQUOT_SLOT(46, clFlush, Flush);
ALIQUOT_SLOT(47, clFinish, Finish);
ALIQUOT_SLOT(48, clEnqueueReadBuffer, EnqueueReadBuffer);
ALIQUOT_SLOT(49, clEnqueueWriteBuffer, EnqueueWriteBuffer);
ALIQUOT_SLOT(50, clEnqueueCopyBuffer, EnqueueCopyBuffer);
ALIQUOT_SLOT(51, clEnqueueReadImage, EnqueueReadImage);
ALIQUOT_SLOT(52, clEnqueueWriteImage, EnqueueWriteImage);
ALIQUOT_SLOT(53, clEnqueueCopyImage, EnqueueCopyImage);
ALIQUOT_SLOT(54, clEnqueueCopyImageToBuffer, EnqueueCopyImageToBuffer);
ALIQUOT_SLOT(55, clEnqueueCopyBufferToImage, EnqueueCopyBufferToImage);
ALIQUOT_SLOT(56, clEnqueueMapBuffer, EnqueueMapBuffer);
ALIQUOT_SLOT(57, clEnqueueMapImage, EnqueueMapImage);
ALIQUOT_SLOT(58, clEnqueueUnmapMemObject, EnqueueUnmapMemObject);
ALIQUOT_SLOT(59, clEnqueueNDRangeKernel, EnqueueNDRangeKernel);
ALIQUOT_SLOT(60, clEnqueueTask, EnqueueTask);
ALIQUOT_SLOT(61, clEnqueueNativeKernel, EnqueueNativeKernel);
ALIQUOT_SLOT(62, clEnqueueMarker, EnqueueMarker);
ALIQUOT_SLOT(63, clEnqueueWaitForEvents, EnqueueWaitForEvents);
ALIQUOT_SLOT(64, clEnqueueBarrier, EnqueueBarrier);
ALIQUOT_SLOT(65, clGetExtensionFunctionAddress, GetExtensionFunctionAddress);
ALIQUOT_SLOT(66, clCreateFromGLBuffer, CreateFromGLBuffer);
ALIQUOT_SLOT(67, clCreateFromGLTexture2D, CreateFromGLTexture2D);
ALIQUOT_SLOT(68, clCreateFromGLTexture3D, CreateFromGLTexture3D);
ALIQUOT_SLOT(69, clCreateFromGLRenderbuffer, CreateFromGLRenderbuffer);
ALIQUOT_SLOT(70, clGetGLObjectInfo, GetGLObjectInfo);
ALIQUOT_SLOT(71, clGetGLTextureInfo, GetGLTextureInfo);
ALIQUOT_SLOT(72, clEnqueueAcquireGLObjects, EnqueueAcquireGLObjects);
ALIQUOT_SLOT(73, clEnqueueReleaseGLObjects, EnqueueReleaseGLObjects);
ALIQUOT_SLOT(74, clGetGLContextInfoKHR, GetGLContextInfoKHR);
ALIQUOT_PLACE(75, clGetDeviceIDsFromD3D10KHR);
ALIQUOT_PLACE(76, clCreateFromD3D10BufferKHR);
ALIQUOT_PLACE(77, clCreateFromD3D10Texture2DKHR);
ALIQUOT_PLACE(78, clCreateFromD3D10Texture3DKHR);
ALIQUOT_PLACE(79, clEnqueueAcquireD3D10ObjectsKHR);
ALIQUOT_PLACE(80, clEnqueueReleaseD3D10ObjectsKHR);
ALIQUOT_SLOT(81, clSetEventCallback, SetEventCallback);
ALIQUOT_SLOT(82, clCreateSubBuffer, CreateSubBuffer);
ALIQUOT_SLOT(83, clSetMemObjectDestructorCallback, SetMemObjectDestructorCallback);
ALIQUOT_SLOT(84, clCreateUserEvent, CreateUserEvent);
ALIQUOT_SLOT(85, clSetUserEventStatus, SetUserEventStatus);
ALIQUOT_SLOT(86, clEnqueueReadBufferRect, EnqueueReadBufferRect);
ALIQUOT_SLOT(87, clEnqueueWriteBufferRect, EnqueueWriteBufferRect);
ALIQUOT_SLOT(88, clEnqueueCopyBufferRect, EnqueueCopyBufferRect);
ALIQUOT_SLOT(89, clCreateSubDevicesEXT, CreateSubDevicesEXT);
ALIQUOT_SLOT(90, clRetainDeviceEXT, RetainDevice);
ALIQUOT_SLOT(91, clReleaseDeviceEXT, ReleaseDevice);
ALIQUOT_SLOT(92, clCreateEventFromGLsyncKHR, CreateEventFromGLsyncKHR);
ALIQUOT_SLOT(93, clCreateSubDevices, CreateSubDevices);
ALIQUOT_SLOT(94, clRetainDevice, RetainDevice);
ALIQUOT_SLOT(95, clReleaseDevice, ReleaseDevice);
ALIQUOT_SLOT(96, clCreateImage, CreateImage);
ALIQUOT_SLOT(97, clCreateProgramWithBuiltInKernels, CreateProgramWithBuiltInKernels);
ALIQUOT_SLOT(98, clCompileProgram, CompileProgram);
ALIQUOT_SLOT(99, clLinkProgram, LinkProgram);
ALIQUOT_SLOT(100, clUnloadPlatformCompiler, UnloadPlatformCompiler);
ALIQUOT_SLOT(101, clGetKernelArgInfo, GetKernelArgInfo);
ALIQUOT_SLOT(102, clEnqueueFillBuffer, EnqueueFillBuffer);
ALIQUOT_SLOT(103, clEnqueueFillImage, EnqueueFillImage);
ALIQUOT_SLOT(104, clEnqueueMigrateMemObjects, EnqueueMigrateMemObjects);
ALIQUOT_SLOT(105, clEnqueueMarkerWithWaitList, EnqueueMarkerWithWaitList);
ALIQUOT_SLOT(106, clEnqueueBarrierWithWaitList, EnqueueBarrierWithWaitList);
ALIQUOT_SLOT(107, clGetExtensionFunctionAddressForPlatform, GetExtensionFunctionAddressForPlatform);
ALIQUOT_SLOT(108, clCreateFromGLTexture, CreateFromGLTexture);
ALIQUOT_PLACE(109, clGetDeviceIDsFromD3D11KHR);
ALIQUOT_PLACE(110, clCreateFromD3D11BufferKHR);
ALIQUOT_PLACE(111, clCreateFromD3D11Texture2DKHR);
ALIQUOT_PLACE(112, clCreateFromD3D11Texture3DKHR);
ALIQUOT_PLACE(113, clCreateFromDX9MediaSurfaceKHR);
ALIQUOT_PLACE(114, clEnqueueAcquireD3D11ObjectsKHR);
ALIQUOT_PLACE(115, clEnqueueReleaseD3D11ObjectsKHR);
ALIQUOT_PLACE(116, clGetDeviceIDsFromDX9MediaAdapterKHR);
ALIQUOT_PLACE(117, clEnqueueAcquireDX9MediaSurfacesKHR);
ALIQUOT_PLACE(118, clEnqueueReleaseDX9MediaSurfacesKHR);
ALIQUOT_SLOT(119, clCreateFromEGLImageKHR, CreateFromEGLImageKHR);
ALIQUOT_SLOT(120, clEnqueueAcquireEGLObjectsKHR, EnqueueAcquireEGLObjectsKHR);
ALIQUOT_SLOT(121, clEnqueueReleaseEGLObjectsKHR, EnqueueReleaseEGLObjectsKHR);
ALIQUOT_SLOT(122, clCreateEventFromEGLSyncKHR, CreateEventFromEGLSyncKHR);
ALIQUOT_SLOT(123, clCreateCommandQueueWithProperties, CreateCommandQueueWithProperties);
ALIQUOT_SLOT(124, clCreatePipe, CreatePipe);
ALIQUOT_SLOT(125, clGetPipeInfo, GetPipeInfo);
ALIQUOT_SLOT(126, clSVMAlloc, SVMAlloc);
ALIQUOT_SLOT(127, clSVMFree, SVMFree);
ALIQUOT_SLOT(128, clEnqueueSVMFree, EnqueueSVMFree);
ALIQUOT_SLOT(129, clEnqueueSVMMemcpy, EnqueueSVMMemcpy);
ALIQUOT_SLOT(130, clEnqueueSVMMemFill, EnqueueSVMMemFill);
ALIQUOT_SLOT(131, clEnqueueSVMMap, EnqueueSVMMap);
ALIQUOT_SLOT(132, clEnqueueSVMUnmap, EnqueueSVMUnmap);
ALIQUOT_SLOT(133, clCreateSamplerWithProperties, CreateSamplerWithProperties);
ALIQUOT_SLOT(134, clSetKernelArgSVMPointer, SetKernelArgSVMPointer);
ALIQUOT_SLOT(135, clSetKernelExecInfo, SetKernelExecInfo);
ALIQUOT_SLOT(136, clGetKernelSubGroupInfoKHR, GetKernelSubGroupInfo);
ALIQUOT_SLOT(137, clCloneKernel, CloneKernel);
ALIQUOT_SLOT(138, clCreateProgramWithIL, CreateProgramWithIL);
ALIQUOT_SLOT(139, clEnqueueSVMMigrateMem, EnqueueSVMMigrateMem);
ALIQUOT_SLOT(140, clGetDeviceAndHostTimer, GetDeviceAndHostTimer);
ALIQUOT_SLOT(141, clGetHostTimer, GetHostTimer);
ALIQUOT_SLOT(142, clGetKernelSubGroupInfo, GetKernelSubGroupInfo);
ALIQUOT_SLOT(143, clSetDefaultDeviceCommandQueue, SetDefaultDeviceCommandQueue);
ALIQUOT_SLOT(144, clSetProgramReleaseCallback, SetProgramReleaseCallback);
ALIQUOT_SLOT(145, clSetProgramSpecializationConstant, SetProgramSpecializationConstant);
ALIQUOT_SLOT(146, clCreateBufferWithProperties, CreateBufferWithProperties);
ALIQUOT_SLOT(147, clCreateImageWithProperties, CreateImageWithProperties);
ALIQUOT_SLOT(148, clSetContextDestructorCallback, SetContextDestructorCallback);
#undef ALIQUOT_SLOT
#undef ALIQUOT_PLACE

void* const kDispatchTable[150 + kReservedSlots] = {
    reinterpret_cast<void*>(uintptr_t{0x4F50454E434C3331}),
    reinterpret_cast<void*>(&GetPlatformInfo),
    reinterpret_cast<void*>(&GetDeviceIDs),
    reinterpret_cast<void*>(&GetDeviceInfo),
    reinterpret_cast<void*>(&CreateContext),
    reinterpret_cast<void*>(&CreateContextFromType),
    reinterpret_cast<void*>(&RetainContext),
    reinterpret_cast<void*>(&ReleaseContext),
    reinterpret_cast<void*>(&GetContextInfo),
    reinterpret_cast<void*>(&CreateCommandQueue),
    reinterpret_cast<void*>(&RetainCommandQueue),
    reinterpret_cast<void*>(&ReleaseCommandQueue),
    reinterpret_cast<void*>(&GetCommandQueueInfo),
    reinterpret_cast<void*>(&SetCommandQueueProperty),
    reinterpret_cast<void*>(&CreateBuffer),
    reinterpret_cast<void*>(&CreateImage2D),
    reinterpret_cast<void*>(&CreateImage3D),
    reinterpret_cast<void*>(&RetainMemObject),
    reinterpret_cast<void*>(&ReleaseMemObject),
    reinterpret_cast<void*>(&GetSupportedImageFormats),
    reinterpret_cast<void*>(&GetMemObjectInfo),
    reinterpret_cast<void*>(&GetImageInfo),
    reinterpret_cast<void*>(&CreateSampler),
    reinterpret_cast<void*>(&RetainSampler),
    reinterpret_cast<void*>(&ReleaseSampler),
    reinterpret_cast<void*>(&GetSamplerInfo),
    reinterpret_cast<void*>(&CreateProgramWithSource),
    reinterpret_cast<void*>(&CreateProgramWithBinary),
    reinterpret_cast<void*>(&RetainProgram),
    reinterpret_cast<void*>(&ReleaseProgram),
    reinterpret_cast<void*>(&BuildProgram),
    reinterpret_cast<void*>(uintptr_t{0x4F50454E434C3331}),
    reinterpret_cast<void*>(&GetProgramInfo),
    reinterpret_cast<void*>(&GetProgramBuildInfo),
    reinterpret_cast<void*>(&CreateKernel),
    reinterpret_cast<void*>(&CreateKernelsInProgram),
    reinterpret_cast<void*>(&RetainKernel),
    reinterpret_cast<void*>(&ReleaseKernel),
    reinterpret_cast<void*>(&SetKernelArg),
    reinterpret_cast<void*>(&GetKernelInfo),
    reinterpret_cast<void*>(&GetKernelWorkGroupInfo),
    reinterpret_cast<void*>(&WaitForEvents),
    reinterpret_cast<void*>(&GetEventInfo),
    reinterpret_cast<void*>(&RetainEvent),
    reinterpret_cast<void*>(&ReleaseEvent),
    reinterpret_cast<void*>(&GetEventProfilingInfo),
    reinterpret_cast<void*>(&Flush),
    reinterpret_cast<void*>(&Finish),
    reinterpret_cast<void*>(&EnqueueReadBuffer),
    reinterpret_cast<void*>(&EnqueueWriteBuffer),
    reinterpret_cast<void*>(&EnqueueCopyBuffer),
    reinterpret_cast<void*>(&EnqueueReadImage),
    reinterpret_cast<void*>(&EnqueueWriteImage),
    reinterpret_cast<void*>(&EnqueueCopyImage),
    reinterpret_cast<void*>(&EnqueueCopyImageToBuffer),
    reinterpret_cast<void*>(&EnqueueCopyBufferToImage),
    reinterpret_cast<void*>(&EnqueueMapBuffer),
    reinterpret_cast<void*>(&EnqueueMapImage),
    reinterpret_cast<void*>(&EnqueueUnmapMemObject),
    reinterpret_cast<void*>(&EnqueueNDRangeKernel),
    reinterpret_cast<void*>(&EnqueueTask),
    reinterpret_cast<void*>(&EnqueueNativeKernel),
    reinterpret_cast<void*>(&EnqueueMarker),
    reinterpret_cast<void*>(&EnqueueWaitForEvents),
    reinterpret_cast<void*>(&EnqueueBarrier),
    reinterpret_cast<void*>(&GetExtensionFunctionAddress),
    reinterpret_cast<void*>(&CreateFromGLBuffer),
    reinterpret_cast<void*>(&CreateFromGLTexture2D),
    reinterpret_cast<void*>(&CreateFromGLTexture3D),
    reinterpret_cast<void*>(&CreateFromGLRenderbuffer),
    reinterpret_cast<void*>(&GetGLObjectInfo),
    reinterpret_cast<void*>(&GetGLTextureInfo),
    reinterpret_cast<void*>(&EnqueueAcquireGLObjects),
    reinterpret_cast<void*>(&EnqueueReleaseGLObjects),
    reinterpret_cast<void*>(&GetGLContextInfoKHR),
    reinterpret_cast<void*>(&GetDeviceIDsFromD3D10KHR),
    reinterpret_cast<void*>(&CreateFromD3D10BufferKHR),
    reinterpret_cast<void*>(&CreateFromD3D10Texture2DKHR),
    reinterpret_cast<void*>(&CreateFromD3D10Texture3DKHR),
    reinterpret_cast<void*>(&EnqueueAcquireD3D10ObjectsKHR),
    reinterpret_cast<void*>(&EnqueueReleaseD3D10ObjectsKHR),
    reinterpret_cast<void*>(&SetEventCallback),
    reinterpret_cast<void*>(&CreateSubBuffer),
    reinterpret_cast<void*>(&SetMemObjectDestructorCallback),
    reinterpret_cast<void*>(&CreateUserEvent),
    reinterpret_cast<void*>(&SetUserEventStatus),
    reinterpret_cast<void*>(&EnqueueReadBufferRect),
    reinterpret_cast<void*>(&EnqueueWriteBufferRect),
    reinterpret_cast<void*>(&EnqueueCopyBufferRect),
    reinterpret_cast<void*>(&CreateSubDevicesEXT),
    reinterpret_cast<void*>(&RetainDevice),
    reinterpret_cast<void*>(&ReleaseDevice),
    reinterpret_cast<void*>(&CreateEventFromGLsyncKHR),
    reinterpret_cast<void*>(&CreateSubDevices),
    reinterpret_cast<void*>(&RetainDevice),
    reinterpret_cast<void*>(&ReleaseDevice),
    reinterpret_cast<void*>(&CreateImage),
    reinterpret_cast<void*>(&CreateProgramWithBuiltInKernels),
    reinterpret_cast<void*>(&CompileProgram),
    reinterpret_cast<void*>(&LinkProgram),
    reinterpret_cast<void*>(&UnloadPlatformCompiler),
    reinterpret_cast<void*>(&GetKernelArgInfo),
    reinterpret_cast<void*>(&EnqueueFillBuffer),
    reinterpret_cast<void*>(&EnqueueFillImage),
    reinterpret_cast<void*>(&EnqueueMigrateMemObjects),
    reinterpret_cast<void*>(&EnqueueMarkerWithWaitList),
    reinterpret_cast<void*>(&EnqueueBarrierWithWaitList),
    reinterpret_cast<void*>(&GetExtensionFunctionAddressForPlatform),
    reinterpret_cast<void*>(&CreateFromGLTexture),
    reinterpret_cast<void*>(&GetDeviceIDsFromD3D11KHR),
    reinterpret_cast<void*>(&CreateFromD3D11BufferKHR),
    reinterpret_cast<void*>(&CreateFromD3D11Texture2DKHR),
    reinterpret_cast<void*>(&CreateFromD3D11Texture3DKHR),
    reinterpret_cast<void*>(&CreateFromDX9MediaSurfaceKHR),
    reinterpret_cast<void*>(&EnqueueAcquireD3D11ObjectsKHR),
    reinterpret_cast<void*>(&EnqueueReleaseD3D11ObjectsKHR),
    reinterpret_cast<void*>(&GetDeviceIDsFromDX9MediaAdapterKHR),
    reinterpret_cast<void*>(&EnqueueAcquireDX9MediaSurfacesKHR),
    reinterpret_cast<void*>(&EnqueueReleaseDX9MediaSurfacesKHR),
    reinterpret_cast<void*>(&CreateFromEGLImageKHR),
    reinterpret_cast<void*>(&EnqueueAcquireEGLObjectsKHR),
    reinterpret_cast<void*>(&EnqueueReleaseEGLObjectsKHR),
    reinterpret_cast<void*>(&CreateEventFromEGLSyncKHR),
    reinterpret_cast<void*>(&CreateCommandQueueWithProperties),
    reinterpret_cast<void*>(&CreatePipe),
    reinterpret_cast<void*>(&GetPipeInfo),
    reinterpret_cast<void*>(&SVMAlloc),
    reinterpret_cast<void*>(&SVMFree),
    reinterpret_cast<void*>(&EnqueueSVMFree),
    reinterpret_cast<void*>(&EnqueueSVMMemcpy),
    reinterpret_cast<void*>(&EnqueueSVMMemFill),
    reinterpret_cast<void*>(&EnqueueSVMMap),
    reinterpret_cast<void*>(&EnqueueSVMUnmap),
    reinterpret_cast<void*>(&CreateSamplerWithProperties),
    reinterpret_cast<void*>(&SetKernelArgSVMPointer),
    reinterpret_cast<void*>(&SetKernelExecInfo),
    reinterpret_cast<void*>(&GetKernelSubGroupInfo),
    reinterpret_cast<void*>(&CloneKernel),
    reinterpret_cast<void*>(&CreateProgramWithIL),
    reinterpret_cast<void*>(&EnqueueSVMMigrateMem),
    reinterpret_cast<void*>(&GetDeviceAndHostTimer),
    reinterpret_cast<void*>(&GetHostTimer),
    reinterpret_cast<void*>(&GetKernelSubGroupInfo),
    reinterpret_cast<void*>(&SetDefaultDeviceCommandQueue),
    reinterpret_cast<void*>(&SetProgramReleaseCallback),
    reinterpret_cast<void*>(&SetProgramSpecializationConstant),
    reinterpret_cast<void*>(&CreateBufferWithProperties),
    reinterpret_cast<void*>(&CreateImageWithProperties),
    reinterpret_cast<void*>(&SetContextDestructorCallback),
    reinterpret_cast<void*>(&GetKernelSuggestedLocalWorkSize),
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
