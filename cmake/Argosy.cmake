# What every target of this project shares: language level, warnings, sanitizers, ccache, and the two verbs
# argosy_library (one static library a folder) and argosy_test (one GoogleTest program a folder, with a ctest label).

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

add_library(argosy_options INTERFACE)
target_include_directories(argosy_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(argosy_options INTERFACE -Wall -Wextra -Wnon-virtual-dtor -Woverloaded-virtual
                                                $<$<BOOL:${ARGOSY_WERROR}>:-Werror>)
target_compile_options(argosy_options INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_compile_definitions(argosy_options INTERFACE ARGOSY_VERSION="${PROJECT_VERSION}")
# g++ tidies its memory less often: a tenth less time, for a fifth more memory.
target_compile_options(argosy_options INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-expand=100> $<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=600000>)
# A third quicker than the default, which shows in sixty test programs.
if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT CMAKE_CROSSCOMPILING)
  target_link_options(argosy_options INTERFACE -fuse-ld=$<IF:$<CXX_COMPILER_ID:GNU>,gold,lld>)
endif()
if(ARGOSY_SANITIZE)
  target_compile_options(argosy_options INTERFACE -fsanitize=${ARGOSY_SANITIZE} -fno-sanitize-recover=undefined)
  if(ARGOSY_SANITIZE MATCHES "undefined")
    # clang 14 writes no object file for a coroutine whose calls are checked against its type.
    target_compile_options(argosy_options INTERFACE -fno-sanitize=function)
  endif()
  target_link_options(argosy_options INTERFACE -fsanitize=${ARGOSY_SANITIZE})
  target_compile_definitions(argosy_options INTERFACE BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING ARGOSY_SANITIZE)
  if(ARGOSY_SANITIZE MATCHES "address")
    target_compile_definitions(argosy_options INTERFACE ARGOSY_SANITIZE_ADDRESS)
  endif()
endif()

# With ARGOSY_UNITY=N a folder's sources are compiled N at a time as one: a build from nothing takes a third of the time.
# Files named under ALONE are left out: they share a private name with a neighbour.
function(argosy_unite name)
  if(ARGOSY_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${ARGOSY_UNITY})
    # g++ takes each source for a header, in which a coroutine's private types would be a mistake.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    if(ARGN)
      set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endif()
endfunction()

# argosy_library(NAME SOURCES a.cpp ... DEPS argosy_base ...): the library of one folder. Without SOURCES: headers alone.
function(argosy_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;ALONE" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC argosy_options ${ARG_DEPS})
    # Not in tests: GoogleTest's macros shadow. Compiled together, a neighbour's private names are shadowed, which is harmless.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wconversion -Wshadow=$<IF:$<BOOL:${ARGOSY_UNITY}>,local,global>>)
    argosy_unite(${name} ${ARG_ALONE})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE argosy_options ${ARG_DEPS})
  endif()
endfunction()

# What nearly every test includes, compiled once: clang then takes a third less for a test. g++ would gain little.
option(ARGOSY_PRECOMPILE "Precompile what tests include; for clang" OFF)
if(ARGOSY_PRECOMPILE AND ARGOSY_TESTS)
  file(WRITE "${CMAKE_BINARY_DIR}/test_headers.cpp" "")
  add_library(argosy_test_headers OBJECT "${CMAKE_BINARY_DIR}/test_headers.cpp")
  target_link_libraries(argosy_test_headers PRIVATE argosy_options GTest::gtest_main)
  set_target_properties(argosy_test_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(argosy_test_headers PRIVATE -fPIE)  # as a program, not as a library
  target_precompile_headers(argosy_test_headers PRIVATE
    <algorithm> <array> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <optional> <string> <string_view> <vector>
    <boost/system/result.hpp> <nlohmann/json.hpp> <gtest/gtest.h>)
endif()

# The test programs of one label, so that a run of the unit tests need not build the rest. Beside what they stand on, some
# have a label more, behind a colon: `plain`, where a sanitizer would leave some of it out (figures of memory, each single fault of a disk),
# and `threads`, what the thread sanitizer is for.
foreach(label unit sim db integration plain threads)
  add_custom_target(argosy_tests_${label})
endforeach()

option(ARGOSY_FUZZ "Build the libFuzzer programs; needs clang" OFF)
if(ARGOSY_FUZZ)
  add_custom_target(argosy_fuzzers)
endif()

# argosy_test(NAME LABEL unit [ALSO threads] SOURCES a_test.cpp ... DEPS argosy_base ...): one test program; each TEST is one
# ctest test.
# Tests with the same LOCK never run at the same time: broker, where an identity can be connected once.
function(argosy_test name)
  cmake_parse_arguments(ARG "" "LABEL;ALSO;TIMEOUT;LOCK" "SOURCES;DEPS;ALONE" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE argosy_options ${ARG_DEPS} GTest::gtest_main)
  argosy_unite(${name} ${ARG_ALONE})
  if(ARGOSY_PRECOMPILE)
    target_precompile_headers(${name} REUSE_FROM argosy_test_headers)
  endif()
  set(labels ${ARG_LABEL} ${ARG_ALSO})
  foreach(label IN LISTS labels)
    add_dependencies(argosy_tests_${label} ${name})
  endforeach()
  if(labels STREQUAL "unit" OR labels STREQUAL "unit;threads")
    set_property(GLOBAL APPEND_STRING PROPERTY ARGOSY_WHOLE_PROGRAMS "$<TARGET_FILE:${name}>\n")
  endif()
  list(JOIN labels ":" label)  # gtest_discover_tests takes no list
  set(lock "")
  if(ARG_LOCK)
    set(lock RESOURCE_LOCK "${ARG_LOCK}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${label}" TIMEOUT ${ARG_TIMEOUT} ${lock})
endfunction()

# The unit test programs that may be run whole, in a process for all of their tests: with sanitizers, which take a tenth of
# a second to start, scripts/test does so. What is labelled `plain` measures its own process and is left out.
function(argosy_list_whole_programs)
  get_property(programs GLOBAL PROPERTY ARGOSY_WHOLE_PROGRAMS)
  file(GENERATE OUTPUT "${CMAKE_BINARY_DIR}/whole-programs.txt" CONTENT "${programs}")
endfunction()

# What a test goes through so often that compiling it optimised is the quicker way: these libraries, in builds for tests.
function(argosy_optimise_tested)
  foreach(library IN LISTS ARGN)
    target_compile_options(${library} PRIVATE $<$<CONFIG:Debug>:-O1>)
  endforeach()
endfunction()

# What a fuzzer runs: its coverage steers the fuzzer, and optimised it gets through three times the inputs.
function(argosy_steer_fuzzers)
  foreach(library IN LISTS ARGN)
    if(NOT TARGET ${library} OR NOT library MATCHES "^argosy_" OR library STREQUAL "argosy_options")
      continue()
    endif()
    get_target_property(steers ${library} ARGOSY_STEERS_FUZZERS)
    get_target_property(kind ${library} TYPE)
    if(steers OR NOT kind STREQUAL "STATIC_LIBRARY")
      continue()
    endif()
    set_target_properties(${library} PROPERTIES ARGOSY_STEERS_FUZZERS ON)
    target_compile_options(${library} PRIVATE -O1 -fsanitize=fuzzer-no-link)
    get_target_property(below ${library} LINK_LIBRARIES)
    argosy_steer_fuzzers(${below})
  endforeach()
endfunction()

# argosy_fuzz(NAME DEPS ...): the fuzz target NAME_fuzz.cpp, in libFuzzer's form. Everywhere NAME_fuzz_test.cpp replays the
# corpus beside it, and seeded mutations; with the preset `asan` there is also the libFuzzer program, for scripts/fuzz.
function(argosy_fuzz name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_library(argosy_${name}_fuzz_input OBJECT ${name}_fuzz.cpp)
  target_link_libraries(argosy_${name}_fuzz_input PUBLIC argosy_options ${ARG_DEPS})
  argosy_test(argosy_${name}_fuzz_test LABEL unit SOURCES ${name}_fuzz_test.cpp DEPS argosy_${name}_fuzz_input)
  target_compile_definitions(argosy_${name}_fuzz_test PRIVATE ARGOSY_FUZZ_CORPUS="${CMAKE_CURRENT_SOURCE_DIR}/corpus")
  if(ARGOSY_FUZZ)
    argosy_steer_fuzzers(${ARG_DEPS})
    add_executable(argosy_${name}_fuzz)
    target_link_libraries(argosy_${name}_fuzz PRIVATE argosy_${name}_fuzz_input)
    target_link_options(argosy_${name}_fuzz PRIVATE -fsanitize=fuzzer)
    set_target_properties(argosy_${name}_fuzz PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzzers" LINKER_LANGUAGE CXX)
    add_dependencies(argosy_fuzzers argosy_${name}_fuzz)
  endif()
endfunction()
