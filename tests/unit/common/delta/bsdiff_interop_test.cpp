// Our patches through Debian's bspatch, and the patches of Debian's bsdiff through ours, on real files.
#include <cstdlib>

#include <gtest/gtest.h>

#include "common/delta/bsdiff_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {
namespace {

class BsdiffInterop : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/bsdiff", X_OK) != 0 || ::access("/usr/bin/bspatch", X_OK) != 0)
      GTEST_SKIP() << "install the package bsdiff to run these";
  }
  DeltaFiles files_;

  void run(const std::string& program, const std::string& a, const std::string& b, const std::string& c) {
    const std::string command = "/usr/bin/" + program + " " + files_.path(a).string() + " " + files_.path(b).string() +
                                " " + files_.path(c).string();
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  void expect_theirs_applies_here(const Bytes& old, const Bytes& fresh) {
    run("bsdiff", "old", "new", "their.patch");
    const auto rebuilt = apply_to_bytes({.old_path = files_.path("old"),
                                         .patch_path = files_.path("their.patch"),
                                         .expected_old = measure(old),
                                         .expected_new = measure(fresh)});
    ASSERT_TRUE(rebuilt) << rebuilt.error().message;
    ASSERT_EQ(*rebuilt, fresh);
  }

  void expect_ours_applies_there(const Bytes& old, const Bytes& fresh) {
    const auto patch = encode_bsdiff(old, fresh);
    ASSERT_TRUE(patch) << patch.error().message;
    files_.write("our.patch", *patch);
    run("bspatch", "old", "rebuilt", "our.patch");
    ASSERT_EQ(files_.read("rebuilt"), fresh);
  }

  void expect_both_ways(const Bytes& old, const Bytes& fresh) {
    files_.write("old", old);
    files_.write("new", fresh);
    ASSERT_NO_FATAL_FAILURE(expect_theirs_applies_here(old, fresh));
    ASSERT_NO_FATAL_FAILURE(expect_ours_applies_there(old, fresh));
    const auto theirs = std::filesystem::file_size(files_.path("their.patch"));
    EXPECT_LE(std::filesystem::file_size(files_.path("our.patch")), theirs + theirs / 20 + 64)
        << "our patch is over 5 % larger than the original program's";
  }
};

Bytes load(const std::filesystem::path& path, std::size_t limit) {
  const auto text = read_file(path, 1ULL << 30).value();
  return Bytes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(limit, text.size())));
}

TEST_F(BsdiffInterop, GeneratedWeights) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    const Bytes old = random_weights(rng, 20'000);
    Bytes fresh = old;
    for (std::size_t i = 0; i < fresh.size(); i += 4)
      if (rng.chance(0.1 * static_cast<double>(seed))) fresh[i] = static_cast<std::uint8_t>(fresh[i] + rng.below(5));
    const Bytes inserted = random_weights(rng, 100);
    fresh.insert(fresh.begin() + 30'000, inserted.begin(), inserted.end());
    expect_both_ways(old, fresh);
  }
}

TEST_F(BsdiffInterop, ProgramsOfThisMachine) {
  const Bytes diff = load("/usr/bin/bsdiff", 1 << 20);
  const Bytes patch = load("/usr/bin/bspatch", 1 << 20);
  expect_both_ways(diff, patch);
  expect_both_ways(patch, diff);
}

TEST_F(BsdiffInterop, ThisTestProgramAndAnEditedCopy) {
  const Bytes self = load("/proc/self/exe", 300'000);
  Bytes edited = self;
  Rng rng(3);
  for (int i = 0; i < 200; ++i) edited[rng.below(edited.size())] ^= 1;
  edited.erase(edited.begin() + 5'000, edited.begin() + 5'100);
  expect_both_ways(self, edited);
}

TEST_F(BsdiffInterop, ModelsOfTheExamples) {
  std::vector<std::filesystem::path> models;
  const std::filesystem::path folder = std::filesystem::path(ARGOSY_SOURCE_DIR) / "examples/digits/models";
  std::error_code missing;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, missing))
    if (entry.path().extension() == ".onnx") models.push_back(entry.path());
  if (models.size() < 3) GTEST_SKIP() << "needs models in " << folder;
  std::sort(models.begin(), models.end());
  // By name, one release stands behind the other and each has two precisions.
  for (std::size_t i = 2; i < std::min<std::size_t>(models.size(), 6); ++i) {
    SCOPED_TRACE(models[i - 2].string() + " -> " + models[i].string());
    expect_both_ways(load(models[i - 2], 1 << 20), load(models[i], 1 << 20));
  }
}

// Debian's bsdiff cannot read an empty file, so this goes one way.
TEST_F(BsdiffInterop, AnEmptyNewFile) {
  const Bytes old(100, 'o');
  files_.write("old", old);
  expect_ours_applies_there(old, {});
}

TEST_F(BsdiffInterop, OneByte) {
  expect_both_ways({'a'}, {'b'});
}

}  // namespace
}  // namespace argosy
