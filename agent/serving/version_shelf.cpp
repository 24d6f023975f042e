#include "agent/serving/version_shelf.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/disk.hpp"
#include "common/base/file.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

namespace {

// No server takes these for a version: their names are no numbers.
constexpr std::string_view incoming = "argosy-incoming-";
constexpr std::string_view outgoing = "argosy-outgoing-";
constexpr std::uint64_t max_memory_bytes = 64 << 10;
constexpr std::uint64_t max_number = std::uint64_t{1} << 53;  // beyond it JSON and metrics lose digits

Error path_error(std::string_view what, const fs::path& path) {
  return errno_error(std::string(what) + " " + path.string(), errno);
}

std::optional<std::uint64_t> number_of(const std::string& name) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = failed == std::errc{} && end == name.data() + name.size();
  if (!whole || number == 0 || number > max_number || name.front() == '0') return std::nullopt;
  return number;
}

Result<void> copy_bytes(const fs::path& from, const fs::path& to) {
  const UniqueFd source(disk().open(from, O_RDONLY));
  if (!source) return path_error("cannot open", from);
  const UniqueFd target(disk().open(to, O_WRONLY | O_CREAT | O_EXCL));
  if (!target) return path_error("cannot create", to);
  EarlyWriteBack early(target.get());
  std::vector<char> piece(256 << 10);
  for (;;) {
    const ssize_t got = ::read(source.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return path_error("cannot read", from);
    if (got == 0) break;
    auto written = write_all(target.get(), {piece.data(), static_cast<std::size_t>(got)});
    if (!written) return std::move(written).error().within(to.string());
    early.wrote(static_cast<std::uint64_t>(got));
  }
  return {};
}

// A slot's file is replaced, never written into, so that both names may share it.
Result<void> link_or_copy(const fs::path& from, const fs::path& to) {
  if (disk().share(from, to) == 0) return {};
  if (errno == ENOENT) return path_error("cannot find", from);
  return copy_bytes(from, to);
}

Result<void> put(const fs::path& from, const fs::path& to) {
  ARGOSY_CHECK(link_or_copy(from, to));
  return sync_path(to);
}

}  // namespace

VersionShelf::VersionShelf(fs::path shelf, fs::path memory) : shelf_(std::move(shelf)), memory_(std::move(memory)) {
  static_cast<void>(recall());  // what fails here is asked again before anything is changed
}

Result<void> VersionShelf::recall() {
  if (recalled_) return {};
  const auto text = read_file(memory_, max_memory_bytes);
  if (!text && text.error().code != Errc::not_found && text.error().code != Errc::too_large) return text.error();
  recalled_ = true;
  if (!text) return {};
  take_in(*text);
  return {};
}

void VersionShelf::take_in(const std::string& text) {
  auto fields = JsonReader::parse(text, {.bytes = max_memory_bytes}, UnknownKeys::pass);
  if (!fields) return;
  std::uint64_t next = 1;
  std::uint64_t serving = 0;
  std::vector<Entry> entries;
  fields->required("next", next);
  fields->optional("serving", serving);
  fields->objects("versions", max_versions, entries, [](JsonReader& item, Entry& entry) {
    item.required("number", entry.number);
    item.required("version", entry.version);
    item.required("digest", entry.digest);
  });
  if (!fields->finish()) return;
  next_ = std::max<std::uint64_t>(1, next);
  serving_ = serving;
  entries_ = std::move(entries);
}

Result<void> VersionShelf::remember() const {
  nlohmann::json versions = nlohmann::json::array();
  for (const Entry& entry : entries_)
    versions.push_back({{"number", entry.number}, {"version", entry.version}, {"digest", entry.digest}});
  return write_file_atomically(memory_, write_json({{"next", next_}, {"serving", serving_}, {"versions", versions}}));
}

std::set<std::uint64_t> VersionShelf::numbers_on_disk() const {
  std::set<std::uint64_t> numbers;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(shelf_, failed))
    if (const auto number = number_of(entry.path().filename().string())) numbers.insert(*number);
  return numbers;
}

const VersionShelf::Entry* VersionShelf::entry_of(std::uint64_t number) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.number == number; });
  return found == entries_.end() ? nullptr : &*found;
}

