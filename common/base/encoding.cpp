#include "common/base/encoding.hpp"

namespace argosy {

namespace {

constexpr std::string_view base64_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string encode_64(ByteView bytes, std::string_view alphabet) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const std::uint8_t b : bytes) {
    buffer = buffer << 8 | b;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text.push_back(alphabet[buffer >> bits & 63]);
    }
  }
  if (bits > 0) text.push_back(alphabet[buffer << (6 - bits) & 63]);
  return text;
}

Result<Bytes> decode_64(std::string_view text, std::string_view alphabet, const std::string& name) {
  Bytes bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return make_error(Errc::invalid_argument, "not a " + name + " string");
    buffer = buffer << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::uint8_t>(buffer >> bits & 255));
    }
  }
  if (text.size() % 4 == 1) return make_error(Errc::invalid_argument, "a " + name + " string is cut short");
  // Each value has one spelling only: the bits left over are zero.
  if ((buffer & ((1U << bits) - 1)) != 0) return make_error(Errc::invalid_argument, "not a " + name + " string");
  return bytes;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    text.push_back(digits[b >> 4]);
    text.push_back(digits[b & 15]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return make_error(Errc::invalid_argument, "a hex string needs an even number of digits");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return make_error(Errc::invalid_argument, "a hex string holds 0-9 and a-f only");
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  std::string text = encode_64(bytes, base64_alphabet);
  text.resize((text.size() + 3) / 4 * 4, '=');
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return make_error(Errc::invalid_argument, "a base64 string is cut short");
  for (int pads = 0; pads < 2 && text.ends_with('='); ++pads) text.remove_suffix(1);
  return decode_64(text, base64_alphabet, "base64");
}

std::string to_base64url(ByteView bytes) {
  return encode_64(bytes, base64url_alphabet);
}

Result<Bytes> from_base64url(std::string_view text) {
  return decode_64(text, base64url_alphabet, "base64url");
}

}  // namespace argosy
