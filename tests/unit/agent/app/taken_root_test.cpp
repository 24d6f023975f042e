#include "agent/app/taken_root.hpp"

#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/disk.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

// Makes no folder for so many tries.
class FullDisk : public Disk {
 public:
  FullDisk(int refusals, int reason) : refusals_(refusals), reason_(reason) {}
  int make_folder(const Path& path) override {
    if (refusals_ == 0) return Disk::make_folder(path);
    --refusals_;
    errno = reason_;
    return -1;
  }

 private:
  int refusals_;
  int reason_;
};

class TakenRoot : public ::testing::Test {
 protected:
  test::TempFolder folder;
  const Storage storage{std::filesystem::path(folder / "root")};
  const ServiceManager nobody{"", std::nullopt};
  std::vector<std::string> log;
  std::vector<Duration> slept;

  Result<UniqueFd> take(const ServiceManager& manager) {
    return take_root(
        storage, manager, 7, [this](const std::string& line) { log.push_back(line); },
        [this](Duration wait) { slept.push_back(wait); });
  }
};

TEST_F(TakenRoot, IsThereAtOnceWhereThereIsRoom) {
  EXPECT_TRUE(take(nobody));
  EXPECT_TRUE(log.empty());
  EXPECT_TRUE(slept.empty());
}

TEST_F(TakenRoot, WaitsForRoomAndSaysSoOnce) {
  FullDisk full(12, ENOSPC);
  const DiskInPlace in_place(full);
  EXPECT_TRUE(take(nobody));
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].find("waiting for room in " + storage.root().string()), 0U);
  EXPECT_NE(log[0].find("No space left"), std::string::npos);
  EXPECT_EQ(log[1], "there is room in " + storage.root().string() + " now");
  ASSERT_EQ(slept.size(), 12U);
  for (const Duration wait : slept) {
    EXPECT_GE(wait, Duration{1000});
    EXPECT_LE(wait, most_between_looks_for_room);
  }
  EXPECT_TRUE(std::filesystem::is_directory(storage.identity()));
}

TEST_F(TakenRoot, OtherErrorsEndTheStart) {
  FullDisk closed(1, EACCES);
  const DiskInPlace in_place(closed);
  EXPECT_FALSE(take(nobody));
  EXPECT_TRUE(slept.empty());
}

}  // namespace
}  // namespace argosy::agent
