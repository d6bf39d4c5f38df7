# Finds CL/cl.h and CL/cl_icd.h: the folder given by ALIQUOT_OPENCL_HEADERS (an option, or an environment
# variable that `make setup` sets), else where the compiler looks anyway.
# The native programs link against no OpenCL library; the headers are all they need.

if(NOT ALIQUOT_OPENCL_HEADERS AND DEFINED ENV{ALIQUOT_OPENCL_HEADERS})
  set(ALIQUOT_OPENCL_HEADERS "$ENV{ALIQUOT_OPENCL_HEADERS}")
endif()
set(ALIQUOT_OPENCL_HEADERS "${ALIQUOT_OPENCL_HEADERS}" CACHE PATH "Folder that holds CL/cl.h" FORCE)

add_compile_definitions(CL_TARGET_OPENCL_VERSION=300)
if(ALIQUOT_OPENCL_HEADERS)
  include_directories(SYSTEM "${ALIQUOT_OPENCL_HEADERS}")
endif()

include(CheckIncludeFileCXX)
set(CMAKE_REQUIRED_INCLUDES "${ALIQUOT_OPENCL_HEADERS}")
unset(ALIQUOT_HAVE_OPENCL_HEADERS CACHE)
set(CMAKE_REQUIRED_QUIET ON)
check_include_file_cxx("CL/cl_icd.h" ALIQUOT_HAVE_OPENCL_HEADERS "-DCL_TARGET_OPENCL_VERSION=300")
unset(CMAKE_REQUIRED_INCLUDES)
unset(CMAKE_REQUIRED_QUIET)

if(NOT ALIQUOT_HAVE_OPENCL_HEADERS)
  message(FATAL_ERROR
    "No OpenCL headers (CL/cl.h, CL/cl_icd.h): run `make setup`, which fetches them, or install Debian's "
    "opencl-c-headers (opencl-headers elsewhere), or name a folder that has them with "
    "-DALIQUOT_OPENCL_HEADERS=FOLDER.")
endif()
