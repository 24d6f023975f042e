#include "server/models/blob_folder.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "common/base/random.hpp"

namespace argosy::server {

namespace fs = std::filesystem;

namespace {

constexpr auto abandoned_after = std::chrono::hours(24);

Result<void> make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return errno_error("making " + folder.string(), failure.value());
  return {};
}

bool is_old(const fs::path& file) {
  std::error_code failure;
  const auto written_at = fs::last_write_time(file, failure);
  return !failure && written_at < fs::file_time_type::clock::now() - abandoned_after;
}

}  // namespace

BlobUpload::~BlobUpload() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove(path_, ignored);
}

Result<void> BlobUpload::append(ByteView bytes) {
  ARGOSY_CHECK(write_all(fd_.get(), as_text(bytes)));
  hash_.update(bytes);
  size_ += bytes.size();
  return {};
}

Result<BlobFolder> BlobFolder::open(fs::path folder) {
  ARGOSY_CHECK(make_folder(folder / "tmp"));
  BlobFolder opened(std::move(folder));
  opened.remove_abandoned();
  return opened;
}

fs::path BlobFolder::path_of(const Digest& digest) const {
  const std::string name = digest.to_hex();
  return folder_ / name.substr(0, 2) / name.substr(2, 2) / name;
}

fs::path BlobFolder::temporary_path(const std::string& name) const {
  return folder_ / "tmp" / name;
}

void BlobFolder::remove_temporary(const std::string& name) const {
  if (name.empty()) return;  // all files begin so
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "tmp", ignored))
    if (entry.path().filename().string().starts_with(name)) fs::remove(entry.path(), ignored);
}

std::optional<std::uint64_t> BlobFolder::size_of(const Digest& digest) const {
  std::error_code failure;
  const auto size = fs::file_size(path_of(digest), failure);
  if (failure) return std::nullopt;
  return size;
}

Result<std::shared_ptr<BlobUpload>> BlobFolder::begin() const {
  fs::path path = temporary_path(to_hex(secure_random(16)));
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) return errno_error("making " + path.string(), errno);
  return std::make_shared<BlobUpload>(std::move(fd), std::move(path));
}

Result<void> BlobFolder::keep(BlobUpload& upload, const Digest& expected) const {
  const Digest actual = upload.hash_.finish();
  if (actual != expected)
    return make_error(Errc::digest_mismatch, "the body has the SHA-256 " + actual.to_hex() + ", not " +
                                                 expected.to_hex() + "; send the file that the digest was made of");
  upload.fd_.reset();
  ARGOSY_CHECK(adopt(upload.path_, expected));
  upload.path_.clear();
  return {};
}

Result<void> BlobFolder::adopt(const fs::path& temporary, const Digest& digest) const {
  const fs::path target = path_of(digest);
  ARGOSY_CHECK(make_folder(target.parent_path()));
  ARGOSY_CHECK(sync_path(temporary));
  if (::rename(temporary.c_str(), target.c_str()) != 0) return errno_error("renaming to " + target.string(), errno);
  ARGOSY_CHECK(sync_path(target.parent_path()));
  ARGOSY_CHECK(sync_path(target.parent_path().parent_path()));
  return sync_path(folder_);
}

Result<void> BlobFolder::remove(const Digest& digest) const {
  const fs::path path = path_of(digest);
  std::error_code failure;
  fs::remove(path, failure);
  if (failure) return errno_error("removing " + path.string(), failure.value());
  return {};
}

std::vector<Digest> BlobFolder::old_files(std::uint8_t first_byte) const {
  std::vector<Digest> found;
  std::error_code ignored;
  const fs::path part = folder_ / to_hex(ByteView(&first_byte, 1));
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(part, ignored)) {
    const auto digest = Digest::parse(entry.path().filename().string());
    if (digest && is_old(entry.path())) found.push_back(*digest);
  }
  return found;
}

Result<void> BlobFolder::remove_if_old(const Digest& digest) const {
  if (!is_old(path_of(digest))) return {};
  return remove(digest);
}

void BlobFolder::remove_abandoned() const {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "tmp", ignored))
    if (is_old(entry.path())) fs::remove(entry.path(), ignored);
}

}  // namespace argosy::server
