// Made by `python -m tools.generate` from spec/opencl/functions.toml; do not edit. The functions of
// OpenCL that the guest driver implements.
#pragma once

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 300
#endif
#ifndef CL_USE_DEPRECATED_OPENCL_1_0_APIS
#define CL_USE_DEPRECATED_OPENCL_1_0_APIS
#endif
#ifndef CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#endif
#ifndef CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#endif
#ifndef CL_USE_DEPRECATED_OPENCL_2_0_APIS
#define CL_USE_DEPRECATED_OPENCL_2_0_APIS
#endif
#ifndef CL_USE_DEPRECATED_OPENCL_2_1_APIS
#define CL_USE_DEPRECATED_OPENCL_2_1_APIS
#endif
#ifndef CL_USE_DEPRECATED_OPENCL_2_2_APIS
#define CL_USE_DEPRECATED_OPENCL_2_2_APIS
#endif
#include <CL/cl.h>
#include <CL/cl_egl.h>
#include <CL/cl_ext.h>
#include <CL/cl_gl.h>
#include <CL/cl_icd.h>

namespace aliquot::guest::opencl {

using ContextNotify = void(CL_CALLBACK*)(const char*, const void*, size_t, void*);
using ContextDestroyed = void(CL_CALLBACK*)(cl_context, void*);
using EventNotify = void(CL_CALLBACK*)(cl_event, cl_int, void*);
using MemoryNotify = void(CL_CALLBACK*)(cl_mem, void*);
using NativeKernel = void(CL_CALLBACK*)(void*);
using ProgramNotify = void(CL_CALLBACK*)(cl_program, void*);
using SvmFree = void(CL_CALLBACK*)(cl_command_queue, cl_uint, void**, void*);

// Platforms
cl_int CL_API_CALL GetPlatformIDs(cl_uint num_entries, cl_platform_id* platforms,
                                  cl_uint* num_platforms);
cl_int CL_API_CALL GetPlatformInfo(cl_platform_id platform, cl_platform_info param_name,
                                   size_t param_value_size, void* param_value,
                                   size_t* param_value_size_ret);

// Devices
cl_int CL_API_CALL GetDeviceIDs(cl_platform_id platform, cl_device_type device_type,
                                cl_uint num_entries, cl_device_id* devices, cl_uint* num_devices);
cl_int CL_API_CALL GetDeviceInfo(cl_device_id device, cl_device_info param_name,
                                 size_t param_value_size, void* param_value,
                                 size_t* param_value_size_ret);
cl_int CL_API_CALL CreateSubDevices(cl_device_id in_device,
                                    const cl_device_partition_property* partition_properties,
                                    cl_uint num_entries, cl_device_id* out_devices,
                                    cl_uint* num_devices);
cl_int CL_API_CALL RetainDevice(cl_device_id device);
cl_int CL_API_CALL ReleaseDevice(cl_device_id device);
cl_int CL_API_CALL GetDeviceAndHostTimer(cl_device_id device, cl_ulong* device_timestamp,
                                         cl_ulong* host_timestamp);
cl_int CL_API_CALL GetHostTimer(cl_device_id device, cl_ulong* host_timestamp);

// Contexts
cl_context CL_API_CALL CreateContext(const cl_context_properties* properties, cl_uint num_devices,
                                     const cl_device_id* devices, ContextNotify pfn_notify,
                                     void* user_data, cl_int* errcode_ret);
cl_context CL_API_CALL CreateContextFromType(const cl_context_properties* properties,
                                             cl_device_type device_type, ContextNotify pfn_notify,
                                             void* user_data, cl_int* errcode_ret);
cl_int CL_API_CALL RetainContext(cl_context context);
cl_int CL_API_CALL ReleaseContext(cl_context context);
cl_int CL_API_CALL GetContextInfo(cl_context context, cl_context_info param_name,
                                  size_t param_value_size, void* param_value,
                                  size_t* param_value_size_ret);
cl_int CL_API_CALL SetContextDestructorCallback(cl_context context, ContextDestroyed pfn_notify,
                                                void* user_data);

// Command queues
cl_command_queue CL_API_CALL CreateCommandQueue(cl_context context, cl_device_id device,
                                                cl_command_queue_properties properties,
                                                cl_int* errcode_ret);
cl_int CL_API_CALL RetainCommandQueue(cl_command_queue command_queue);
cl_int CL_API_CALL ReleaseCommandQueue(cl_command_queue command_queue);
cl_int CL_API_CALL GetCommandQueueInfo(cl_command_queue command_queue,
                                       cl_command_queue_info param_name, size_t param_value_size,
                                       void* param_value, size_t* param_value_size_ret);
cl_command_queue CL_API_CALL CreateCommandQueueWithProperties(
    cl_context context, cl_device_id device, const cl_queue_properties* properties,
    cl_int* errcode_ret);

// Buffers
cl_mem CL_API_CALL CreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* host_ptr,
                                cl_int* errcode_ret);
