#include "tests/support/faulty_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace argosy::test {

namespace fs = std::filesystem;

namespace {

std::string content_of(const fs::path& path) {
  std::error_code missing;
  const auto size = fs::file_size(path, missing);
  std::string content(missing ? 0 : static_cast<std::size_t>(size), '\0');
  std::ifstream(path, std::ios::binary).read(content.data(), static_cast<std::streamsize>(content.size()));
  return content;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// Of a folder that gets another name; what of its content was not synced before is lost to a power cut.
template <class Names>
void move_content(Names& names, const std::string& from, const std::string& to) {
  const std::string below = from + '/';
  for (auto it = names.lower_bound(below); it != names.end() && it->first.starts_with(below);) {
    auto node = names.extract(it++);
    node.key() = to + '/' + node.key().substr(below.size());
    names.insert(std::move(node));
  }
}

std::uint64_t size_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

bool changes_something(FaultyDisk::Call call) {
  return call != FaultyDisk::Call::read;
}

}  // namespace

std::string_view to_string(Fault fault) {
  constexpr std::string_view names[] = {"stop", "torn", "io_error", "no_space", "read_only", "short_write"};
  return names[static_cast<std::size_t>(fault)];
}

std::string_view to_string(Unsynced unsynced) {
  constexpr std::string_view names[] = {"kept", "lost", "partly lost"};
  return names[static_cast<std::size_t>(unsynced)];
}

Image image_of(const fs::path& root) {
  Image image;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (entry.is_symlink())
      image[name] = {Node::Kind::link, fs::read_symlink(entry.path()).string()};
    else if (entry.is_directory())
      image[name] = {Node::Kind::folder, ""};
    else
      image[name] = {Node::Kind::file, content_of(entry.path())};
  }
  return image;
}

void write_image(const Image& image, const fs::path& root) {
  fs::remove_all(root);
  fs::create_directories(root);
  for (const auto& [name, node] : image) {  // folders come before what is in them
    if (node.kind == Node::Kind::folder)
      fs::create_directory(root / name);
    else if (node.kind == Node::Kind::link)
      fs::create_symlink(node.text, root / name);
    else
      std::ofstream(root / name, std::ios::binary) << node.text;
  }
}

FaultyDisk::FaultyDisk(Path root, const Image& image) : root_(std::move(root)) {
  write_image(image, root_);
  take_in(image);
}

void FaultyDisk::take_in(const Image& image) {
  live_.clear();
  synced_.clear();
  pending_.clear();
  opened_.clear();
  opened_files_.clear();
  for (const auto& [name, node] : image) {
    Entry entry{node.kind, 0, node.kind == Node::Kind::link ? node.text : ""};
    if (node.kind == Node::Kind::file) {
      entry.file = next_file_++;
      synced_[entry.file] = node.text;
    }
    live_[name] = std::move(entry);
  }
  durable_ = live_;
}

bool FaultyDisk::fits(Fault fault, const Record& record) {
  switch (fault) {
    case Fault::stop:
    case Fault::read_only:
      return changes_something(record.call);
    case Fault::torn:
    case Fault::short_write:
      return record.call == Call::write && record.bytes > 1;
    case Fault::io_error:
      return true;
    case Fault::no_space:
      return changes_something(record.call) && record.call != Call::remove && record.call != Call::truncate;
  }
  return false;
}

void FaultyDisk::heal() {
  fail_at_.reset();
  read_only_ = false;
  room_.reset();
  told_.reset();
}

void FaultyDisk::set_room(std::uint64_t bytes, std::optional<std::uint64_t> told) {
  room_ = bytes;
  told_ = told;
}

std::string FaultyDisk::below_root(const Path& path) const {
  const std::string name = path.lexically_normal().lexically_relative(root_).string();
  return name == "." ? "" : name;
}

bool FaultyDisk::is_here(Fault fault) const {
  return fail_at_ && *fail_at_ + 1 == calls_.size() && fault_ == fault;
}

