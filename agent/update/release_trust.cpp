#include "agent/update/release_trust.hpp"

#include "common/base/file.hpp"
#include "common/wire/json_fields.hpp"

namespace argosy::agent {

namespace {

constexpr std::uint64_t max_seen_bytes = 4096;
constexpr std::uint64_t max_key_file_bytes = 32 << 10;

}  // namespace

Result<TrustPolicy> load_policy(const std::vector<std::string>& key_files, bool required) {
  std::vector<std::string> pems;
  for (const std::string& file : key_files) {
    auto pem = read_file(file, max_key_file_bytes);
    if (!pem) return std::move(pem).error().within("signing.keys");
    const auto checked = signing::TrustedKeys::of({*pem});
    if (!checked) return Error(checked.error()).within("signing.keys: " + file);
    pems.push_back(std::move(*pem));
  }
  ARGOSY_TRY(signing::TrustedKeys keys, signing::TrustedKeys::of(pems));
  return TrustPolicy{std::move(keys), required};
}

Result<signing::Seen> load_seen(const std::filesystem::path& file) {
  const auto text = read_file(file, max_seen_bytes);
  if (!text && text.error().code == Errc::not_found) return signing::Seen{};
  if (!text) return text.error();
  const wire::Json document = wire::Json::parse(*text, nullptr, false);
  std::optional<Error> fault;
  wire::Fields fields(document, "", fault);
  signing::Seen seen;
  fields.required("sequence", seen.sequence);
  fields.required("version", seen.version);
  if (!fault) return seen;
  return make_error(Errc::signature_sequence, file.string() + " cannot be read (" + fault->message +
                                                  "); no signed release is taken up until it is mended or removed");
}

Result<void> save_seen(const std::filesystem::path& file, const signing::Seen& seen) {
  return write_file_atomically(file, wire::dump({{"sequence", seen.sequence}, {"version", seen.version}}));
}

Result<void> ReleaseTrust::admit(const wire::DesiredModel& wish, Instant now) const {
  if (policy_.keys.empty() && !policy_.required) return {};
  if (!wish.signature && !policy_.required) return {};
  ARGOSY_TRY(const auto statement, signing::check_wish(wish, policy_.keys, now));
  ARGOSY_TRY(const signing::Seen seen, load_seen(seen_));
  ARGOSY_CHECK(signing::check_sequence(statement, seen));
  const signing::Seen next = signing::after(seen, statement);
  if (next == seen) return {};
  return save_seen(seen_, next);
}

}  // namespace argosy::agent
