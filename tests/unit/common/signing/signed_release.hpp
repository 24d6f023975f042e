// Golden files, and bundles that were tampered with.
#pragma once

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/encoding.hpp"
#include "common/base/file.hpp"

namespace argosy::signing::test {

inline std::string golden(const std::string& name) {
  return read_file(std::string(ARGOSY_GOLDEN) + "/" + name).value();
}

inline std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

// The bundle with another payload under the old signature.
inline std::string resealed(const std::string& bundle, const std::string& what, const std::string& with) {
  auto json = nlohmann::json::parse(bundle);
  auto& payload = json["dsseEnvelope"]["payload"];
  const Bytes old = from_base64(payload.get<std::string>()).value();
  payload = to_base64(as_bytes(replaced(std::string(as_text(old)), what, with)));
  return json.dump();
}

}  // namespace argosy::signing::test
