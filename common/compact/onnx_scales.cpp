#include "common/compact/onnx_scales.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "common/tensors/onnx_tensors.hpp"
#include "common/tensors/proto_reader.hpp"

namespace argosy {

namespace {

// The tags of onnx.proto that matter here.
namespace tag {
enum : std::uint64_t { model_graph = 7, graph_node = 1, graph_initializer = 5 };
enum : std::uint64_t { node_input = 1, node_output = 2, node_operator = 4, node_attribute = 5 };
enum : std::uint64_t { attribute_name = 1, attribute_int = 3 };
enum : std::uint64_t { tensor_type = 2, tensor_floats = 4, tensor_name = 8, tensor_raw = 9 };
}  // namespace tag
enum : std::uint64_t { float_type = 1, uint8_type = 2, int8_type = 3, int32_type = 6 };

struct Initializer {
  std::uint64_t type = 0;
  ByteView data;  // a part of the file
};

struct Node {
  std::string_view operation;
  std::vector<std::string_view> inputs, outputs;
  std::int64_t axis = 1;
};

// The outermost graph.
struct Graph {
  std::map<std::string_view, Initializer> initializers;
  std::vector<Node> nodes;
  std::map<std::string_view, int> uses;  // of each value as an input
};

Initializer read_initializer(ByteView message, std::string_view& name) {
  Initializer found;
  ProtoReader reader(message);
  while (const auto field = reader.next()) {
    if (field->tag == tag::tensor_type) found.type = field->number;
    if (field->tag == tag::tensor_name) name = as_text(field->bytes);
    if (field->tag == tag::tensor_raw || field->tag == tag::tensor_floats) found.data = field->bytes;
  }
  return found;
}

Node read_node(ByteView message) {
  Node node;
  ProtoReader reader(message);
  while (const auto field = reader.next()) {
    if (field->tag == tag::node_operator) node.operation = as_text(field->bytes);
    if (field->tag == tag::node_input) node.inputs.push_back(as_text(field->bytes));
    if (field->tag == tag::node_output) node.outputs.push_back(as_text(field->bytes));
    if (field->tag != tag::node_attribute) continue;
    std::string_view name;
    std::int64_t number = 0;
    ProtoReader attribute(field->bytes);
    while (const auto part = attribute.next()) {
      if (part->tag == tag::attribute_name) name = as_text(part->bytes);
      if (part->tag == tag::attribute_int) number = static_cast<std::int64_t>(part->number);
    }
    if (name == "axis") node.axis = number;
  }
  return node;
}

Graph read_graph(ByteView file) {
  Graph graph;
  ProtoReader model(file);
  while (const auto part = model.next()) {
    if (part->tag != tag::model_graph) continue;
    ProtoReader reader(part->bytes);
    while (const auto field = reader.next()) {
      if (field->tag == tag::graph_node) graph.nodes.push_back(read_node(field->bytes));
      if (field->tag != tag::graph_initializer) continue;
      std::string_view name;
      const Initializer initializer = read_initializer(field->bytes, name);
      graph.initializers.emplace(name, initializer);
    }
  }
  for (const Node& node : graph.nodes)
    for (const std::string_view input : node.inputs) ++graph.uses[input];
  return graph;
}

const Initializer* find(const Graph& graph, std::string_view name) {
  const auto found = graph.initializers.find(name);
  return found == graph.initializers.end() ? nullptr : &found->second;
}

// Outputs of nodes that dequantise something beside a bias.
std::set<std::string_view> beside_quantised_bias(const Graph& graph) {
  std::set<std::string_view> biases, beside;
  for (const Node& node : graph.nodes) {
    if (node.operation != "DequantizeLinear" || node.inputs.empty() || node.outputs.empty()) continue;
    const Initializer* weights = find(graph, node.inputs[0]);
    if (weights != nullptr && weights->type == int32_type) biases.insert(node.outputs[0]);
  }
  for (const Node& node : graph.nodes)
    if (std::any_of(node.inputs.begin(), node.inputs.end(), [&](auto input) { return biases.contains(input); }))
      beside.insert(node.inputs.begin(), node.inputs.end());
  return beside;
}

// Where a node has weights with a scale of their own among its inputs.
struct Place {
  std::string_view operation;
  std::size_t weights, scale, zero;
  bool is_alone;                       // whether it does nothing but to dequantise them
  std::optional<std::int64_t> axis{};  // of channels, where the node does not say
};
constexpr Place places[] = {
    {"DequantizeLinear", 0, 1, 2, true}, {"QLinearConv", 3, 4, 5, false, 0}, {"QLinearMatMul", 3, 4, 5, false, 1}};

struct Dequantised {
  std::uint64_t type = 0;
  std::int64_t axis = 1;
  bool is_bound = false;  // to its scale
  std::vector<float> scales;
  std::vector<int> zero_points;
  std::uint64_t offset = 0;  // of the scales
};

std::optional<Dequantised> read_scales(ByteView file, const Graph& graph, const Node& node, const Place& place) {
  const Initializer *weights = find(graph, node.inputs[place.weights]), *scales = find(graph, node.inputs[place.scale]);
  if (weights == nullptr || scales == nullptr || scales->type != float_type || scales->data.empty() ||
      scales->data.size() % sizeof(float) != 0 || (weights->type != int8_type && weights->type != uint8_type))
    return std::nullopt;
  Dequantised found;
  found.type = weights->type;
  found.axis = place.axis.value_or(node.axis);
  found.is_bound =
      !place.is_alone || graph.uses.at(node.inputs[place.weights]) != 1 || graph.uses.at(node.inputs[place.scale]) != 1;
  found.scales.resize(scales->data.size() / sizeof(float));
  std::memcpy(found.scales.data(), scales->data.data(), scales->data.size());
  found.offset = static_cast<std::uint64_t>(scales->data.data() - file.data());
  found.zero_points.assign(found.scales.size(), 0);
  if (node.inputs.size() <= place.zero || node.inputs[place.zero].empty()) return found;
  const Initializer* zeros = find(graph, node.inputs[place.zero]);
  if (zeros == nullptr || zeros->type != weights->type || zeros->data.size() != found.scales.size())
    return std::nullopt;
  std::transform(zeros->data.begin(), zeros->data.end(), found.zero_points.begin(), [&](std::uint8_t zero) {
    return found.type == int8_type ? static_cast<std::int8_t>(zero) : int{zero};
  });
  return found;
}

std::map<std::string_view, Dequantised> dequantised_weights(ByteView file, const Graph& graph) {
  const auto beside = beside_quantised_bias(graph);
  std::map<std::string_view, Dequantised> found;
  for (const Node& node : graph.nodes)
    for (const Place& place : places) {
      if (node.operation != place.operation || node.inputs.size() <= place.scale || node.outputs.empty()) continue;
      auto scales = read_scales(file, graph, node, place);
      if (!scales) continue;
      scales->is_bound |= beside.contains(node.outputs[0]);
      found.emplace(node.inputs[place.weights], std::move(*scales));
    }
  return found;
}

}  // namespace

std::map<std::string, Int8Scales, std::less<>> find_int8_tensors(ByteView base, ByteView exact) {
  std::map<std::string, Int8Scales, std::less<>> tensors;
  if (!is_onnx(base) || !is_onnx(exact)) return tensors;
  const Graph old_graph = read_graph(base), new_graph = read_graph(exact);
  const auto old_weights = dequantised_weights(base, old_graph);
  for (const auto& [name, now] : dequantised_weights(exact, new_graph)) {
    const auto found = old_weights.find(name);
    if (found == old_weights.end()) continue;
    const Dequantised& before = found->second;
    if (before.type != now.type || before.axis != now.axis || before.zero_points != now.zero_points || now.axis < 0)
      continue;
    tensors.emplace(name, Int8Scales{.old_scales = before.scales,
                                     .new_scales = now.scales,
                                     .zero_points = now.zero_points,
                                     .new_offset = now.offset,
                                     .axis = static_cast<std::size_t>(now.axis),
                                     .has_sign = now.type == int8_type,
                                     .is_bound = before.is_bound || now.is_bound});
  }
  return tensors;
}

}  // namespace argosy
