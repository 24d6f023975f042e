// How the server's patches read in the table of `argosy release patches`.
#include "cli/release_patch_command.hpp"

#include <gtest/gtest.h>

namespace argosy::cli {
namespace {

using nlohmann::json;

json pair_of(json more) {
  json patch{{"from_version", "1.0"}, {"to_version", "1.1"},  {"variant", "fp32"}, {"codec", nullptr},
             {"size", nullptr},       {"full_size", 1 << 20}, {"ratio", nullptr},  {"attempts", 0},
             {"will_retry", false},   {"reason", nullptr}};
  patch.update(more);
  return patch;
}

TEST(ServerPatchRow, AReadyOneTellsWhatItSaves) {
  const json ready =
      pair_of({{"state", "ready"}, {"codec", "tensor"}, {"size", 131'072}, {"ratio", 0.125}, {"attempts", 1}});
  EXPECT_EQ(patch_row(ready), (Row{"1.0", "1.1", "fp32", "ready", "tensor", human_bytes(131'072), human_bytes(1 << 20),
                                   "12.5 %", "1", "-"}));
}

TEST(ServerPatchRow, OneThatIsNotMadeYetHasNoFigures) {
  EXPECT_EQ(patch_row(pair_of({{"state", "pending"}})),
            (Row{"1.0", "1.1", "fp32", "pending", "-", "-", human_bytes(1 << 20), "-", "0", "-"}));
}

TEST(ServerPatchRow, AFailedOneTellsWhyAndWhetherItIsTriedAgain) {
  json failed = pair_of({{"state", "failed"}, {"attempts", 2}, {"will_retry", true}, {"reason", "io: the disk"}});
  EXPECT_EQ(patch_row(failed)[8], "2, to be tried again");
  EXPECT_EQ(patch_row(failed)[9], "io: the disk");
  failed["will_retry"] = false;
  EXPECT_EQ(patch_row(failed)[8], "2");
}

}  // namespace
}  // namespace argosy::cli