cl_int CL_API_CALL RetainMemObject(cl_mem memobj);
cl_int CL_API_CALL ReleaseMemObject(cl_mem memobj);
cl_int CL_API_CALL GetMemObjectInfo(cl_mem memobj, cl_mem_info param_name, size_t param_value_size,
                                    void* param_value, size_t* param_value_size_ret);
cl_mem CL_API_CALL CreateSubBuffer(cl_mem buffer, cl_mem_flags flags,
                                   cl_buffer_create_type buffer_create_type,
                                   const void* buffer_create_info, cl_int* errcode_ret);
cl_int CL_API_CALL SetMemObjectDestructorCallback(cl_mem memobj, MemoryNotify pfn_notify,
                                                  void* user_data);
cl_mem CL_API_CALL CreateBufferWithProperties(cl_context context,
                                              const cl_mem_properties* properties,
                                              cl_mem_flags flags, size_t size, void* host_ptr,
                                              cl_int* errcode_ret);

// Images
cl_int CL_API_CALL GetSupportedImageFormats(cl_context context, cl_mem_flags flags,
                                            cl_mem_object_type image_type, cl_uint num_entries,
                                            cl_image_format* image_formats,
                                            cl_uint* num_image_formats);

// Programs
cl_program CL_API_CALL CreateProgramWithSource(cl_context context, cl_uint count,
                                               const char** strings, const size_t* lengths,
                                               cl_int* errcode_ret);
cl_program CL_API_CALL CreateProgramWithBinary(cl_context context, cl_uint num_devices,
                                               const cl_device_id* device_list,
                                               const size_t* lengths,
                                               const unsigned char** binaries,
                                               cl_int* binary_status, cl_int* errcode_ret);
cl_int CL_API_CALL RetainProgram(cl_program program);
cl_int CL_API_CALL ReleaseProgram(cl_program program);
cl_int CL_API_CALL BuildProgram(cl_program program, cl_uint num_devices,
                                const cl_device_id* device_list, const char* options,
                                ProgramNotify pfn_notify, void* user_data);
cl_int CL_API_CALL UnloadCompiler();
cl_int CL_API_CALL GetProgramInfo(cl_program program, cl_program_info param_name,
                                  size_t param_value_size, void* param_value,
                                  size_t* param_value_size_ret);
cl_int CL_API_CALL GetProgramBuildInfo(cl_program program, cl_device_id device,
                                       cl_program_build_info param_name, size_t param_value_size,
                                       void* param_value, size_t* param_value_size_ret);
cl_int CL_API_CALL CompileProgram(cl_program program, cl_uint num_devices,
                                  const cl_device_id* device_list, const char* options,
                                  cl_uint num_input_headers, const cl_program* input_headers,
                                  const char** header_include_names, ProgramNotify pfn_notify,
                                  void* user_data);
cl_program CL_API_CALL LinkProgram(cl_context context, cl_uint num_devices,
                                   const cl_device_id* device_list, const char* options,
                                   cl_uint num_input_programs, const cl_program* input_programs,
                                   ProgramNotify pfn_notify, void* user_data, cl_int* errcode_ret);
