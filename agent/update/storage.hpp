// Where the agent keeps what, below its root folder. Pure paths, and the few looks at the disk that planning needs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "common/base/error.hpp"
#include "common/base/file.hpp"
#include "common/base/instant.hpp"
#include "common/wire/desired.hpp"

namespace argosy::agent {

class Storage {
 public:
  explicit Storage(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path model(const std::string& model) const { return root_ / "models" / model; }
  std::filesystem::path journal(const std::string& model) const { return root_ / "state" / (model + ".json"); }
  // The highest sequence of a signed release that was taken up; no model's name holds a dot.
  std::filesystem::path seen(const std::string& model) const { return root_ / "state" / (model + ".seen.json"); }
  std::filesystem::path signing_keys() const { return root_ / "state" / "signing.keys.json"; }
  // What of a day's bytes is spent; no model's name holds a dot.
  std::filesystem::path spent() const { return root_ / "state" / "downloads.spent.json"; }
  // The last time that was known; no model's name holds a dot.
  std::filesystem::path clock() const { return root_ / "state" / "clock.known"; }
  std::filesystem::path outbox() const { return root_ / "state" / "outbox.db"; }
  std::filesystem::path awaited_labels() const { return root_ / "state" / "awaited_labels.db"; }
  std::filesystem::path identity() const { return root_ / "identity"; }
  std::filesystem::path download(const std::string& digest) const { return root_ / "downloads" / digest; }
  std::filesystem::path part(const std::string& digest) const { return root_ / "downloads" / (digest + ".part"); }
  // How far a patch was applied while it came in.
  std::filesystem::path log(const std::string& patch) const { return root_ / "downloads" / (patch + ".log"); }
  std::filesystem::path dataset(const std::string& digest) const { return root_ / "datasets" / digest; }

  Result<void> create() const;
  // The root is this process's own until the descriptor is closed or the process dies, however it dies. Errc::conflict
  // names the process that has it.
  Result<UniqueFd> take() const;
  Result<std::uint64_t> free_bytes() const;
  // Of a blob: its whole size when it was fetched, else that of its part; 0 without either.
  std::uint64_t have_bytes(const std::string& digest) const;
  bool is_whole(const wire::BlobRef& blob) const;
  // Removes downloads and data sets that nobody has touched for `age` and whose digest is not in `wanted`.
  void sweep(const std::set<std::string>& wanted, Duration age) const;
  void remove_download(const std::string& digest) const;

 private:
  std::filesystem::path root_;
};

}  // namespace argosy::agent
