#include "agent/update/download_gate.hpp"

#include <algorithm>

#include "common/base/file.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::agent {

namespace {

constexpr std::uint64_t file_limit = 4096;
constexpr std::uint64_t largest_piece = 64 << 10;  // of what may come in before it is asked again
constexpr std::uint64_t least_ahead = 2 * largest_piece;
constexpr std::uint64_t most_ahead = 4 << 20;

// A day's bytes are written down in some thirty steps: few writes, and little is lost with the power.
std::uint64_t ahead_of(const DownloadRules& rules) {
  return std::clamp(rules.bytes_per_day / 32, least_ahead, most_ahead);
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

Result<DaySpent> decode_spent(std::string_view text) {
  ARGOSY_TRY(JsonReader fields, JsonReader::parse(text, {.bytes = file_limit}, UnknownKeys::pass));
  DaySpent spent;
  fields.required("day", spent.day).required("bytes", spent.bytes);
  ARGOSY_CHECK(fields.finish());
  return spent;
}

}  // namespace

DownloadGate::DownloadGate(DownloadRules rules, std::filesystem::path spent_file, Ports ports)
    : rules_(std::move(rules)), file_(std::move(spent_file)), ports_(std::move(ports)) {
  if (rules_.bytes_per_day > 0) load();
}

// A file that cannot be read is as good as none: downloads that stood still for ever would be worse than a day's bytes.
void DownloadGate::load() {
  const auto text = read_file(file_, file_limit);
  if (!text && text.error().code == Errc::not_found) return;
  const auto spent = text ? decode_spent(*text) : text.error();
  if (!spent)
    ports_.log(file_.string() + " is of no use, counting the day's bytes from zero: " + spent.error().message);
  spent_ = spent ? *spent : DaySpent{};
  written_ = spent_;
}

// A file that says so stands for the switch; one that is not there says nothing.
bool DownloadGate::is_metered() const {
  if (!rules_.metered_file) return rules_.metered;
  const auto text = read_file(*rules_.metered_file, file_limit);
  if (!text) return rules_.metered;
  const std::string said = trimmed(*text);
  return said == "1" || said == "yes";
}

Circumstances DownloadGate::circumstances(bool metered) {
  const Instant now = ports_.now();
  spent_ = as_of(spent_, now, ports_.local_clock());
  return {now, metered, spent_.bytes};
}

Result<void> DownloadGate::write_down(std::uint64_t bytes) {
  const DaySpent next{spent_.day, bytes};
  if (next == written_) return {};
  ARGOSY_CHECK(write_file_atomically(file_, write_json({{"day", next.day}, {"bytes", next.bytes}})));
  written_ = next;
  return {};
}

Result<void> DownloadGate::write_down_ahead() {
  if (rules_.bytes_per_day == 0) return {};
  const bool is_enough = written_.day == spent_.day && written_.bytes >= spent_.bytes + largest_piece;
  if (is_enough) return {};
  return write_down(spent_.bytes + ahead_of(rules_));
}

Result<Ruling> DownloadGate::admit(BlobKind kind) {
  Ruling ruling = rule_on_download(rules_, kind, circumstances(is_metered()), ports_.local_clock());
  if (std::holds_alternative<Leave>(ruling)) {
    auto written = write_down_ahead();
    if (!written) return std::move(written).error();
  }
  return ruling;
}

Result<std::optional<Hold>> DownloadGate::spend(std::uint64_t bytes) {
  const bool has_limits = rules_.bytes_per_day > 0 || !rules_.windows.always();
  if (!has_limits) return std::optional<Hold>();
  spent_.bytes += bytes;
  const Circumstances seen = circumstances(false);
  const LocalClock clock = ports_.local_clock();
  if (!may_go_on(rules_, seen, clock)) {
    auto ruling = rule_on_download(rules_, BlobKind::model, seen, clock);
    return std::optional(std::get<Hold>(std::move(ruling)));
  }
  ARGOSY_CHECK(write_down_ahead());
  return std::optional<Hold>();
}

void DownloadGate::settle() {
  if (rules_.bytes_per_day == 0) return;
  const auto written = write_down(spent_.bytes);
  if (!written) ports_.log("what is left of the day's bytes cannot be written down: " + written.error().message);
}

}  // namespace argosy::agent
