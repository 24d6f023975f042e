#include "tests/unit/common/tensors/model_files.hpp"

namespace argosy {
namespace {

Bytes safetensors(std::string_view header, ByteView data) {
  return FileWriter().u64(header.size()).text(header).bytes(data).done();
}

TEST(SafetensorsTensors, FindsTensorsByTheirHeader) {
  const Bytes data = floats(48);
  const Bytes file = safetensors(
      R"({"__metadata__":{"format":"pt"},
          "b":{"dtype":"BF16","shape":[2,32],"data_offsets":[64,192]},
          "a":{"data_offsets":[0,64],"shape":[4,4],"dtype":"F32"}}   )",
      data);
  const auto map = found_in(file);
  EXPECT_EQ(map.format, ModelFormat::safetensors);
  EXPECT_EQ(describe(map), (Lines{"a f32 [4, 4]", "b bf16 [2, 32]"}));
  EXPECT_EQ(content_of(file, map.tensors[0]), Bytes(data.begin(), data.begin() + 64));
  EXPECT_EQ(content_of(file, map.tensors[1]), Bytes(data.begin() + 64, data.end()));
  EXPECT_EQ(map.remark, "");
}

TEST(SafetensorsTensors, AnUnknownTypeKeepsTheBytesThatTheFileTells) {
  const auto map =
      found_in(safetensors(R"({"w":{"dtype":"F8_E4M3","shape":[100],"data_offsets":[0,100]}})", Bytes(100)));
  EXPECT_EQ(describe(map), Lines{"w other [100]"});
}

TEST(SafetensorsTensors, SaysWhatIsWrong) {
  const auto remark_on = [](std::string_view header) { return found_in(safetensors(header, Bytes(128))).remark; };
  EXPECT_EQ(remark_on(R"({"w":{"dtype":"F32","shape":[4,4],"data_offsets":[65,129]}})"),
            "tensor 'w' ends behind the file");
  EXPECT_EQ(remark_on(R"({"w":{"dtype":"F32","shape":[4,4],"data_offsets":[64,0]}})"),
            "tensor 'w' has no data_offsets");
  EXPECT_EQ(remark_on(R"({"w":{"dtype":"F32","shape":[4,4]}})"), "tensor 'w' has no data_offsets");
  EXPECT_EQ(remark_on(R"({"w":{"dtype":"F32","shape":[4,-4],"data_offsets":[0,64]}})"),
            "tensor 'w' is f32 [4, -4], which cannot be 64 bytes");
  EXPECT_EQ(remark_on(R"({"w":{"dtype":"F32","shape":[4,4],"data_offsets":[0,18446744073709551615]}})"),
            "tensor 'w' ends behind the file");
  EXPECT_EQ(remark_on(R"({"w":)"), "the header is not JSON at byte 6");
}

TEST(SafetensorsTensors, AHeaderThatNeverClosesTakesNoStack) {
  std::string header = R"({"w":)";
  header.append(1 << 20, '[');
  EXPECT_EQ(found_in(safetensors(header, {})).remark, "the header is nested deeper than 64");
}

TEST(SafetensorsTensors, AHeaderOverTheFormatsLimitIsNotOne) {
  Bytes file = safetensors("{}", Bytes(64));
  EXPECT_EQ(found_in(file).format, ModelFormat::safetensors);
  file[3] = 6;  // 2 + (6 << 24), over 100 MB
  EXPECT_EQ(found_in(file).format, ModelFormat::unknown);
}

}  // namespace
}  // namespace argosy
