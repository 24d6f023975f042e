#include "common/wire/input_contract.hpp"

#include "common/json/json_reader.hpp"

namespace argosy::wire {

namespace {

void read_feature_contract(JsonReader& fields, FeatureContract& feature) {
  fields.required("name", feature.name)
      .required("least", feature.least)
      .required("most", feature.most)
      .optional("not_numbers", feature.not_numbers, 0.0, 1.0)
      .optional("varies", feature.varies)
      .check("most", feature.least <= feature.most, "must not be under `least`");
}

void read_contract_rate(JsonReader& fields, InputContract& contract) {
  fields.optional("least", contract.least_per_minute)
      .optional("most", contract.most_per_minute)
      .check("least", contract.least_per_minute.value_or(0) >= 0, "must be 0 or more")
      .check("most", contract.most_per_minute.value_or(1e18) >= contract.least_per_minute.value_or(0),
             "must not be under `least`");
}

}  // namespace

void read_contract(JsonReader& fields, InputContract& contract) {
  fields.objects("features", max_contract_features, contract.features, read_feature_contract)
      .optional_object("per_minute", [&](JsonReader& rate) { read_contract_rate(rate, contract); });
}

nlohmann::json contract_to_json(const InputContract& contract) {
  auto features = nlohmann::json::array();
  for (const auto& [name, least, most, not_numbers, varies] : contract.features)
    features.push_back(
        {{"name", name}, {"least", least}, {"most", most}, {"not_numbers", not_numbers}, {"varies", varies}});
  nlohmann::json json{{"features", std::move(features)}};
  if (contract.least_per_minute) json["per_minute"]["least"] = *contract.least_per_minute;
  if (contract.most_per_minute) json["per_minute"]["most"] = *contract.most_per_minute;
  return json;
}

Result<InputContract> contract_from_json(std::string_view text) {
  ARGOSY_TRY(JsonReader fields, JsonReader::parse(text));
  InputContract contract;
  read_contract(fields, contract);
  ARGOSY_CHECK(fields.finish());
  return contract;
}

}  // namespace argosy::wire
