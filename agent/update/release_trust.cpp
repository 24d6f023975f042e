#include "agent/update/release_trust.hpp"

#include "common/base/file.hpp"
#include "common/json/json_reader.hpp"
#include "common/signing/key_set.hpp"

namespace argosy::agent {

namespace {

constexpr std::uint64_t max_seen_bytes = 4096;
constexpr std::uint64_t max_key_file_bytes = 32 << 10;
constexpr std::uint64_t max_kept_keys_bytes = 1 << 20;
constexpr std::size_t max_kept_key_sets = 64;

// What of the key sets is kept, with the hints of the pinned keys that it leads on from.
struct KeptKeys {
  std::vector<std::string> pinned;
  std::vector<std::string> key_sets;
};

std::vector<std::string> hints_of(const signing::TrustedKeys& keys) {
  std::vector<std::string> hints;
  for (const std::string& pem : keys.pems()) hints.push_back(signing::hint_of(pem));
  return hints;
}

Result<KeptKeys> decode_kept(std::string_view text) {
  ARGOSY_TRY(JsonReader fields, JsonReader::parse(text, {.bytes = max_kept_keys_bytes}, UnknownKeys::pass));
  KeptKeys kept;
  fields.required("pinned", kept.pinned).required("key_sets", kept.key_sets);
  ARGOSY_CHECK(fields.finish());
  return kept;
}

Result<signing::Seen> decode_seen(std::string_view text) {
  ARGOSY_TRY(JsonReader fields, JsonReader::parse(text, {.bytes = max_seen_bytes}, UnknownKeys::pass));
  signing::Seen seen;
  fields.required("sequence", seen.sequence).required("version", seen.version);
  ARGOSY_CHECK(fields.finish());
  return seen;
}

// Nothing when other keys are pinned by now: whoever changes them begins anew.
Result<std::vector<std::string>> load_key_sets(const std::filesystem::path& file, const signing::TrustedKeys& pinned) {
  const auto text = read_file(file, max_kept_keys_bytes);
  if (!text && text.error().code == Errc::not_found) return std::vector<std::string>();
  if (!text) return text.error();
  auto kept = decode_kept(*text);
  if (!kept)
    return make_error(Errc::signature_key, file.string() + " cannot be read (" + kept.error().message +
                                               "); no signed release is taken up until it is mended or removed");
  if (kept->pinned != hints_of(pinned)) return std::vector<std::string>();
  return std::move(kept->key_sets);
}

}  // namespace

Result<TrustPolicy> load_policy(const std::vector<std::string>& key_files, bool required, signing::DeviceKind device) {
  std::vector<std::string> pems;
  for (const std::string& file : key_files) {
    auto pem = read_file(file, max_key_file_bytes);
    if (!pem) return std::move(pem).error().within("signing.keys");
    const auto checked = signing::TrustedKeys::of({*pem});
    if (!checked) return Error(checked.error()).within("signing.keys: " + file);
    pems.push_back(std::move(*pem));
  }
  ARGOSY_TRY(signing::TrustedKeys keys, signing::TrustedKeys::of(pems));
  return TrustPolicy{std::move(keys), required, std::move(device)};
}

Result<signing::Seen> load_seen(const std::filesystem::path& file) {
  const auto text = read_file(file, max_seen_bytes);
  if (!text && text.error().code == Errc::not_found) return signing::Seen{};
  if (!text) return text.error();
  auto seen = decode_seen(*text);
  if (seen) return seen;
  return make_error(Errc::signature_sequence, file.string() + " cannot be read (" + seen.error().message +
                                                  "); no signed release is taken up until it is mended or removed");
}

Result<void> save_seen(const std::filesystem::path& file, const signing::Seen& seen) {
  return write_file_atomically(file, write_json({{"sequence", seen.sequence}, {"version", seen.version}}));
}

Result<signing::TrustedKeys> ReleaseTrust::present_keys(const std::vector<std::string>& key_sets) const {
  ARGOSY_TRY(std::vector<std::string> kept, load_key_sets(keys_, policy_.keys));
  ARGOSY_TRY(signing::Trust trust, signing::follow({0, policy_.keys}, kept));
  const std::size_t kept_before = kept.size();
  for (const std::string& key_set : key_sets) {
    const std::uint64_t before = trust.number;
    ARGOSY_TRY(trust, signing::follow(std::move(trust), {key_set}));
    if (trust.number > before) kept.push_back(key_set);
  }
  if (kept.size() == kept_before) return std::move(trust.keys);
  if (kept.size() > max_kept_key_sets)
    return make_error(Errc::signature_key, "the keys changed over " + std::to_string(max_kept_key_sets) +
                                               " times; name those of today in signing.keys");
  const nlohmann::json record = {{"pinned", hints_of(policy_.keys)}, {"key_sets", kept}};
  ARGOSY_CHECK(write_file_atomically(keys_, write_json(record)));
  return std::move(trust.keys);
}

Result<void> ReleaseTrust::admit(const wire::DesiredModel& wish, Instant now) const {
  if (policy_.keys.empty() && !policy_.required) return {};
  if (!wish.signature && !policy_.required) return {};
  ARGOSY_TRY(const auto keys, present_keys(wish.signature ? wish.signature->key_sets : std::vector<std::string>()));
  ARGOSY_TRY(const auto statement, signing::check_wish(wish, keys, policy_.device, now));
  ARGOSY_TRY(const signing::Seen seen, load_seen(seen_));
  ARGOSY_CHECK(signing::check_sequence(statement, seen));
  const signing::Seen next = signing::after(seen, statement);
  if (next == seen) return {};
  return save_seen(seen_, next);
}

}  // namespace argosy::agent
