// What a fuzz target holds its input to: a broken promise ends the program, which is what a fuzzer looks for.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace argosy::test {

inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

}  // namespace argosy::test