bool FaultyDisk::goes_wrong(const Record& record) {
  calls_.push_back(record);
  if (is_here(Fault::stop) || is_here(Fault::torn)) died_ = true;
  if (is_here(Fault::read_only)) read_only_ = true;
  errno = died_ || is_here(Fault::io_error)              ? EIO
          : read_only_ && changes_something(record.call) ? EROFS
          : is_here(Fault::no_space)                     ? ENOSPC
                                                         : 0;
  return errno != 0;
}

void FaultyDisk::apply(const Change& change, Names& names) {
  if (change.size() == 2 && change.back().second->kind == Node::Kind::folder)
    move_content(names, change.front().first, change.back().first);
  for (const auto& [name, entry] : change) {
    if (entry)
      names[name] = *entry;
    else
      names.erase(name);
  }
}

void FaultyDisk::change(Change names) {
  apply(names, live_);
  pending_.push_back(std::move(names));
}

// A rename from one folder to another is one change: no file system in use loses a half of it.
void FaultyDisk::make_durable(const std::string& folder) {
  const auto touches = [&folder](const Change& change) {
    return std::any_of(change.begin(), change.end(),
                       [&folder](const auto& name) { return folder_of(name.first) == folder; });
  };
  std::vector<Change> later;
  for (const Change& change : pending_) {
    if (!touches(change)) {
      later.push_back(change);
      continue;
    }
    apply(change, durable_);
    for (const auto& [name, entry] : change)  // nothing older comes back under its names
      for (Change& earlier : later)
        std::erase_if(earlier, [&name = name](const auto& old) { return old.first == name; });
  }
  pending_ = std::move(later);
}

std::optional<std::string> FaultyDisk::live_path_of(int file) const {
  for (const auto& [name, entry] : live_)
    if (entry.kind == Node::Kind::file && entry.file == file) return name;
  return std::nullopt;
}

std::string FaultyDisk::left_of(const Entry& entry, Unsynced unsynced, Rng& rng) const {
  const auto found = synced_.find(entry.file);
  const std::string synced = found == synced_.end() ? "" : found->second;
  const auto name = live_path_of(entry.file);
  if (!name) return synced;
  std::string written = content_of(root_ / *name);
  if (unsynced == Unsynced::lost || written == synced) return synced;
  const std::size_t same = written.starts_with(synced) ? synced.size() : 0;
  const std::size_t cut = same + rng() % (written.size() - same + 1);
  if (rng() % 2 == 0)
    written.resize(cut);
  else  // the new length was written back, not all of the bytes
    std::fill(written.begin() + static_cast<std::ptrdiff_t>(cut), written.end(), '\0');
  return written;
}

void FaultyDisk::lose_power(Unsynced unsynced, std::uint64_t seed) {
  Image left;
  if (unsynced == Unsynced::kept) {
    left = image_of(root_);
  } else {
    Rng rng(seed);
    const std::size_t written_back = unsynced == Unsynced::lost ? 0 : rng() % (pending_.size() + 1);
    for (std::size_t i = 0; i < written_back; ++i) apply(pending_[i], durable_);
    for (const auto& [name, entry] : durable_) {
      const std::string folder = folder_of(name);
      if (!folder.empty() && !left.contains(folder)) continue;
      std::string text = entry.kind == Node::Kind::file ? left_of(entry, unsynced, rng) : entry.target;
      left[name] = {entry.kind, std::move(text)};
    }
  }
  write_image(left, root_);
  take_in(left);
  died_ = false;
  heal();
}

int FaultyDisk::open(const Path& path, int flags, unsigned mode) {
  const std::string name = below_root(path);
  const auto found = live_.find(name);
  const bool creates = (flags & O_CREAT) != 0 && found == live_.end();
  const bool writes = creates || (flags & O_TRUNC) != 0;
  if (goes_wrong({writes ? Call::create : Call::read, name})) return -1;
  if ((flags & O_TRUNC) != 0) give_back(path);
  const int fd = Disk::open(path, flags, mode);
  if (fd < 0) return fd;
  if (creates) change({{name, Entry{Node::Kind::file, next_file_++, ""}}});
  opened_[fd] = name;
  const auto entry = live_.find(name);
  opened_files_[fd] = entry == live_.end() ? 0 : entry->second.file;
  return fd;
}

