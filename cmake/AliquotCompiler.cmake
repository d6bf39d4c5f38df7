# Language level, warnings, hardening and sanitizers, for everything below this folder.
# Set as directory properties, so that each part's own CMakeLists.txt needs to name none of it.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)  # there are none
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_compile_options(-Wall -Wextra -Wpedantic)

# memfd_create, SO_PEERCRED, SOCK_SEQPACKET and their like are GNU names.
add_compile_definitions(_GNU_SOURCE)

if(ALIQUOT_SANITIZE)
  # The two large parts, of many small files, are compiled some files at a time, in half the time. Their
  # names in anonymous namespaces must differ for that.
  set(ALIQUOT_UNITY ON)
  add_compile_options(-fsanitize=${ALIQUOT_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${ALIQUOT_SANITIZE})
  if(ALIQUOT_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
    # Clang only: callbacks of many types are kept and called as void (*)(void*, void*).
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=function>)
    endif()
  endif()
  # Thread sanitizer does not follow bare fences; the code has none and this keeps it so.
  if(ALIQUOT_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wtsan)
  endif()
else()
  add_compile_options(-fstack-protector-strong)
  add_link_options(-Wl,-z,relro,-z,now)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()

if(ALIQUOT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR
      "ALIQUOT_FUZZ needs clang (libFuzzer is part of it): configure with "
      "-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
