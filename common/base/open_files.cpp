#include "common/base/open_files.hpp"

#include <algorithm>

#include <sys/resource.h>

namespace argosy {
namespace {

rlimit limit_of_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

}  // namespace

std::uint64_t allow_open_files(std::uint64_t wanted) {
  const rlimit now = limit_of_files();
  if (now.rlim_cur >= wanted) return now.rlim_cur;
  if (now.rlim_max < wanted) {  // root may raise that, too
    const rlimit raised{wanted, wanted};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
  }
  const rlimit within{std::min<rlim_t>(wanted, now.rlim_max), now.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &within);
  return limit_of_files().rlim_cur;
}

}  // namespace argosy
