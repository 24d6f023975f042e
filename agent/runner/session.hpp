// One ONNX model, loaded by ONNX Runtime and run a sample at a time on the processor. One thread.
// std::bad_alloc passes through when memory ends; every other fault of the model is an Error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include "common/base/error.hpp"

namespace argosy::agent {

struct Port {
  std::string name;
  std::string type;                 // "float32"
  std::vector<std::int64_t> shape;  // -1 where it is not fixed
  ONNXTensorElementDataType element;
  std::string describe() const;  // "'image' float32 [?,1,8,8]"
};

class Session {
 public:
  // Errc::malformed_model for what is no model; Errc::incompatible for one that this runtime cannot run.
  static Result<Session> load(const std::filesystem::path& model, int threads);

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }

  // Makes room for samples of `shape` (without the batch dimension) and checks that the model takes them and answers
  // with scores: Errc::incompatible, naming both sides. `samples` describes the data set in that message.
  Result<void> prepare(std::span<const std::int64_t> shape, const std::string& samples);

  // After prepare(): where the next sample's values go.
  std::span<float> input() { return values_; }
  // Runs the sample in input(); the scores stay valid until the next run.
  Result<std::span<const float>> run();

 private:
  Session(Ort::Env env, Ort::Session session) : env_(std::move(env)), session_(std::move(session)) {}
  void fill_tensor();

  Ort::Env env_;
  Ort::Session session_;
  std::vector<Port> inputs_, outputs_;
  std::vector<std::int64_t> tensor_shape_;
  std::vector<float> values_;
  std::vector<std::uint8_t> converted_;  // the sample in the model's own type, when that is not float32
  Ort::Value tensor_{nullptr};
  std::vector<Ort::Value> answers_;
  std::vector<float> scores_;  // the answer as float32, when the model has another type
};

}  // namespace argosy::agent
