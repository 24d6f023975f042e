// A disk for tests: real files below one folder, with a record of what would be left of them were the power to go now.
// It counts every call of a Disk, can fail any one of them, run full, or die there: from then on nothing reaches the
// files, whatever the program that still runs in memory does. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/disk.hpp"
#include "common/base/random.hpp"

namespace argosy::test {

struct Node {  // a folder, a file's content, or where a link leads
  enum class Kind { folder, file, link };
  Kind kind = Kind::folder;
  std::string text;
  friend bool operator==(const Node&, const Node&) = default;
};
using Image = std::map<std::string, Node>;  // by path below the root

Image image_of(const std::filesystem::path& root);
void write_image(const Image& image, const std::filesystem::path& root);  // in place of what is there

enum class Fault {
  stop,         // the process ends before this call
  torn,         // the process ends in the middle of this write
  io_error,     // EIO, this once
  no_space,     // ENOSPC, this once
  read_only,    // EROFS from now on, for all that would change something, until heal()
  short_write,  // half of the bytes are written, and that is what the call says
};
std::string_view to_string(Fault fault);

enum class Unsynced { kept, lost, partly_lost };
std::string_view to_string(Unsynced unsynced);

class FaultyDisk : public Disk {
 public:
  enum class Call { read, create, write, truncate, sync, rename, remove, link, make_folder };
  struct Record {
    Call call;
    std::string path;
    std::uint64_t bytes = 0;
  };

  // The image is written below `root` and counts as synced.
  FaultyDisk(Path root, const Image& image);

  static bool fits(Fault fault, const Record& record);  // whether such a call can go wrong that way
  void fail_at(std::size_t call, Fault fault) { fail_at_ = call, fault_ = fault; }
  void heal();
  // From now on so many bytes can be written; `told` is what free_bytes says, by default the truth.
  void set_room(std::uint64_t bytes, std::optional<std::uint64_t> told = std::nullopt);
  // Every power cut loses what was not synced: all of it, or as the seed will have it.
  void lose_power(Unsynced unsynced, std::uint64_t seed);

  bool died() const { return died_; }
  const std::vector<Record>& calls() const { return calls_; }

  int open(const Path& path, int flags, unsigned mode) override;
  ssize_t write(int fd, const void* data, std::size_t bytes) override;
  int truncate(int fd, std::uint64_t bytes) override;
  int sync(int fd) override;
  int rename(const Path& from, const Path& to) override;
  int remove(const Path& path) override;
  int link(const Path& target, const Path& path) override;
  int share(const Path& file, const Path& path) override;
  int make_folder(const Path& path) override;
  int free_bytes(const Path& folder, std::uint64_t& bytes) override;

 private:
  struct Entry {
    Node::Kind kind = Node::Kind::folder;
    int file = 0;        // number of the file's content
    std::string target;  // of a link
  };
  using Change = std::vector<std::pair<std::string, std::optional<Entry>>>;  // what bears a name, or that nothing does
  using Names = std::map<std::string, Entry>;

  std::string below_root(const Path& path) const;
  bool is_here(Fault fault) const;        // the present call is the one that shall fail so
  bool goes_wrong(const Record& record);  // errno is set
  void change(Change names);
  static void apply(const Change& change, Names& names);
  void make_durable(const std::string& folder);
  std::string left_of(const Entry& entry, Unsynced unsynced, Rng& rng) const;
  std::optional<std::string> live_path_of(int file) const;
  void take_in(const Image& image);
  void give_back(const Path& path);

  Path root_;
  std::vector<Record> calls_;
  std::optional<std::size_t> fail_at_;
  Fault fault_ = Fault::stop;
  bool died_ = false;
  bool read_only_ = false;
  std::optional<std::uint64_t> room_;
  std::optional<std::uint64_t> told_;

  Names live_;
  Names durable_;
  std::vector<Change> pending_;        // changes of names that no sync has reached, in their order
  std::map<int, std::string> synced_;  // what of each file's content was synced
  std::map<int, std::string> opened_;  // by descriptor: the name under which it was opened
  std::map<int, int> opened_files_;    // and its content's number
  int next_file_ = 1;
};

}  // namespace argosy::test
