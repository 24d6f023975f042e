// Every call that a version's way onto the shelf and off it makes of the disk goes wrong: the power goes there, or the
// disk refuses. Whatever number a server may find is a whole version of the right content, no number ever stands for
// two, and what comes next finds nothing in its way.
#include <fstream>
#include <iterator>
#include <map>

#include <gtest/gtest.h>

#include "agent/serving/version_shelf.hpp"
#include "tests/support/faulty_disk.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using argosy::test::Fault;
using argosy::test::FaultyDisk;
using argosy::test::Image;
using argosy::test::Node;
using argosy::test::Unsynced;
using test::TempFolder;
namespace fs = std::filesystem;

constexpr std::string_view file_name = "model.onnx";

std::string on_disk(const fs::path& place) {  // beside the disk that fails
  std::ifstream file(place / file_name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string content_of(const std::string& version) {
  return "a model " + version;
}

Image device() {
  Image image;
  image["digits"] = {Node::Kind::folder, ""};
  for (const std::string slot : {"a", "b"}) image["digits/" + slot] = {Node::Kind::folder, ""};
  image["digits/a/model.onnx"] = {Node::Kind::file, content_of("1.0")};
  image["digits/b/model.onnx"] = {Node::Kind::file, content_of("1.1")};
  image["repository"] = {Node::Kind::folder, ""};
  return image;
}

class Trial {
 public:
  Trial() : disk_(folder_.path() / "disk", device()), in_place_(disk_) {}

  FaultyDisk& disk() { return disk_; }

  // Two versions, one after the other, as an update has them: up, served, and the old one gone. Stops where it fails.
  Result<void> two_updates() {
    ARGOSY_CHECK(serve("1.0", "a"));
    return serve("1.1", "b");
  }
  Result<void> serve(const std::string& version, const std::string& slot) {
    VersionShelf shelf(repository(), root() / "digits/numbers.json");
    ARGOSY_TRY(const std::uint64_t number,
               shelf.publish({"digits", root() / "digits", slot, version, "onnx", "digest of " + version},
                             std::string(file_name)));
    ARGOSY_CHECK(shelf.set_serving(number));
    expect_whole();
    return shelf.keep_only({number});
  }

  // What a server would find now. A number that it once knew stands for the same content for ever.
  void expect_whole() {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(repository(), none)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("argosy-")) continue;
      const std::string content = on_disk(entry.path());
      EXPECT_TRUE(content == content_of("1.0") || content == content_of("1.1")) << name << ": " << content;
      EXPECT_EQ(known_.try_emplace(name, content).first->second, content) << name << " stands for two versions";
    }
  }

  void expect_only(const std::string& version) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(repository())) names.push_back(entry.path().filename().string());
    ASSERT_EQ(names.size(), 1u);
    EXPECT_EQ(on_disk(repository() / names.front()), content_of(version));
  }

 private:
  fs::path root() const { return folder_.path() / "disk"; }
  fs::path repository() const { return root() / "repository/digits"; }

  TempFolder folder_;
  FaultyDisk disk_;
  DiskInPlace in_place_;
  std::map<std::string, std::string> known_;
};

std::vector<FaultyDisk::Record> calls_of_two_updates() {
  Trial trial;
  EXPECT_TRUE(trial.two_updates());
  trial.expect_only("1.1");
  return trial.disk().calls();
}

TEST(VersionShelfFaults, PowerCutAtEveryCall) {
  const auto calls = calls_of_two_updates();
  ASSERT_GT(calls.size(), 30u);
  for (const Unsynced unsynced : {Unsynced::kept, Unsynced::lost, Unsynced::partly_lost}) {
    for (std::size_t call = 0; call < calls.size(); ++call) {
      for (const Fault fault : {Fault::stop, Fault::torn}) {
        if (!FaultyDisk::fits(fault, calls[call])) continue;
        SCOPED_TRACE("call " + std::to_string(call) + " (" + calls[call].path + "), unsynced " +
                     std::string(to_string(unsynced)));
        Trial trial;
        trial.disk().fail_at(call, fault);
        static_cast<void>(trial.two_updates());
        ASSERT_TRUE(trial.disk().died());
        trial.disk().lose_power(unsynced, call);
        trial.expect_whole();
        const auto again = trial.two_updates();
        ASSERT_TRUE(again) << again.error().message;
        trial.expect_only("1.1");
      }
    }
  }
}

TEST(VersionShelfFaults, DiskRefusesEveryCallOnce) {
  const auto calls = calls_of_two_updates();
  for (const Fault fault : {Fault::io_error, Fault::no_space, Fault::short_write}) {
    for (std::size_t call = 0; call < calls.size(); ++call) {
      if (!FaultyDisk::fits(fault, calls[call])) continue;
      SCOPED_TRACE("call " + std::to_string(call) + " (" + calls[call].path + ") " + std::string(to_string(fault)));
      Trial trial;
      trial.disk().fail_at(call, fault);
      const auto first = trial.two_updates();
      if (!first) {
        EXPECT_FALSE(first.error().message.empty());
      }
      trial.disk().heal();
      trial.expect_whole();
      const auto again = trial.two_updates();
      ASSERT_TRUE(again) << again.error().message;
      trial.expect_only("1.1");
    }
  }
}

}  // namespace
}  // namespace argosy::agent
