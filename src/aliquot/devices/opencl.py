"""Discovery of OpenCL devices.

Drivers run inside `aliquot-worker probe --driver LIBRARY`, never in this process: they crash, and
they take long. The program prints one JSON object on stdout and exits with 0, also when the
library is no usable driver; then `platforms` is empty and `error` is one sentence.

    {"library": "/usr/lib/x86_64-linux-gnu/libpocl.so.2.10.0",   # as the dynamic linker found it
     "platforms": [
       {"name": "Portable Computing Language", "vendor": "The pocl project",
        "version": "OpenCL 3.0 PoCL 3.1",
        "devices": [
          {"index": 0,                      # as clGetDeviceIDs(CL_DEVICE_TYPE_ALL) orders them
           "name": "pthread-…", "vendor": "…", "version": "OpenCL 3.0 …", "driver_version": "3.1",
           "type": ["cpu"],                 # of cpu, gpu, accelerator, custom
           "compute_units": 2, "clock_mhz": 2600,
           "global_memory": 25769803776,    # bytes
           "max_allocation": 8589934592,    # bytes
           "unified_memory": true,          # CL_DEVICE_HOST_UNIFIED_MEMORY
           "uuid": null,                    # 32 hex digits where cl_khr_device_uuid is there
           "extensions": ["cl_khr_fp64"]}]}],
     "error": null}

The place of a platform in the list is the worker's `--platform-index`.
"""
