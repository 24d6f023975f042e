// Where blobs come from, as the update shell sees it; agent/link downloads them. All calls on the agent's loop thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/update/hold.hpp"
#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "common/wire/desired.hpp"

namespace argosy::agent {

// Raised by whoever wants the work stopped, looked at by whoever does it; any thread.
using StopFlag = std::shared_ptr<std::atomic<bool>>;
inline StopFlag make_stop_flag() {
  return std::make_shared<std::atomic<bool>>(false);
}

// Where a blob's bytes go while they come in. open, restart and finish may take long and run on the job thread; append
// runs on the loop.
class BlobIntake {
 public:
  virtual ~BlobIntake() = default;
  virtual std::uint64_t size() const = 0;  // bytes of the blob taken so far: those of earlier runs too
  virtual Result<void> append(std::string_view data) = 0;
  virtual Result<void> restart() = 0;  // forget everything so far
  virtual Result<void> finish() = 0;   // after the last byte: check, sync, put in place
};

enum class BlobKind : std::uint8_t { model, patch, dataset };

struct FetchRequest {
  BlobKind kind = BlobKind::model;
  wire::BlobRef blob;
  // Takes up what is there already; null: all of it is.
  std::function<Result<std::unique_ptr<BlobIntake>>()> open;
  std::string makes = {};  // digest of the file that comes of it; empty: the blob's own
  const std::string& made() const { return makes.empty() ? blob.digest : makes; }
};

struct FetchFailure {
  Error error;
  bool passing = true;  // trouble on the way: worth another try
  std::optional<Duration> retry_after = {};
  std::optional<Hold> hold = {};  // it was not trouble: its owner wants it to wait
};

class BlobSource {
 public:
  virtual ~BlobSource() = default;
  // Resumes what is there already. Of those that make the same file, as two models may, one goes after the other: the
  // next goes on where the last came to, or finds it done. `done` is called once, on the loop thread, also after `stop`
  // was raised.
  virtual void fetch(FetchRequest request, StopFlag stop, std::function<void(std::uint64_t bytes)> progress,
                     std::function<void(std::optional<FetchFailure>)> done) = 0;
};

}  // namespace argosy::agent
