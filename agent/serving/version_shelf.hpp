// One model's folder in a repository of numbered versions (<repository>/<model>/<N>/), and the memory of which number
// is which version: numbers.json beside the model's slots. A version is whole when its number appears, is never edited,
// and a number is never given twice. The version that shall serve is always the greatest number there: that is what
// servers take unless told otherwise. Blocking; one owner.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "agent/serving/serving.hpp"

namespace argosy::agent {

class VersionShelf {
 public:
  static constexpr std::size_t max_versions = 16;  // remembered; three are there at most, while one is exchanged

  struct Entry {
    std::uint64_t number = 0;
    std::string version;
    std::string digest;
  };

  // `shelf` is <repository>/<model>, `memory` the file that remembers. A damaged memory is begun anew:
  // every number found on the shelf is then somebody else's, and left alone. One that the disk does not give
  // is an error of whatever would change the shelf.
  VersionShelf(std::filesystem::path shelf, std::filesystem::path memory);

  // Reads the memory unless that was done: before it serving() says nothing. The constructor tries, too.
  Result<void> recall();

  // Puts the version on the shelf as `file_name` unless it is there, takes away greater numbers of ours, and answers
  // its number: the one it had, or the next. Its parts keep their names beside it. Files are linked where the file
  // system allows, else copied.
  Result<std::uint64_t> publish(const Placement& placement, const std::string& file_name);
  // A number that shall serve no more: it vanishes at once, and is forgotten. Absent is fine.
  Result<void> withdraw(std::uint64_t number);
  // Withdraws all of ours but these.
  Result<void> keep_only(const std::set<std::uint64_t>& numbers);

  Result<void> set_serving(std::uint64_t number);
  std::uint64_t serving() const { return serving_; }  // 0: none was seen to serve
  bool holds(std::uint64_t number) const;
  // The version that a number stands for; empty when it is none of ours.
  std::string version_of(std::uint64_t number) const;

 private:
  std::filesystem::path place(std::uint64_t number) const { return shelf_ / std::to_string(number); }
  const Entry* entry_of(std::uint64_t number) const;
  void take_in(const std::string& text);
  Result<void> remember() const;
  std::set<std::uint64_t> numbers_on_disk() const;
  Result<std::uint64_t> number_for(const Placement& placement);
  Result<void> stage(const Placement& placement, const std::string& file_name, std::uint64_t number) const;
  void sweep() const;

  std::filesystem::path shelf_;
  std::filesystem::path memory_;
  bool recalled_ = false;
  std::uint64_t next_ = 1;
  std::uint64_t serving_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace argosy::agent
