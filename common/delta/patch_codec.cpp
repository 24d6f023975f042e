#include "common/delta/patch_codec.hpp"

#include <string>

namespace argosy {

namespace {

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < patch_codecs.size(); ++i)
    if (static_cast<std::size_t>(patch_codecs[i].codec) != i) return false;
  return true;
}
static_assert(is_in_order(), "facts_of() finds a row by its place");
static_assert(std::all_of(patch_codecs.begin(), patch_codecs.end(),
                          [](const CodecFacts& facts) { return facts.magic.size() <= patch_magic_bytes; }),
              "recognise_patch() is given so many bytes");

}  // namespace

std::vector<PatchCodec> every_codec() {
  std::vector<PatchCodec> codecs;
  for (const CodecFacts& facts : patch_codecs) codecs.push_back(facts.codec);
  return codecs;
}

Result<PatchCodec> parse_patch_codec(std::string_view name) {
  if (const CodecFacts* facts = find_codec(name)) return facts->codec;
  std::string message = "\"" + std::string(name.substr(0, 32)) + "\" is not a patch codec; there are";
  for (const CodecFacts& facts : patch_codecs) message += " " + std::string(facts.name);
  return make_error(Errc::invalid_argument, std::move(message));
}

Result<PatchCodec> recognise_patch(ByteView first_bytes) {
  const auto text = as_text(first_bytes);
  for (const CodecFacts& facts : patch_codecs)
    if (text.starts_with(facts.magic)) return facts.codec;
  for (const CodecFacts& facts : patch_codecs)
    if (facts.magic.starts_with(text))
      return make_error(Errc::truncated, "the patch ends after " + std::to_string(text.size()) + " bytes");
  return make_error(Errc::malformed_patch, "the file does not begin like a patch (BSDIFF40, ARGOSYT2 or zstd)");
}

}  // namespace argosy