bool VersionShelf::holds(std::uint64_t number) const {
  std::error_code failed;
  return entry_of(number) != nullptr && fs::is_directory(place(number), failed);
}

std::string VersionShelf::version_of(std::uint64_t number) const {
  const Entry* entry = entry_of(number);
  return entry == nullptr ? std::string() : entry->version;
}

// The number that the version has, unless somebody else's is greater; else the next, remembered before it is used.
Result<std::uint64_t> VersionShelf::number_for(const Placement& placement) {
  const auto there = numbers_on_disk();
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.version == placement.version && entry.digest == placement.digest;
  });
  if (known != entries_.end()) {
    const bool outnumbered = std::any_of(there.upper_bound(known->number), there.end(),
                                         [&](std::uint64_t greater) { return entry_of(greater) == nullptr; });
    if (!outnumbered) return known->number;
  }
  const std::uint64_t number = std::max(next_, there.empty() ? 1 : *there.rbegin() + 1);
  if (number > max_number)
    return make_error(Errc::conflict, shelf_.string() + " holds version number " + std::to_string(*there.rbegin()) +
                                          ": there is none after it; remove that folder");
  if (entries_.size() >= max_versions) entries_.erase(entries_.begin());
  entries_.push_back({number, placement.version, placement.digest});
  next_ = number + 1;
  ARGOSY_CHECK(remember());
  return number;
}

Result<void> VersionShelf::stage(const Placement& placement, const std::string& file_name, std::uint64_t number) const {
  const fs::path folder = shelf_ / (std::string(incoming) + std::to_string(number));
  ARGOSY_CHECK(create_folders(folder));
  ARGOSY_CHECK(put(placement.file(), folder / file_name));
  for (const std::string& part : placement.parts) {
    ARGOSY_CHECK(put(placement.file().parent_path() / part, folder / part));
  }
  ARGOSY_CHECK(sync_path(folder));
  if (disk().rename(folder, place(number)) != 0) return path_error("cannot put in place", place(number));
  return sync_path(shelf_);
}

Result<std::uint64_t> VersionShelf::publish(const Placement& placement, const std::string& file_name) {
  ARGOSY_CHECK(recall());
  sweep();
  ARGOSY_TRY(const std::uint64_t number, number_for(placement));
  if (!holds(number)) {
    auto staged = stage(placement, file_name, number);
    if (!staged) {
      sweep();  // half a copy may be what fills the disk
      return std::move(staged).error();
    }
  }
  for (const std::uint64_t other : numbers_on_disk())
    if (other > number) ARGOSY_CHECK(withdraw(other));
  return number;
}

Result<void> VersionShelf::withdraw(std::uint64_t number) {
  ARGOSY_CHECK(recall());
  if (entry_of(number) == nullptr) return {};
  const fs::path away = shelf_ / (std::string(outgoing) + std::to_string(number));
  if (disk().rename(place(number), away) == 0)
    ARGOSY_CHECK(sync_path(shelf_));
  else if (errno != ENOENT)
    return path_error("cannot take away", place(number));
  std::erase_if(entries_, [&](const Entry& entry) { return entry.number == number; });
  ARGOSY_CHECK(remember());
  sweep();
  return {};
}

Result<void> VersionShelf::keep_only(const std::set<std::uint64_t>& numbers) {
  ARGOSY_CHECK(recall());
  std::vector<std::uint64_t> going;
  for (const Entry& entry : entries_)
    if (!numbers.contains(entry.number)) going.push_back(entry.number);
  for (const std::uint64_t number : going) ARGOSY_CHECK(withdraw(number));
  return {};
}

Result<void> VersionShelf::set_serving(std::uint64_t number) {
  ARGOSY_CHECK(recall());
  if (serving_ == number) return {};
  serving_ = number;
  return remember();
}

// What a power cut left half made or half removed. A server that still has such a file open keeps it.
void VersionShelf::sweep() const {
  std::error_code failed;
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(shelf_, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(incoming) || name.starts_with(outgoing)) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) static_cast<void>(remove_tree(path));  // the next sweep tries again
}

}  // namespace argosy::agent
