#include "server/quarantine/in_hand.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/id.hpp"

namespace argosy::server {

namespace fs = std::filesystem;

namespace {

constexpr int most_files = 64;  // processes that share a folder
constexpr std::uint16_t most_marks = 2048;
constexpr std::size_t longest_name = 64;

struct Slot {
  std::uint32_t group;  // 0: free; written last
  std::uint8_t kind;
  std::uint8_t name_size;
  std::array<char, longest_name> name;
  std::array<std::uint8_t, 32> digest;
};
struct Layout {
  std::array<char, 8> magic;
  std::array<Slot, most_marks> slots;
};
constexpr std::array<char, 8> magic = {'A', 'R', 'G', 'H', 'A', 'N', 'D', '1'};

Error system_error(const fs::path& path, const char* what) {
  return make_error(Errc::io, path.string() + ": " + what + ": " + std::generic_category().message(errno));
}

}  // namespace

struct InHand::Mapping {
  fs::path path;
  int file = -1;
  Layout* layout = nullptr;

  ~Mapping() {
    if (layout != nullptr) ::munmap(layout, sizeof(Layout));
    if (file >= 0) ::close(file);  // and with it goes the lock
  }

  // Nothing when another process holds it.
  static Result<std::unique_ptr<Mapping>> lock(const fs::path& path, bool make) {
    auto mapping = std::make_unique<Mapping>();
    mapping->path = path;
    mapping->file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0600);
    if (mapping->file < 0 && errno == ENOENT) return std::unique_ptr<Mapping>();
    if (mapping->file < 0) return system_error(path, "cannot open it");
    if (::flock(mapping->file, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::unique_ptr<Mapping>();
      return system_error(path, "cannot lock it");
    }
    if (!mapping->is_at_its_path()) return std::unique_ptr<Mapping>();  // deleted while we waited for nothing
    ARGOSY_CHECK(mapping->map());
    return mapping;
  }

  bool is_at_its_path() const {
    struct stat opened = {};
    struct stat named = {};
    return ::fstat(file, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
  }

  Result<void> map() {
    errno = ::posix_fallocate(file, 0, sizeof(Layout));
    if (errno != 0) return system_error(path, "cannot make room for it");
    void* memory = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) return system_error(path, "cannot map it");
    layout = static_cast<Layout*>(memory);
    if (layout->magic != magic) clear();
    return {};
  }

  void clear() {
    std::memset(static_cast<void*>(layout), 0, sizeof(Layout));
    layout->magic = magic;
  }

  // Nothing that the file holds is trusted: it may be of another version, or half written.
  void read(std::vector<MarkedGroup>& groups) const {
    std::map<std::uint32_t, MarkedGroup> by_group;
    for (const Slot& slot : layout->slots) {
      if (slot.group == 0 || slot.name_size > longest_name) continue;
      MessageId message;
      message.device.assign(slot.name.data(), slot.name_size);
      message.kind = static_cast<MessageKind>(slot.kind);
      message.digest.bytes = slot.digest;
      if (message.kind > MessageKind::allowance || !is_name(message.device)) continue;
      by_group[slot.group].push_back(std::move(message));
    }
    for (auto& [group, messages] : by_group) groups.push_back(std::move(messages));
  }
};

struct InHand::Marks {
  std::unique_ptr<Mapping> own;
  std::vector<std::uint16_t> free;
};

Result<std::unique_ptr<InHand>> InHand::open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return make_error(Errc::io, folder.string() + ": cannot make the folder: " + error.message());
  for (int number = 0; number < most_files; ++number) {
    ARGOSY_TRY(auto own, Mapping::lock(folder / (std::to_string(number) + ".marks"), true));
    if (own) return std::unique_ptr<InHand>(new InHand(folder, std::move(own)));
  }
  return make_error(Errc::unavailable, folder.string() + ": " + std::to_string(most_files) +
                                           " processes use it; give each fleet a store of its own");
}

InHand::InHand(fs::path folder, std::unique_ptr<Mapping> own)
    : folder_(std::move(folder)), marks_(std::make_shared<Marks>()) {
  marks_->own = std::move(own);
  for (std::uint16_t slot = most_marks; slot > 0; --slot) marks_->free.push_back(static_cast<std::uint16_t>(slot - 1));
}

InHand::~InHand() = default;

std::vector<MarkedGroup> InHand::left_behind() {
  std::vector<MarkedGroup> groups;
  if (!own_is_read_) marks_->own->read(groups);
  for (int number = 0; number < most_files; ++number) {
    const fs::path path = folder_ / (std::to_string(number) + ".marks");
    if (path == marks_->own->path) continue;
    auto other = Mapping::lock(path, false);
    if (other && *other) others_.push_back(std::move(*other));
  }
  for (const auto& other : others_) other->read(groups);
  return groups;
}

void InHand::forget_left_behind() {
  if (!std::exchange(own_is_read_, true)) marks_->own->clear();
  for (const auto& other : others_) {
    std::error_code gone;
    fs::remove(other->path, gone);
  }
  others_.clear();
}

InHand::Hold InHand::hold(const std::vector<MessageId>& messages) {
  Hold hold;
  hold.marks_ = marks_;
  std::vector<std::uint16_t>& free = marks_->free;
  if (free.size() < messages.size()) {  // half a batch would look like messages that were alone
    unmarked_ += messages.size();
    return hold;
  }
  const std::uint32_t group = next_group_++;
  if (next_group_ == 0) next_group_ = 1;
  for (const MessageId& message : messages) {
    if (message.device.size() > longest_name) continue;
    const std::uint16_t number = free.back();
    free.pop_back();
    Slot& slot = marks_->own->layout->slots.at(number);
    slot.kind = static_cast<std::uint8_t>(message.kind);
    slot.name_size = static_cast<std::uint8_t>(message.device.size());
    std::memcpy(slot.name.data(), message.device.data(), message.device.size());
    slot.digest = message.digest.bytes;
    std::atomic_ref(slot.group).store(group, std::memory_order_release);
    hold.slots_.push_back(number);
  }
  return hold;
}

InHand::Hold& InHand::Hold::operator=(Hold&& other) noexcept {
  release();
  marks_ = std::move(other.marks_);
  slots_ = std::move(other.slots_);
  return *this;
}

void InHand::Hold::release() {
  if (!marks_) return;
  for (const std::uint16_t number : slots_) {
    std::atomic_ref(marks_->own->layout->slots.at(number).group).store(0, std::memory_order_release);
    marks_->free.push_back(number);
  }
  slots_.clear();
  marks_.reset();
}

}  // namespace argosy::server
