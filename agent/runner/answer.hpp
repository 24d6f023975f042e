// What a model answers to one sample: its outputs, by value, whatever types the model gives them. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace argosy::agent {

struct Output {
  std::string name;
  std::string type = "float32";           // "int64", "string", "map"
  std::vector<std::int64_t> shape;        // without the batch dimension
  std::vector<double> values;             // of numbers
  std::vector<std::string> texts = {};    // of strings, in place of values
  std::vector<std::string> classes = {};  // of a map: its keys, in the order of the values

  bool is_whole() const { return type.starts_with("int") || type.starts_with("uint") || type == "bool"; }
  bool names_classes() const { return !classes.empty(); }
};

using Answer = std::vector<Output>;

}  // namespace argosy::agent
