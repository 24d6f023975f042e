// What the patch tests share: a private folder, files in it, seeded bytes, and patches put together by hand.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.hpp"
#include "common/base/random.hpp"
#include "common/delta/bsdiff_format.hpp"
#include "common/delta/bzip2_writer.hpp"
#include "common/delta/patch_apply.hpp"

namespace argosy {

class DeltaFiles {
 public:
  DeltaFiles() {
    std::string pattern = testing::TempDir() + "argosy_delta_XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
  }
  ~DeltaFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  DeltaFiles(const DeltaFiles&) = delete;
  DeltaFiles& operator=(const DeltaFiles&) = delete;

  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  std::filesystem::path write(const std::string& name, ByteView content) const {
    const UniqueFd fd(::open(path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    EXPECT_TRUE(write_all(fd.get(), as_text(content)));
    return path(name);
  }
  Bytes read(const std::string& name) const {
    const auto text = read_file(path(name), 1ULL << 30).value();
    return Bytes(text.begin(), text.end());
  }
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path folder_;
};

inline FileDigest measure(ByteView content) {
  return {sha256(content), content.size()};
}

inline Bytes random_bytes(Rng& rng, std::size_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng());
  return bytes;
}

// The bytes of `count` floats around zero, as a layer of a model has.
inline Bytes random_weights(Rng& rng, std::size_t count) {
  Bytes bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(0.05 * rng.normal());
    const auto* raw = reinterpret_cast<const std::uint8_t*>(&value);
    bytes.insert(bytes.end(), raw, raw + sizeof value);
  }
  return bytes;
}

// Applies in memory: the sink collects what comes.
inline Result<Bytes> apply_to_bytes(const ApplyRequest& request, const PatchProgress& progress = nullptr) {
  Bytes collected;
  const PatchSink sink = [&](ByteView data) -> Result<void> {
    collected.insert(collected.end(), data.begin(), data.end());
    return {};
  };
  ARGOSY_TRY(const auto report, apply_patch(request, sink, progress));
  EXPECT_EQ(report.result, measure(collected));
  return collected;
}

// A BSDIFF40 file from its parts, right or wrong.
struct PatchParts {
  std::vector<bsdiff::Control> steps;
  Bytes difference;
  Bytes extra;
  std::uint64_t new_size = 0;

  Bytes assemble() const {
    constexpr int largest_block = 9;  // as bsdiff itself writes them
    Bzip2Writer control(largest_block);
    for (const auto& step : steps) control.write(bsdiff::encode(step));
    Bzip2Writer add(largest_block);
    add.write(difference);
    Bzip2Writer copy(largest_block);
    copy.write(extra);
    const Bytes streams[] = {control.finish(), add.finish(), copy.finish()};
    const auto header = bsdiff::encode(bsdiff::Header{streams[0].size(), streams[1].size(), new_size});
    Bytes patch(header.begin(), header.end());
    for (const Bytes& stream : streams) patch.insert(patch.end(), stream.begin(), stream.end());
    return patch;
  }
};

}  // namespace argosy
