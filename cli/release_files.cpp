#include "cli/release_files.hpp"

#include "common/crypto/digest.hpp"

namespace argosy::cli {

namespace fs = std::filesystem;

Result<std::string> ReleaseFiles::add(const fs::path& file) {
  auto digest = sha256_file(file);
  if (!digest) return std::move(digest).error().within("cannot publish " + file.string());
  const std::string hex = digest->to_hex();
  by_digest_.emplace(hex, file);
  return hex;
}

const fs::path* ReleaseFiles::find(const std::string& digest) const {
  const auto found = by_digest_.find(digest);
  return found == by_digest_.end() ? nullptr : &found->second;
}

Result<void> ReleaseFiles::upload(const ApiClient& api, const OutputOptions& output) const {
  for (const auto& [hex, file] : by_digest_) {
    ARGOSY_TRY(const bool there, api.has_blob(hex));
    if (there) continue;
    ProgressLine progress("Uploading " + file.filename().string(), output.quiet ? 0 : fs::file_size(file));
    ARGOSY_CHECK(api.put_blob(hex, file, [&](std::uint64_t sent) { progress.update(sent); }));
  }
  return {};
}

}  // namespace argosy::cli
