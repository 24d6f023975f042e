#include "common/delta/patch_codec.hpp"

#include <string>

namespace argosy {

namespace {

constexpr std::string_view bsdiff_magic = "BSDIFF40";
constexpr std::string_view tensor_magic = "ARGOSYT2";
constexpr std::string_view zstd_from_magic("\x5a\x2a\x4d\x18\x08\0\0\0", 8);
constexpr std::string_view zstd_magic = "\x28\xb5\x2f\xfd";

}  // namespace

std::string_view name_of(PatchCodec codec) {
  switch (codec) {
    case PatchCodec::bsdiff:
      return "bsdiff";
    case PatchCodec::tensor:
      return "tensor";
    case PatchCodec::zstd_from:
      return "zstd-from";
    case PatchCodec::zstd:
      return "zstd";
  }
  return "unknown";
}

Result<PatchCodec> parse_patch_codec(std::string_view name) {
  for (const auto codec : {PatchCodec::bsdiff, PatchCodec::tensor, PatchCodec::zstd_from, PatchCodec::zstd})
    if (name == name_of(codec)) return codec;
  return make_error(Errc::invalid_argument, "\"" + std::string(name.substr(0, 32)) +
                                                "\" is no patch codec; there are bsdiff, tensor, zstd-from and zstd");
}

Result<PatchCodec> recognise_patch(ByteView first_bytes) {
  const auto text = as_text(first_bytes);
  if (text.starts_with(zstd_magic)) return PatchCodec::zstd;
  if (text.starts_with(bsdiff_magic)) return PatchCodec::bsdiff;
  if (text.starts_with(tensor_magic)) return PatchCodec::tensor;
  if (text.starts_with(zstd_from_magic)) return PatchCodec::zstd_from;
  if (zstd_from_magic.starts_with(text) || bsdiff_magic.starts_with(text) || tensor_magic.starts_with(text) ||
      zstd_magic.starts_with(text))
    return make_error(Errc::truncated, "the patch ends after " + std::to_string(text.size()) + " bytes");
  return make_error(Errc::malformed_patch, "the file does not begin like a patch (BSDIFF40, ARGOSYT2 or zstd)");
}

}  // namespace argosy
