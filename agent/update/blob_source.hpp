// Where blobs come from, as the update shell sees it; agent/link downloads them. All calls on the agent's loop thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/desired.hpp"

namespace argosy::agent {

// Raised by whoever wants the work stopped, looked at by whoever does it; any thread.
using StopFlag = std::shared_ptr<std::atomic<bool>>;
inline StopFlag make_stop_flag() {
  return std::make_shared<std::atomic<bool>>(false);
}

struct FetchRequest {
  wire::BlobRef blob;
  std::filesystem::path part;   // grows while the bytes come in
  std::filesystem::path whole;  // there when size and digest were right
};

struct FetchFailure {
  Error error;
  bool passing = true;  // trouble on the way: worth another try
  std::optional<Duration> retry_after;
};

class BlobSource {
 public:
  virtual ~BlobSource() = default;
  // Resumes what is there already. `done` is called once, on the loop thread, also after `stop` was raised.
  virtual void fetch(FetchRequest request, StopFlag stop, std::function<void(std::uint64_t bytes)> progress,
                     std::function<void(std::optional<FetchFailure>)> done) = 0;
};

}  // namespace argosy::agent
