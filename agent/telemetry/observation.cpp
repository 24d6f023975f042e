#include "agent/telemetry/observation.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/wire/cbor.hpp"
#include "common/wire/numbers.hpp"
#include "common/wire/state.hpp"
#include "common/wire/tags.hpp"

namespace argosy::agent {

namespace {

using wire::CborReader;

constexpr std::size_t max_features = 256;
constexpr std::size_t max_pairs = 16;
constexpr std::size_t max_name_bytes = 64;
constexpr std::uint8_t cbor_false = 0xf4;
constexpr std::uint8_t cbor_true = 0xf5;
constexpr std::uint8_t cbor_float = 0xfa;
constexpr std::uint8_t cbor_double = 0xfb;

std::uint64_t big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

class Decoder {
 public:
  explicit Decoder(ByteView datagram) : bytes_(datagram), reader_(datagram) {}

  Result<Observation> decode() {
    ARGOSY_TRY(const std::size_t pairs, reader_.map(max_pairs));
    for (std::size_t i = 0; i < pairs; ++i) {
      ARGOSY_TRY(const std::string_view key, reader_.text(max_name_bytes));
      ARGOSY_CHECK(read_value(key));
    }
    if (!reader_.at_end()) return reader_.malformed("the end");
    if (seen_.label_of > 0) return take_late_label();
    if (!is_name(seen_.model)) return wrong("a model name under m", seen_.model);
    if (!seen_.release.empty() && !is_version(seen_.release)) return wrong("a version under r", seen_.release);
    if (is_shadow_) ARGOSY_CHECK(take_shadow());
    return std::move(seen_);
  }

 private:
  Error wrong(std::string expected, std::string_view found) const {
    return reader_.malformed("expected " + std::move(expected) + ", found '" + shortened(found) + "'");
  }
  Result<void> read_value(std::string_view key) {
    if (key == "m") return read_text(seen_.model);
    if (key == "r") return read_text(seen_.release);
    if (key == "us") return read_latency();
    if (key == "ok") return read_flag(seen_.ok);
    if (key == "p") return read_class(seen_.predicted);
    if (key == "l") return read_class(seen_.label);
    if (key == "c") return read_confidence();
    if (key == "f") return read_features();
    if (key == "n") return read_numbers();
    if (key == "h") return read_entropy();
    if (key == "t") return read_tags();
    if (key == "rt") return read_runtime();
    if (key == "id") return read_id(seen_.id);
    if (key == "of") return read_id(seen_.label_of);
    if (key == "nv") return read_candidate();
    if (key == "a") return read_flag(agreed_.emplace());
    if (key == "or") return read_flag(old_right_.emplace());
    if (key == "nr") return read_flag(new_right_.emplace());
    return reader_.skip();
  }

