#include "server/models/blob_service.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>

#include "common/wire/model_file.hpp"
#include "server/db/db_pool.hpp"
#include "server/http/request.hpp"
#include "server/models/blob_store.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t piece_bytes = 256 << 10;

struct SizeOnDisk {
  BlobFolder folder;
  Digest digest;
  std::optional<std::uint64_t> operator()() const { return folder.size_of(digest); }
};

struct Begin {
  BlobFolder folder;
  Result<std::shared_ptr<BlobUpload>> operator()() const { return folder.begin(); }
};

struct Append {
  std::shared_ptr<BlobUpload> upload;
  Bytes piece;
  std::size_t size = 0;
  // Gives the buffer back for the next piece.
  Result<Bytes> operator()() {
    ARGOSY_CHECK(upload->append(ByteView(piece).first(size)));
    return std::move(piece);
  }
};

struct Keep {
  BlobFolder folder;
  std::shared_ptr<BlobUpload> upload;
  Digest digest;
  Result<void> operator()() const { return folder.keep(*upload, digest); }
};

struct Adopt {
  BlobFolder folder;
  std::filesystem::path temporary;
  Digest digest;
  Result<void> operator()() const { return folder.adopt(temporary, digest); }
};

struct RemoveAbandoned {
  BlobFolder folder;
  void operator()() const { folder.remove_abandoned(); }
};

struct OldFiles {
  BlobFolder folder;
  std::uint8_t first_byte;
  std::vector<Digest> operator()() const { return folder.old_files(first_byte); }
};

struct RemoveIfOld {
  BlobFolder folder;
  Result<void> operator()(const std::string& digest) const {
    return folder.remove_if_old(Digest::parse(digest).value());
  }
};

struct RemoveTemporary {
  BlobFolder folder;
  std::string name;
  void operator()() const { folder.remove_temporary(name); }
};

struct RemoveStored {
  BlobFolder folder;
  Result<void> operator()(const std::string& digest) const { return folder.remove(Digest::parse(digest).value()); }
};

struct CheckModel {
  std::filesystem::path path;
  std::uint64_t size;
  std::string format;

  Result<std::optional<wire::OnnxReach>> operator()() const {
    if (size == 0) return wire::check_model_file(format, {});
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return errno_error("opening " + path.string(), errno);
    void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (mapping == MAP_FAILED) return errno_error("mapping " + path.string(), errno);
    const auto checked = wire::check_model_file(format, {static_cast<const std::uint8_t*>(mapping), size});
    ::munmap(mapping, size);
    return checked;
  }
};

}  // namespace

Result<BlobService> BlobService::open(DbPool& db, WorkerPool& worker, BlobOptions options) {
  ARGOSY_TRY(BlobFolder folder, BlobFolder::open(std::move(options.folder)));
  return BlobService(db, worker, std::move(folder), options.max_bytes);
}

BlobService::BlobService(DbPool& db, WorkerPool& worker, BlobFolder folder, std::uint64_t max_bytes)
    : db_(db), worker_(worker), folder_(std::move(folder)), max_bytes_(max_bytes) {}

Task<Result<bool>> BlobService::put(Digest digest, BodyStream& body) {
  // Before looking, so that it is not cleared away in between.
  ARGOSY_CO_CHECK(co_await db_.transact<KeepBlob>(digest.to_hex()));
  const auto known = co_await find(digest);
  if (known) {
    ARGOSY_CO_CHECK(co_await drain(body));
    co_return false;
  }
  const Errc why = known.error().code;
  if (why != Errc::not_found && why != Errc::corrupt) co_return known.error();
  if (body.content_length().value_or(0) > max_bytes_) co_return over_limit();
  ARGOSY_CO_TRY(auto upload, co_await worker_.run<Begin>(folder_));
  ARGOSY_CO_CHECK(co_await receive(upload, body));
  ARGOSY_CO_CHECK(co_await worker_.run<Keep>(folder_, upload, digest));
  const FileDigest file{digest, upload->size()};
  wire::BlobRef row{digest.to_hex(), file.size_bytes};
  ARGOSY_CO_TRY(const auto inserted, co_await db_.transact<InsertBlob>(std::move(row)));
  ARGOSY_CO_CHECK(co_await expect_file(file));
  co_return Result<bool>(inserted);
}