cl_int CL_API_CALL UnloadPlatformCompiler(cl_platform_id platform);

// Kernels
cl_kernel CL_API_CALL CreateKernel(cl_program program, const char* kernel_name,
                                   cl_int* errcode_ret);
cl_int CL_API_CALL CreateKernelsInProgram(cl_program program, cl_uint num_kernels,
                                          cl_kernel* kernels, cl_uint* num_kernels_ret);
cl_int CL_API_CALL RetainKernel(cl_kernel kernel);
cl_int CL_API_CALL ReleaseKernel(cl_kernel kernel);
cl_int CL_API_CALL SetKernelArg(cl_kernel kernel, cl_uint arg_index, size_t arg_size,
                                const void* arg_value);
cl_int CL_API_CALL GetKernelInfo(cl_kernel kernel, cl_kernel_info param_name,
                                 size_t param_value_size, void* param_value,
                                 size_t* param_value_size_ret);
cl_int CL_API_CALL GetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device,
                                          cl_kernel_work_group_info param_name,
                                          size_t param_value_size, void* param_value,
                                          size_t* param_value_size_ret);
cl_int CL_API_CALL GetKernelArgInfo(cl_kernel kernel, cl_uint arg_indx,
                                    cl_kernel_arg_info param_name, size_t param_value_size,
                                    void* param_value, size_t* param_value_size_ret);
cl_kernel CL_API_CALL CloneKernel(cl_kernel source_kernel, cl_int* errcode_ret);
cl_int CL_API_CALL GetKernelSubGroupInfo(cl_kernel kernel, cl_device_id device,
                                         cl_kernel_sub_group_info param_name,
                                         size_t input_value_size, const void* input_value,
                                         size_t param_value_size, void* param_value,
                                         size_t* param_value_size_ret);

// Events
cl_int CL_API_CALL WaitForEvents(cl_uint num_events, const cl_event* event_list);
cl_int CL_API_CALL GetEventInfo(cl_event event, cl_event_info param_name, size_t param_value_size,
                                void* param_value, size_t* param_value_size_ret);
cl_int CL_API_CALL RetainEvent(cl_event event);
cl_int CL_API_CALL ReleaseEvent(cl_event event);
cl_int CL_API_CALL GetEventProfilingInfo(cl_event event, cl_profiling_info param_name,
                                         size_t param_value_size, void* param_value,
                                         size_t* param_value_size_ret);
cl_int CL_API_CALL SetEventCallback(cl_event event, cl_int command_exec_callback_type,
                                    EventNotify pfn_notify, void* user_data);
cl_event CL_API_CALL CreateUserEvent(cl_context context, cl_int* errcode_ret);
cl_int CL_API_CALL SetUserEventStatus(cl_event event, cl_int execution_status);

