// The fuzz target of the search for tensors, in libFuzzer's form: whatever the file, the map keeps its promises.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/tensors/tensor_map.hpp"
#include "tests/unit/common/tensors/promises.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const argosy::ByteView file(data, size);
  const std::string broken = argosy::broken_promise(argosy::find_tensors(file), file.size());
  if (broken.empty()) return 0;
  std::fprintf(stderr, "broken promise: %s\n", broken.c_str());
  std::abort();
}
