#include "examples/digits/model.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace digits {
namespace {

Ort::SessionOptions options() {
  Ort::SessionOptions result;
  result.SetIntraOpNumThreads(1);
  result.SetInterOpNumThreads(1);
  result.DisableCpuMemArena();
  result.DisableMemPattern();
  return result;
}

}  // namespace

Release release_of(const std::filesystem::path& slot) {
  std::ifstream file(slot / "release.json");
  const auto document = nlohmann::json::parse(file, nullptr, false);
  Release release{slot.parent_path().filename(), ""};
  if (!document.is_object()) return release;
  const auto version = document.find("version");
  if (version != document.end() && version->is_string()) release.version = *version;
  return release;
}

Model::Model(Ort::Env& env, const std::filesystem::path& slot)
    : release_(release_of(slot)), session_(env, (slot / "model.onnx").c_str(), options()) {
  if (session_.GetInputCount() != 1 || session_.GetOutputCount() != 1)
    throw std::runtime_error("the model does not have one input and one output");
  Ort::AllocatorWithDefaultOptions allocator;
  input_ = session_.GetInputNameAllocated(0, allocator).get();
  output_ = session_.GetOutputNameAllocated(0, allocator).get();
  classify(Image{});
}

Answer Model::classify(const Image& image) {
  const std::int64_t shape[] = {1, 1, side, side};
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  auto tensor = Ort::Value::CreateTensor<float>(memory, const_cast<float*>(image.data()), image.size(), shape, 4);
  const char* input = input_.c_str();
  const char* output = output_.c_str();
  const auto answers = session_.Run(Ort::RunOptions{nullptr}, &input, &tensor, 1, &output, 1);
  if (answers[0].GetTensorTypeAndShapeInfo().GetElementCount() != 10)
    throw std::runtime_error("the model does not answer with ten probabilities");
  const float* scores = answers[0].GetTensorData<float>();
  const auto best = std::max_element(scores, scores + 10);
  return {static_cast<int>(best - scores), *best};
}

}  // namespace digits
