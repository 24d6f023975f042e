// For tests of tensor patches: makes one in a private folder and applies it.
#pragma once

#include <algorithm>

#include "common/delta/tensor_encode.hpp"
#include "tests/unit/common/delta/delta_files.hpp"

namespace argosy {

class TensorPatchFixture : public testing::Test {
 protected:
  DeltaFiles files_;
  EncodeLimits limits_;

  Bytes patch_of(const Bytes& old, const Bytes& fresh) {
    const auto made =
        encode_tensor(files_.write("old", old), files_.write("new", fresh), files_.path("patch"), limits_);
    EXPECT_TRUE(made) << made.error().message;
    return files_.read("patch");
  }
  Result<Bytes> apply(const Bytes& patch) {
    return apply_to_bytes({.old_path = files_.path("old"),
                           .patch_path = files_.write("patch", patch),
                           .expected_old = std::nullopt,
                           .expected_new = std::nullopt});
  }
  // The patch's share of the new file, which it brings back.
  double ratio(const Bytes& old, const Bytes& fresh) {
    const Bytes patch = patch_of(old, fresh);
    const auto rebuilt = apply(patch);
    EXPECT_TRUE(rebuilt) << rebuilt.error().message;
    EXPECT_TRUE(rebuilt && *rebuilt == fresh) << "another file";
    return static_cast<double>(patch.size()) / static_cast<double>(std::max<std::size_t>(fresh.size(), 1));
  }
};

}  // namespace argosy
