# ONNX Runtime as the target OnnxRuntime::OnnxRuntime, from ONNXRUNTIME_ROOT alone: include/ and lib/ as scripts/setup makes
# them, or an official release as it unpacks. The build tree's programs find the library through their RPATH, which CMake
# sets from the target's location.

find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_cxx_api.h
          PATHS "${ONNXRUNTIME_ROOT}"
          PATH_SUFFIXES include include/onnxruntime include/onnxruntime/core/session
          NO_DEFAULT_PATH)
find_library(OnnxRuntime_LIBRARY NAMES onnxruntime
             PATHS "${ONNXRUNTIME_ROOT}"
             PATH_SUFFIXES lib lib64
             NO_DEFAULT_PATH)

if(EXISTS "${ONNXRUNTIME_ROOT}/VERSION_NUMBER")
  file(STRINGS "${ONNXRUNTIME_ROOT}/VERSION_NUMBER" OnnxRuntime_VERSION LIMIT_COUNT 1)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  OnnxRuntime
  REQUIRED_VARS OnnxRuntime_LIBRARY OnnxRuntime_INCLUDE_DIR
  VERSION_VAR OnnxRuntime_VERSION
  REASON_FAILURE_MESSAGE "nothing usable in ONNXRUNTIME_ROOT=${ONNXRUNTIME_ROOT}: run scripts/setup or pass -DONNXRUNTIME_ROOT=FOLDER")

if(OnnxRuntime_FOUND AND NOT TARGET OnnxRuntime::OnnxRuntime)
  add_library(OnnxRuntime::OnnxRuntime SHARED IMPORTED)
  set_target_properties(OnnxRuntime::OnnxRuntime PROPERTIES
    IMPORTED_LOCATION "${OnnxRuntime_LIBRARY}"
    IMPORTED_SONAME libonnxruntime.so.1
    INTERFACE_INCLUDE_DIRECTORIES "${OnnxRuntime_INCLUDE_DIR}")
endif()
mark_as_advanced(OnnxRuntime_INCLUDE_DIR OnnxRuntime_LIBRARY)