ssize_t FaultyDisk::write(int fd, const void* data, std::size_t bytes) {
  if (goes_wrong({Call::write, opened_[fd], bytes})) {
    const int why = errno;
    if (is_here(Fault::torn)) static_cast<void>(Disk::write(fd, data, bytes / 2));
    errno = why;
    return -1;
  }
  if (is_here(Fault::short_write)) bytes = std::max<std::size_t>(1, bytes / 2);
  if (!room_) return Disk::write(fd, data, bytes);
  bytes = std::min<std::size_t>(bytes, *room_);
  if (bytes == 0) {
    errno = ENOSPC;
    return -1;
  }
  const std::uint64_t before = size_of(fd);
  const ssize_t put = Disk::write(fd, data, bytes);
  *room_ -= std::min(*room_, size_of(fd) - before);
  return put;
}

int FaultyDisk::truncate(int fd, std::uint64_t bytes) {
  if (goes_wrong({Call::truncate, opened_[fd], bytes})) return -1;
  const std::uint64_t before = size_of(fd);
  const int done = Disk::truncate(fd, bytes);
  if (room_ && size_of(fd) < before) *room_ += before - size_of(fd);
  return done;
}

int FaultyDisk::sync(int fd) {
  if (goes_wrong({Call::sync, opened_[fd]})) return -1;
  const auto found = live_.find(opened_[fd]);
  if (opened_[fd].empty() || (found != live_.end() && found->second.kind == Node::Kind::folder)) {
    make_durable(opened_[fd]);
  } else if (const auto name = live_path_of(opened_files_[fd])) {
    synced_[opened_files_[fd]] = content_of(root_ / *name);
  }
  return 0;
}

void FaultyDisk::give_back(const Path& path) {
  std::error_code failed;
  const auto bytes = fs::file_size(path, failed);
  if (room_ && !failed) *room_ += bytes;
}

int FaultyDisk::rename(const Path& from, const Path& to) {
  const std::string source = below_root(from);
  const std::string target = below_root(to);
  if (goes_wrong({Call::rename, target})) return -1;
  if (fs::is_regular_file(fs::symlink_status(to))) give_back(to);
  const int done = Disk::rename(from, to);
  if (done == 0) {
    const Entry moved = live_.at(source);
    change({{source, std::nullopt}, {target, moved}});
  }
  return done;
}

int FaultyDisk::remove(const Path& path) {
  const std::string name = below_root(path);
  if (goes_wrong({Call::remove, name})) return -1;
  if (fs::is_regular_file(fs::symlink_status(path))) give_back(path);
  const int done = Disk::remove(path);
  const int why = errno;
  if (done == 0) change({{name, std::nullopt}});
  errno = why;
  return done;
}

int FaultyDisk::link(const Path& target, const Path& path) {
  const std::string name = below_root(path);
  if (goes_wrong({Call::link, name})) return -1;
  const int done = Disk::link(target, path);
  if (done == 0) change({{name, Entry{Node::Kind::link, 0, target.string()}}});
  return done;
}

int FaultyDisk::share(const Path& file, const Path& path) {
  const std::string name = below_root(path);
  if (goes_wrong({Call::link, name})) return -1;
  const int done = Disk::share(file, path);
  if (done == 0) change({{name, live_.at(below_root(file))}});
  return done;
}

int FaultyDisk::make_folder(const Path& path) {
  const std::string name = below_root(path);
  if (goes_wrong({Call::make_folder, name})) return -1;
  const int done = Disk::make_folder(path);
  if (done == 0) change({{name, Entry{Node::Kind::folder, 0, ""}}});
  return done;
}

int FaultyDisk::free_bytes(const Path& folder, std::uint64_t& bytes) {
  if (!room_) return Disk::free_bytes(folder, bytes);
  bytes = told_.value_or(*room_);
  return 0;
}

}  // namespace argosy::test