  Result<void> read_text(std::string& out) {
    ARGOSY_TRY(out, reader_.text(max_name_bytes));
    return {};
  }
  Result<void> read_latency() {
    ARGOSY_TRY(seen_.latency_us, reader_.unsigned_integer(std::numeric_limits<std::uint32_t>::max() * 1000ULL));
    return {};
  }
  Result<void> read_flag(bool& out) {
    const std::uint8_t first = peek();
    if (first != cbor_true && first != cbor_false) return reader_.malformed("true or false");
    out = first == cbor_true;
    return reader_.skip();
  }
  Result<void> read_class(std::optional<std::int64_t>& out) {
    ARGOSY_TRY(const std::int64_t value, reader_.integer());
    if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
      return reader_.malformed("a class of 32 bits");
    out = value;
    return {};
  }
  Result<void> read_confidence() {
    ARGOSY_TRY(const double value, read_number());
    if (!std::isnan(value)) seen_.confidence = value;
    return {};
  }
  Result<void> read_features() {
    ARGOSY_TRY(const std::size_t count, reader_.array(max_features));
    seen_.features.clear();  // the key may come twice
    for (std::size_t i = 0; i < count; ++i) {
      ARGOSY_TRY(const double value, read_number());
      seen_.features.push_back(value);
    }
    return {};
  }
  // One that is not finite, or beyond all bounds, is no value.
  Result<void> read_numbers() {
    ARGOSY_TRY(const std::size_t count, reader_.map(wire::most_numbers));
    seen_.numbers.clear();  // the key may come twice
    for (std::size_t i = 0; i < count; ++i) {
      ARGOSY_TRY(const std::string_view name, reader_.text(wire::number_name_limit));
      if (!wire::is_number_name(name) || name.starts_with(wire::agents_number_prefix))
        return wrong("a name of [a-z0-9_]{1,40} that does not begin with argosy_ under n", name);
      ARGOSY_TRY(const double value, read_number());
      if (std::abs(value) <= wire::largest_number) seen_.numbers.insert_or_assign(std::string(name), value);
    }
    return {};
  }
  Result<void> read_entropy() {
    ARGOSY_TRY(const double nats, read_number());
    if (wire::is_entropy(nats)) seen_.entropy = nats;
    return {};
  }
  Result<void> read_tags() {
    ARGOSY_TRY(const std::size_t count, reader_.map(wire::most_tag_keys));
    seen_.tags.clear();  // the key may come twice
    for (std::size_t i = 0; i < count; ++i) {
      ARGOSY_TRY(const std::string_view key, reader_.text(wire::number_name_limit));
      if (!wire::is_number_name(key)) return wrong("a key of [a-z0-9_]{1,40} under t", key);
      ARGOSY_TRY(const std::string_view value, reader_.text(wire::tag_value_limit));
      if (!wire::is_tag_value(value)) return wrong("1 to 32 printable characters of ASCII under t", value);
      seen_.tags.insert_or_assign(std::string(key), std::string(value));
    }
    return {};
  }
  Result<void> read_runtime() {
    ARGOSY_CHECK(read_text(seen_.runtime));
    if (!seen_.runtime.empty() && !wire::is_runtime_version(seen_.runtime))
      return wrong("a runtime and its version, such as \"onnxruntime 1.22.0\", under rt", seen_.runtime);
    return {};
  }
  Result<void> read_id(std::uint64_t& out) {
    ARGOSY_TRY(out, reader_.unsigned_integer(std::numeric_limits<std::int64_t>::max()));
    return {};
  }
  Result<Observation> take_late_label() {
    if (!seen_.label) return reader_.malformed("the right class under l");
    return std::move(seen_);
  }
  Result<void> read_candidate() {
    is_shadow_ = true;
    return read_text(candidate_);
  }
  Result<void> take_shadow() {
    if (!is_version(candidate_)) return reader_.malformed("a version under nv");
    if (!agreed_) return reader_.malformed("true or false under a");
    if (old_right_.has_value() != new_right_.has_value()) return reader_.malformed("both of or and nr, or neither");
    seen_.shadow = ShadowAnswer{.old_version = seen_.release,
                                .new_version = std::move(candidate_),
                                .answered = seen_.ok,
                                .agreed = *agreed_,
                                .old_right = old_right_,
                                .new_right = new_right_};
    return {};
  }
  // Floats may be NaN here, which stands for "no value" and has a bin of its own.
  Result<double> read_number() {
    const std::size_t at = reader_.offset();
    const std::uint8_t first = peek();
    if (first != cbor_float && first != cbor_double) return reader_.number();
    ARGOSY_CHECK(reader_.skip());
    if (first == cbor_float)
      return static_cast<double>(
          std::bit_cast<float>(static_cast<std::uint32_t>(big_endian(bytes_.subspan(at + 1, 4)))));
    return std::bit_cast<double>(big_endian(bytes_.subspan(at + 1, 8)));
  }
  std::uint8_t peek() const { return reader_.offset() < bytes_.size() ? bytes_[reader_.offset()] : 0; }

  ByteView bytes_;
  CborReader reader_;
  Observation seen_;
  bool is_shadow_ = false;
  std::string candidate_;
  std::optional<bool> agreed_, old_right_, new_right_;
};

}  // namespace

Result<Observation> decode_observation(ByteView datagram) {
  if (datagram.size() > max_observation_bytes)
    return make_error(Errc::too_large, "an observation has " + std::to_string(datagram.size()) +
                                           " bytes; the limit is " + std::to_string(max_observation_bytes));
  return Decoder(datagram).decode();
}

}  // namespace argosy::agent
