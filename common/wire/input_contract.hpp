// The input contract as JSON: {"features": [{"name", "least", "most", "not_numbers", "varies"}], "per_minute":
// {"least", "most"}}, in a release's document and in releases.contract. Pure.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "common/stats/input_contract.hpp"

namespace argosy {

class JsonReader;

namespace wire {

inline constexpr std::size_t max_contract_features = 64;

// Refuses a range that is none, shares over 1 and rates under 0.
void read_contract(JsonReader& fields, InputContract& contract);
nlohmann::json contract_to_json(const InputContract& contract);
Result<InputContract> contract_from_json(std::string_view text);

}  // namespace wire
}  // namespace argosy
