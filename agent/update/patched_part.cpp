#include "agent/update/patched_part.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/update/part_file.hpp"
#include "common/base/disk.hpp"
#include "common/delta/old_file.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

namespace {

// The log: magic, size and CRC-32 of the head, the head; then one record a chunk; then, perhaps, size, CRC-32 and bytes
// of an unfinished one.
constexpr std::string_view log_magic = "ARGOSYL1";
constexpr std::size_t log_head_bytes = 16;
constexpr std::size_t record_bytes = 24;
constexpr std::size_t pending_head_bytes = 8;

struct Record {
  PatchPosition end;
  std::uint32_t result_crc = 0;
};

template <class T>
void put(Bytes& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
template <class T>
T get(ByteView bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value |= static_cast<T>(T{bytes[at + i]} << (8 * i));
  return value;
}

Bytes encode(const Record& record) {
  Bytes bytes;
  put(bytes, record.end.patch_bytes);
  put(bytes, record.end.result_bytes);
  put(bytes, record.result_crc);
  put(bytes, tensor::crc32_of(bytes));
  return bytes;
}

std::optional<Record> decode_record(ByteView bytes) {
  if (get<std::uint32_t>(bytes, record_bytes - 4) != tensor::crc32_of(bytes.first(record_bytes - 4)))
    return std::nullopt;
  return Record{{get<std::uint64_t>(bytes, 0), get<std::uint64_t>(bytes, 8)}, get<std::uint32_t>(bytes, 16)};
}

Bytes encode_head(ByteView head) {
  Bytes bytes(log_magic.begin(), log_magic.end());
  put(bytes, static_cast<std::uint32_t>(head.size()));
  put(bytes, tensor::crc32_of(head));
  bytes.insert(bytes.end(), head.begin(), head.end());
  return bytes;
}

// Empty where it is not whole.
Result<Bytes> read_head(int log, std::uint64_t log_bytes) {
  if (log_bytes < log_head_bytes) return Bytes();
  Bytes start(log_head_bytes);
  ARGOSY_CHECK(read_exactly_at(log, 0, start));
  const auto size = get<std::uint32_t>(start, 8);
  const bool possible = size <= tensor::header_bytes + tensor::max_tables_bytes && size <= log_bytes - log_head_bytes;
  if (as_text(ByteView(start).first(8)) != log_magic || !possible) return Bytes();
  Bytes head(size);
  ARGOSY_CHECK(read_exactly_at(log, log_head_bytes, head));
  if (tensor::crc32_of(head) != get<std::uint32_t>(start, 12)) return Bytes();
  return head;
}

Bytes encode_pending(ByteView pending) {
  Bytes bytes;
  put(bytes, static_cast<std::uint32_t>(pending.size()));
  put(bytes, tensor::crc32_of(pending));
  bytes.insert(bytes.end(), pending.begin(), pending.end());
  return bytes;
}

// Empty where it is not whole.
Result<Bytes> read_pending(int log, std::uint64_t from, std::uint64_t log_bytes) {
  if (log_bytes - from <= pending_head_bytes) return Bytes();
  Bytes start(pending_head_bytes);
  ARGOSY_CHECK(read_exactly_at(log, from, start));
  const auto size = get<std::uint32_t>(start, 0);
  if (size > tensor::max_payload_bytes || size != log_bytes - from - pending_head_bytes) return Bytes();
  Bytes pending(size);
  ARGOSY_CHECK(read_exactly_at(log, from + pending_head_bytes, pending));
  if (tensor::crc32_of(pending) != get<std::uint32_t>(start, 4)) return Bytes();
  return pending;
}

// Whether the stretch of the file is what the log says of it.
Result<bool> is_whole(int part, std::uint64_t part_bytes, std::uint64_t from, const Record& record, Bytes& buffer) {
  if (record.end.result_bytes <= from || record.end.result_bytes - from > tensor::max_chunk_bytes) return false;
  if (record.end.result_bytes > part_bytes) return false;
  buffer.resize(static_cast<std::size_t>(record.end.result_bytes - from));
  ARGOSY_CHECK(read_exactly_at(part, from, buffer));
  return tensor::crc32_of(buffer) == record.result_crc;
}

Result<UniqueFd> open_to_write(const fs::path& path) {
  ARGOSY_CHECK(create_folders(path.parent_path()));
  UniqueFd fd(disk().open(path, O_RDWR | O_CREAT));
  if (!fd) return errno_error("cannot open " + path.string(), errno);
  return fd;
}

Result<UniqueFd> open_base(const PatchedPartPlan& plan) {
  UniqueFd fd(disk().open(plan.base, O_RDONLY));
  if (!fd) return make_error(Errc::base_mismatch, "the patch's base is not on disk: " + plan.base.string());
  ARGOSY_TRY(const FileDigest found, measure_file(plan.base));
  if (found == plan.base_file) return fd;
  return make_error(Errc::base_mismatch, plan.base.string() + " has digest " + found.digest.to_hex() +
                                             ", and the patch is for " + plan.base_file.digest.to_hex());
}

}  // namespace

Result<std::unique_ptr<BlobIntake>> PatchedPart::open(const PatchedPartPlan& plan) {
  std::error_code failed;
  const auto there = fs::file_size(plan.whole, failed);
  if (!failed && there == plan.result.size) return std::unique_ptr<BlobIntake>();
  ARGOSY_TRY(UniqueFd base, open_base(plan));
  ARGOSY_TRY(UniqueFd part, open_to_write(plan.part));
  ARGOSY_TRY(UniqueFd log, open_to_write(plan.log));
  ARGOSY_TRY(const Digest result, Digest::parse(plan.result.digest));
  const StreamRequest request{base.get(), plan.base_file, {result, plan.result.size}, plan.patch.size};
  std::unique_ptr<PatchedPart> patched(
      new PatchedPart(plan, request, std::move(base), std::move(part), std::move(log)));
  ARGOSY_CHECK(patched->take_up());
  return patched;
}

Result<void> PatchedPart::take_up() {
  ARGOSY_TRY(const Kept kept, read_kept());
  if (kept.head.empty()) return restart();
  auto stream = PatchStream::resume(request_, sink(), kept.head, kept.position);
  if (!stream) return restart();
  ARGOSY_CHECK(cut_to(kept.log_bytes, kept.position.result_bytes));
  stream_.emplace(std::move(*stream));
  head_kept_ = true;
  return stream_->push(kept.pending);
}

PatchedPart::~PatchedPart() {
  if (!stream_) return;
  const Bytes pending = stream_->pending();
  if (pending.empty() || !keep_head()) return;
  static_cast<void>(
      write_all(log_.get(), as_text(encode_pending(pending))));  // a gift: without it the bytes come again
}

Result<PatchedPart::Kept> PatchedPart::read_kept() const {
  Kept kept;
  ARGOSY_TRY(const std::uint64_t log_bytes, file_size_of(log_.get()));
  ARGOSY_TRY(const std::uint64_t part_bytes, file_size_of(part_.get()));
  ARGOSY_TRY(kept.head, read_head(log_.get(), log_bytes));
  kept.log_bytes = log_head_bytes + kept.head.size();
  kept.position = {kept.head.size(), 0};
  Bytes buffer;
  std::array<std::uint8_t, record_bytes> bytes;
  while (!kept.head.empty() && log_bytes - kept.log_bytes >= record_bytes) {
    ARGOSY_CHECK(read_exactly_at(log_.get(), kept.log_bytes, bytes));
    const auto record = decode_record(bytes);
    if (!record || record->end.patch_bytes <= kept.position.patch_bytes) break;
    ARGOSY_TRY(const bool whole, is_whole(part_.get(), part_bytes, kept.position.result_bytes, *record, buffer));
    if (!whole) break;
    kept.position = record->end;
    kept.log_bytes += record_bytes;
  }
  if (!kept.head.empty()) {
    ARGOSY_TRY(kept.pending, read_pending(log_.get(), kept.log_bytes, log_bytes));
  }
  return kept;
}

Result<void> PatchedPart::cut_to(std::uint64_t log_bytes, std::uint64_t result_bytes) {
  const auto cut = [](int fd, std::uint64_t size) {
    return disk().truncate(fd, size) == 0 && ::lseek(fd, 0, SEEK_END) >= 0;
  };
  if (!cut(log_.get(), log_bytes)) return errno_error("cannot shorten " + plan_.log.string(), errno);
  if (!cut(part_.get(), result_bytes)) return errno_error("cannot shorten " + plan_.part.string(), errno);
  return {};
}

Result<void> PatchedPart::restart() {
  ARGOSY_CHECK(cut_to(0, 0));
  stream_.emplace(request_, sink());
  head_kept_ = false;
  return {};
}

PatchStream::ChunkSink PatchedPart::sink() {
  return [this](ByteView made, const PatchPosition& end) { return keep_chunk(made, end); };
}

Result<void> PatchedPart::append(std::string_view data) {
  return stream_->push(as_bytes(data));
}

Result<void> PatchedPart::keep_head() {
  if (std::exchange(head_kept_, true)) return {};
  return write_all(log_.get(), as_text(encode_head(stream_->head())));
}

Result<void> PatchedPart::keep_chunk(ByteView made, const PatchPosition& end) {
  auto written = write_all(part_.get(), as_text(made));
  if (written) written = keep_head();
  if (written) written = write_all(log_.get(), as_text(encode({end, tensor::crc32_of(made)})));
  if (!written) return std::move(written).error().within(plan_.part.string());
  write_back_.wrote(made.size());  // what a power cut loses all the same is seen by its check sum
  return {};
}

Result<void> PatchedPart::finish() {
  if (!stream_->complete())
    return make_error(Errc::truncated, "patch " + plan_.patch.digest + " ended after " + std::to_string(size()) +
                                           " of " + std::to_string(plan_.patch.size) + " bytes");
  if (disk().sync(part_.get()) != 0) return errno_error("cannot sync " + plan_.part.string(), errno);
  ARGOSY_CHECK(put_in_place(plan_.part, plan_.whole));
  disk().remove(plan_.log);
  return {};
}

std::uint64_t applied_bytes(const fs::path& log) {
  const UniqueFd fd(disk().open(log, O_RDONLY));
  if (!fd) return 0;
  const auto size = file_size_of(fd.get());
  if (!size) return 0;
  const auto head = read_head(fd.get(), *size);
  if (!head || head->empty()) return 0;
  const std::uint64_t records = (*size - log_head_bytes - head->size()) / record_bytes;
  if (records == 0) return 0;
  std::array<std::uint8_t, record_bytes> bytes;
  if (!read_exactly_at(fd.get(), log_head_bytes + head->size() + (records - 1) * record_bytes, bytes)) return 0;
  const auto record = decode_record(bytes);
  return record ? record->end.patch_bytes : 0;
}

}  // namespace argosy::agent
