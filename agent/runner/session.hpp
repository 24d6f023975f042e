// One ONNX model, loaded by ONNX Runtime and run on the processor, a sample at a time or, where the model's batch
// dimension is fixed, so many at a time: the last batch is filled up with its last sample, whose further answers are
// dropped. One thread. std::bad_alloc passes through when memory ends; every other fault of the model is an Error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include "agent/runner/answer.hpp"
#include "agent/runner/dataset.hpp"
#include "common/base/error.hpp"

namespace argosy::agent {

struct Port {
  std::string name;
  std::string type;                 // "float32"
  std::vector<std::int64_t> shape;  // -1 where it is not fixed
  ONNXTensorElementDataType element;
  std::string describe() const;  // "'image' float32 [?,1,8,8]"
};

// Where the values of a model's inputs come from, a row a sample.
struct SampleSource {
  std::function<const NpzEntry*(const Port& input)> find;  // null: there is none
  std::string description;                                 // of the samples, for messages
  std::size_t count = 0;
};

class Session {
 public:
  // Errc::malformed_model for what is no model; Errc::incompatible for one that this runtime cannot run.
  static Result<Session> load(const std::filesystem::path& model, int threads);

  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }

  // Of a data set: what its settings name for an input, an array of the input's name, or the samples of a model with
  // one input. It outlives the session's runs.
  SampleSource source_of(const Dataset& data) const;

  // Decides which array feeds which input, and how: Errc::incompatible, naming both sides.
  Result<void> prepare(const SampleSource& source);
  std::size_t batch() const { return batch_; }

  // Fills the inputs with these samples, of which there are 1 to batch().
  void fill(std::span<const std::size_t> samples);
  Result<void> run();
  // Of the samples that were filled in; valid until the next call.
  Result<std::span<const Answer>> answers();

  // What was done to the samples that their publisher may not expect, a sentence each.
  std::vector<std::string> notes() const;

 private:
  struct Feed {
    const NpzEntry* array = nullptr;
    bool has_rows = true;    // a row a sample; else the whole array is fed to every run
    bool has_batch = false;  // the tensor's first dimension counts samples
    std::size_t values = 0;  // of a sample
    std::vector<std::int64_t> tensor_shape;
    std::vector<std::uint8_t> buffer;  // the tensor, except of texts
    std::vector<std::string> texts;
    bool lost_fractions = false;
  };

  Session(Ort::Env env, Ort::Session session) : env_(std::move(env)), session_(std::move(session)) {}
  Result<Feed> feed_of(const Port& input, const SampleSource& source);
  Result<void> make_tensor(const Port& input, Feed& feed);
  void fill_feed(const Port& input, Feed& feed, std::span<const std::size_t> samples);
  Result<void> read_tensor(const Port& port, const Ort::Value& value);
  Result<void> read_sequence(const Port& port, const Ort::Value& value);

  Ort::Env env_;
  Ort::Session session_;
  std::vector<Port> inputs_, outputs_;
  std::vector<Feed> feeds_;
  std::vector<Ort::Value> tensors_, results_;
  std::size_t batch_ = 1, filled_ = 0;  // samples of a run, and those that the tensors hold
  std::vector<Answer> answers_;
};

}  // namespace argosy::agent
