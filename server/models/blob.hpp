// How long blobs that nothing refers to stay, and what was cleared away.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace argosy::server {

// How long a blob that nothing refers to stays after it was adopted or uploaded last.
struct BlobGrace {
  std::chrono::seconds patches{3600};
  std::chrono::seconds uploads{90LL * 24 * 3600};
};

struct ClearedBlobs {
  std::size_t patches = 0;
  std::size_t uploads = 0;
  std::size_t strays = 0;  // files without a row
  std::uint64_t bytes = 0;
};

}  // namespace argosy::server