// Enqueued commands
cl_int CL_API_CALL Flush(cl_command_queue command_queue);
cl_int CL_API_CALL Finish(cl_command_queue command_queue);
cl_int CL_API_CALL EnqueueReadBuffer(cl_command_queue command_queue, cl_mem buffer,
                                     cl_bool blocking_read, size_t offset, size_t cb, void* ptr,
                                     cl_uint num_events_in_wait_list,
                                     const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueWriteBuffer(cl_command_queue command_queue, cl_mem buffer,
                                      cl_bool blocking_write, size_t offset, size_t cb,
                                      const void* ptr, cl_uint num_events_in_wait_list,
                                      const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueCopyBuffer(cl_command_queue command_queue, cl_mem src_buffer,
                                     cl_mem dst_buffer, size_t src_offset, size_t dst_offset,
                                     size_t cb, cl_uint num_events_in_wait_list,
                                     const cl_event* event_wait_list, cl_event* event);
void* CL_API_CALL EnqueueMapBuffer(cl_command_queue command_queue, cl_mem buffer,
                                   cl_bool blocking_map, cl_map_flags map_flags, size_t offset,
                                   size_t cb, cl_uint num_events_in_wait_list,
                                   const cl_event* event_wait_list, cl_event* event,
                                   cl_int* errcode_ret);
cl_int CL_API_CALL EnqueueUnmapMemObject(cl_command_queue command_queue, cl_mem memobj,
                                         void* mapped_ptr, cl_uint num_events_in_wait_list,
                                         const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueNDRangeKernel(cl_command_queue command_queue, cl_kernel kernel,
                                        cl_uint work_dim, const size_t* global_work_offset,
                                        const size_t* global_work_size,
                                        const size_t* local_work_size,
                                        cl_uint num_events_in_wait_list,
                                        const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueTask(cl_command_queue command_queue, cl_kernel kernel,
                               cl_uint num_events_in_wait_list, const cl_event* event_wait_list,
                               cl_event* event);
cl_int CL_API_CALL EnqueueMarker(cl_command_queue command_queue, cl_event* event);
cl_int CL_API_CALL EnqueueWaitForEvents(cl_command_queue command_queue, cl_uint num_events,
                                        const cl_event* event_list);
cl_int CL_API_CALL EnqueueBarrier(cl_command_queue command_queue);
cl_int CL_API_CALL EnqueueReadBufferRect(cl_command_queue command_queue, cl_mem buffer,
                                         cl_bool blocking_read, const size_t* buffer_origin,
                                         const size_t* host_origin, const size_t* region,
                                         size_t buffer_row_pitch, size_t buffer_slice_pitch,
                                         size_t host_row_pitch, size_t host_slice_pitch, void* ptr,
                                         cl_uint num_events_in_wait_list,
                                         const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueWriteBufferRect(cl_command_queue command_queue, cl_mem buffer,
                                          cl_bool blocking_read, const size_t* buffer_origin,
                                          const size_t* host_origin, const size_t* region,
                                          size_t buffer_row_pitch, size_t buffer_slice_pitch,
                                          size_t host_row_pitch, size_t host_slice_pitch,
                                          const void* ptr, cl_uint num_events_in_wait_list,
                                          const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueCopyBufferRect(cl_command_queue command_queue, cl_mem src_buffer,
                                         cl_mem dst_buffer, const size_t* src_origin,
                                         const size_t* dst_origin, const size_t* region,
                                         size_t src_row_pitch, size_t src_slice_pitch,
                                         size_t dst_row_pitch, size_t dst_slice_pitch,
                                         cl_uint num_events_in_wait_list,
                                         const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueFillBuffer(cl_command_queue command_queue, cl_mem buffer,
                                     const void* pattern, size_t pattern_size, size_t offset,
                                     size_t cb, cl_uint num_events_in_wait_list,
                                     const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueMigrateMemObjects(cl_command_queue command_queue, cl_uint num_mem_objects,
                                            const cl_mem* mem_objects, cl_mem_migration_flags flags,
                                            cl_uint num_events_in_wait_list,
                                            const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueMarkerWithWaitList(cl_command_queue command_queue,
                                             cl_uint num_events_in_wait_list,
                                             const cl_event* event_wait_list, cl_event* event);
cl_int CL_API_CALL EnqueueBarrierWithWaitList(cl_command_queue command_queue,
                                              cl_uint num_events_in_wait_list,
                                              const cl_event* event_wait_list, cl_event* event);

// Loader and extensions
void* CL_API_CALL GetExtensionFunctionAddress(const char* function_name);
void* CL_API_CALL GetExtensionFunctionAddressForPlatform(cl_platform_id platform,
                                                         const char* function_name);
cl_int CL_API_CALL IcdGetPlatformIDsKHR(cl_uint num_entries, cl_platform_id* platforms,
                                        cl_uint* num_platforms);
void* CL_API_CALL IcdGetFunctionAddressForPlatformKHR(cl_platform_id platform,
                                                      const char* func_name);
cl_int CL_API_CALL IcdSetPlatformDispatchDataKHR(cl_platform_id platform, void* dispatch_data);

}  // namespace aliquot::guest::opencl
