// The files of a release that is about to be published: digested first, so that they can be tried, and uploaded once
// they are found good. Blocking; one thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "cli/api_client.hpp"
#include "cli/output.hpp"
#include "common/base/error.hpp"

namespace argosy::cli {

class ReleaseFiles {
 public:
  // Its digest. Errc::not_found for a file that is not there.
  Result<std::string> add(const std::filesystem::path& file);
  // Where the bytes of that digest lie here; null for those that only the server has.
  const std::filesystem::path* find(const std::string& digest) const;
  Result<void> upload(const ApiClient& api, const OutputOptions& output) const;

 private:
  std::map<std::string, std::filesystem::path> by_digest_;
};

}  // namespace argosy::cli
