// Reading one document of the protocol: JSON of version 1 with a limit of its own. Keys that this program does not know
// pass, so that an older reader understands a newer writer. For .cpp files that decode such documents. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/json/json_reader.hpp"

namespace argosy::wire {

using Json = nlohmann::json;

inline constexpr std::string_view name_rule = "must match [A-Za-z0-9_-]{1,64}";
inline constexpr std::string_view version_rule = "must match [A-Za-z0-9_.+-]{1,64}";

// Errc::malformed_json in the words of `error`, about the document `what`.
Error malformed(Error error, std::string_view what);

// `what` names it in messages: "the state document". Errc::incompatible when its "v" is there and another than 1.
Result<JsonReader> read_document(std::string_view text, std::size_t limit_bytes, std::string_view what);
// The reader's first error as one of the document.
Result<void> finish(JsonReader& fields, std::string_view what);

}  // namespace argosy::wire