Task<Result<StoredBlob>> BlobService::find(Digest digest) {
  std::vector<std::string> digests(1, digest.to_hex());
  ARGOSY_CO_TRY(auto rows, co_await db_.transact<FindBlobs>(std::move(digests)));
  if (rows.empty()) co_return make_error(Errc::not_found, "there is no blob " + digest.to_hex());
  ARGOSY_CO_TRY(const auto size, co_await worker_.run<SizeOnDisk>(folder_, digest));
  if (!size || *size != rows.front().size)
    co_return make_error(Errc::corrupt,
                         "the file of the blob " + digest.to_hex() + " is missing or cut short; upload it again");
  co_return StoredBlob{digest, rows.front().size, folder_.path_of(digest)};
}

std::filesystem::path BlobService::temporary_path(const std::string& name) const {
  return folder_.temporary_path(name);
}

Task<Result<void>> BlobService::remove_temporary(std::string name) {
  co_return co_await worker_.run<RemoveTemporary>(folder_, std::move(name));
}

Task<Result<void>> BlobService::adopt(std::filesystem::path temporary, FileDigest file) {
  ARGOSY_CO_CHECK(co_await worker_.run<Adopt>(folder_, std::move(temporary), file.digest));
  wire::BlobRef row{file.digest.to_hex(), file.size_bytes};
  ARGOSY_CO_CHECK(co_await db_.transact<AdoptBlob>(std::move(row)));
  co_return co_await expect_file(file);
}

Task<Result<ClearedBlobs>> BlobService::clear_unreferred(BlobGrace grace, std::size_t limit) {
  ARGOSY_CO_CHECK(co_await worker_.run<RemoveAbandoned>(folder_));
  const RemoveStored remove{folder_};
  ARGOSY_CO_TRY(ClearedBlobs cleared, co_await db_.transact<DeleteUnreferred>(grace, limit, remove));
  ARGOSY_CO_TRY(cleared.strays, co_await clear_strays(next_part_++));
  co_return cleared;
}

Task<Result<std::vector<wire::BlobRef>>> BlobService::sizes(std::vector<std::string> digests) {
  return db_.transact<FindBlobs>(std::move(digests));
}

Task<Result<std::optional<wire::OnnxReach>>> BlobService::check_model(Digest digest, std::string format) {
  ARGOSY_CO_TRY(auto blob, co_await find(digest));
  co_return co_await worker_.run<CheckModel>(blob.path, blob.size, std::move(format));
}

Task<Result<void>> BlobService::expect_file(FileDigest file) {
  ARGOSY_CO_TRY(const auto size, co_await worker_.run<SizeOnDisk>(folder_, file.digest));
  if (!size || *size != file.size_bytes)
    co_return make_error(Errc::unavailable, "the blob " + file.digest.to_hex() + " was cleared away while it came");
  co_return Result<void>{};
}

Task<Result<std::size_t>> BlobService::clear_strays(std::uint8_t part) {
  ARGOSY_CO_TRY(const auto files, co_await worker_.run<OldFiles>(folder_, part));
  std::vector<std::string> names;
  for (const Digest& digest : files) names.push_back(digest.to_hex());
  ARGOSY_CO_TRY(const auto rows, co_await db_.transact<FindBlobs>(names));
  for (const wire::BlobRef& row : rows) std::erase(names, row.digest);
  const RemoveIfOld remove{folder_};
  std::size_t removed = 0;
  for (std::string& name : names) {
    ARGOSY_CO_TRY(const bool done, co_await db_.transact<RemoveStray>(std::move(name), remove));
    removed += done ? 1 : 0;
  }
  co_return removed;
}

Error BlobService::over_limit() const {
  return make_error(Errc::too_large, "the body is over the limit of " + std::to_string(max_bytes_) + " bytes");
}

Task<Result<void>> BlobService::receive(std::shared_ptr<BlobUpload> upload, BodyStream& body) {
  Bytes piece(piece_bytes);
  for (bool at_end = false; !at_end;) {
    std::size_t filled = 0;
    while (filled < piece.size() && !at_end) {
      ARGOSY_CO_TRY(auto count, co_await body.read(piece.data() + filled, piece.size() - filled));
      filled += count;
      at_end = count == 0;
    }
    if (upload->size() + filled > max_bytes_) co_return over_limit();
    if (filled == 0) break;
    ARGOSY_CO_TRY(auto buffer, co_await worker_.run<Append>(upload, std::move(piece), filled));
    piece = std::move(buffer);
  }
  co_return Result<void>{};
}

Task<Result<void>> BlobService::drain(BodyStream& body) {
  Bytes ignored(piece_bytes);
  for (std::uint64_t seen = 0; seen <= max_bytes_;) {
    ARGOSY_CO_TRY(auto count, co_await body.read(ignored.data(), ignored.size()));
    if (count == 0) co_return Result<void>{};
    seen += count;
  }
  co_return over_limit();
}

}  // namespace argosy::server
