// 8-bit ONNX models: weights that a DequantizeLinear node makes real stay on the scales of the base where that serves.
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/compact/compact_model.hpp"
#include "tests/unit/common/tensors/onnx_file.hpp"

namespace argosy {
namespace {

constexpr std::size_t channels = 8, in_channel = 160, weights = channels * in_channel;

struct Weights {
  std::vector<std::int8_t> numbers = std::vector<std::int8_t>(weights);
  std::vector<float> scales = std::vector<float>(channels, 0.01F);
};

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(values.data());
  return Bytes(from, from + values.size() * sizeof(T));
}

ProtoWriter node(std::string_view operation, const std::vector<std::string>& inputs, std::string_view output) {
  ProtoWriter node;
  for (const std::string& input : inputs) node.text(1, input);
  return node.text(2, output).text(4, operation).message(5, ProtoWriter().text(1, "axis").number(3, 0));
}

Bytes model_of(const Weights& weights, bool with_bias = false) {
  ProtoWriter graph;
  graph.message(1, node("DequantizeLinear", {"w_q", "w_s"}, "w"));
  if (with_bias) graph.message(1, node("DequantizeLinear", {"b_q", "b_s"}, "b"));
  graph.message(1, with_bias ? node("Gemm", {"x", "w", "b"}, "y") : node("Gemm", {"x", "w"}, "y"));
  graph.message(5, onnx_tensor("w_q", 3, {channels, in_channel}).bytes(9, bytes_of(weights.numbers)));
  graph.message(5, onnx_tensor("w_s", 1, {channels}).bytes(9, bytes_of(weights.scales)));
  if (with_bias) {
    graph.message(5, onnx_tensor("b_q", 6, {channels}).bytes(9, Bytes(4 * channels)));
    graph.message(5, onnx_tensor("b_s", 1, {channels}).bytes(9, bytes_of(weights.scales)));
  }
  return onnx_model(graph);
}

Weights weights_in(const Bytes& file) {
  Weights found;
  const Bytes empty = model_of(found);
  const auto at = [&](ByteView content) {
    return static_cast<std::size_t>(std::search(empty.begin(), empty.end(), content.begin(), content.end()) -
                                    empty.begin());
  };
  std::memcpy(found.numbers.data(), file.data() + at(bytes_of(found.numbers)), weights);
  std::memcpy(found.scales.data(), file.data() + at(bytes_of(found.scales)), channels * sizeof(float));
  return found;
}

class Int8Model : public testing::Test {
 protected:
  Weights old_, exact_;
  Int8Model() {
    for (std::size_t i = 0; i < weights; ++i) {
      old_.numbers[i] = static_cast<std::int8_t>(static_cast<int>(i * 37 % 201) - 100);
      exact_.numbers[i] = static_cast<std::int8_t>(old_.numbers[i] + (i % 20 == 0    ? 1
                                                                      : i % 20 == 10 ? -1
                                                                      : i % 97 == 0  ? 5
                                                                                     : 0));
    }
  }
  Weights made(int bits) const {
    auto model = make_compact(model_of(old_), model_of(exact_), bits);
    EXPECT_TRUE(model) << model.error().message;
    return weights_in(model->file);
  }
};

TEST_F(Int8Model, NumbersThatAreNearStayAndTheOthersMove) {
  const Weights result = made(4);
  for (std::size_t i = 0; i < weights; ++i) {
    const bool far = std::abs(exact_.numbers[i] - old_.numbers[i]) > 1;
    EXPECT_EQ(result.numbers[i], far ? exact_.numbers[i] : old_.numbers[i]) << i;
  }
  EXPECT_EQ(made(8).numbers, exact_.numbers);
}

TEST_F(Int8Model, AScaleThatMovedGoesBackWhereThatMovesFewerNumbers) {
  // The same real numbers on a scale of 0.9: all but the small ones move.
  exact_ = old_;
  for (std::int8_t& number : exact_.numbers) number = static_cast<std::int8_t>(std::lround(number / 0.9));
  for (float& scale : exact_.scales) scale *= 0.9F;
  for (const int bits : {4, 7}) {
    const Weights result = made(bits);
    EXPECT_EQ(result.scales, old_.scales);
    // But for those that make errors cancel.
    std::size_t moved = 0;
    for (std::size_t i = 0; i < weights; ++i) {
      EXPECT_LE(std::abs(result.numbers[i] - old_.numbers[i]), 1);
      moved += result.numbers[i] != old_.numbers[i] ? 1 : 0;
    }
    EXPECT_LT(moved, weights / 20);
  }
}

TEST_F(Int8Model, ANumberBeyondTheOldScaleKeepsItsChannelOnTheNewOne) {
  exact_ = old_;
  exact_.scales[2] = 0.02F;
  exact_.numbers[2 * in_channel] = 100;
  const Weights result = made(4);
  EXPECT_EQ(result.scales, exact_.scales);
  EXPECT_EQ(result.numbers, exact_.numbers);
}

TEST_F(Int8Model, AScaleThatIsNoNumberLeavesItsChannelAlone) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  for (const float impossible : {none, 0.0F, -0.01F, std::numeric_limits<float>::infinity()}) {
    exact_.scales[1] = impossible;
    old_.scales[3] = impossible;
    const Weights result = made(3);
    EXPECT_EQ(std::memcmp(&result.scales[1], &impossible, sizeof impossible), 0);
    for (std::size_t i = in_channel; i < 2 * in_channel; ++i) EXPECT_EQ(result.numbers[i], exact_.numbers[i]);
    EXPECT_EQ(result.scales[3], exact_.scales[3]);
  }
}

TEST_F(Int8Model, ABiasOnTheSameScaleHoldsItButNotTheNumbers) {
  for (float& scale : exact_.scales) scale *= 0.5F;
  const Bytes made = make_compact(model_of(old_, true), model_of(exact_, true), 4)->file;
  const Bytes exact = model_of(exact_, true);
  const Bytes scales = bytes_of(exact_.scales);
  EXPECT_EQ(std::search(made.begin(), made.end(), scales.begin(), scales.end()) - made.begin(),
            std::search(exact.begin(), exact.end(), scales.begin(), scales.end()) - exact.begin());
  EXPECT_NE(made, exact);
}

}  // namespace
}  // namespace argosy
