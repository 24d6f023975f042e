#include "agent/runner/session.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <new>
#include <numeric>

namespace argosy::agent {
namespace {

struct ElementRow {
  ONNXTensorElementDataType element;
  const char* name;
};
constexpr ElementRow elements[] = {
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, "float32"},     {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, "float16"},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, "bfloat16"}, {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, "float64"},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, "uint8"},       {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, "int8"},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, "uint16"},     {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, "int16"},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, "uint32"},     {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, "int32"},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, "uint64"},     {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, "int64"},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, "bool"},         {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, "string"},
};
const char* element_name(ONNXTensorElementDataType element) {
  for (const ElementRow& row : elements) {
    if (row.element == element) return row.name;
  }
  return "unknown";
}

// ONNX Runtime turns every exception into a status; this is the way back.
Error error_of(const Ort::Exception& exception) {
  const std::string_view text = exception.what();
  const auto says = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  if (says("bad_alloc") || says("Failed to allocate memory")) throw std::bad_alloc();
  const bool too_new = says("Unsupported model IR version") || says("official released onnx opset versions");
  const bool unknown_operator =
      exception.GetOrtErrorCode() == ORT_NOT_IMPLEMENTED || says("is not a registered function/op");
  return make_error(too_new || unknown_operator ? Errc::incompatible : Errc::malformed_model, std::string(text));
}

Port port_of(Ort::AllocatedStringPtr name, const Ort::TypeInfo& info) {
  Port port{name.get(), "not a tensor", {}, ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED};
  if (info.GetONNXType() != ONNX_TYPE_TENSOR) return port;
  const auto tensor = info.GetTensorTypeAndShapeInfo();
  port.element = tensor.GetElementType();
  port.type = element_name(port.element);
  port.shape = tensor.GetShape();
  return port;
}

Ort::SessionOptions options_for(int threads) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(threads);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  // An arena doubles as it grows, and a memory pattern takes all at once: the peak would be theirs, not the model's.
  options.DisableCpuMemArena();
  options.DisableMemPattern();
  options.AddConfigEntry("session.intra_op.allow_spinning", "0");
  return options;
}

// What goes wrong with a sample may be told with its values in it: "idx=7 must be within". A report is no place for
// them.
std::string without_numbers(const std::string& message) {
  std::string text;
  for (const char c : message) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit) text += c;
    if (is_digit && !text.ends_with('#')) text += '#';
  }
  return text;
}

bool is_input_type(ONNXTensorElementDataType element) {
  return element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT || element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 ||
         element == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 || element == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;
}

// Whether `shape` (of one sample) fits behind the port's batch dimension, which must be free or one.
bool fits(const Port& port, std::span<const std::int64_t> shape) {
  if (port.shape.size() != shape.size() + 1 || (port.shape[0] != 1 && port.shape[0] >= 0)) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (port.shape[i + 1] >= 0 && port.shape[i + 1] != shape[i]) return false;
  }
  return true;
}

template <class T>
void convert(std::span<const float> from, std::vector<std::uint8_t>& to) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    T value;
    if constexpr (std::is_integral_v<T>) {
      constexpr float lowest = std::numeric_limits<T>::min(), highest = std::numeric_limits<T>::max();
      value = static_cast<T>(std::clamp(std::nearbyint(from[i]), lowest, highest));
    } else {
      value = T(from[i]);
    }
    std::memcpy(to.data() + i * sizeof(T), &value, sizeof value);
  }
}

}  // namespace

std::string Port::describe() const {
  std::string text = "'" + name + "' " + type + " [";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i ? "," : "") + (shape[i] < 0 ? std::string("?") : std::to_string(shape[i]));
  }
  return text + "]";
}

Result<Session> Session::load(const std::filesystem::path& model, int threads) {
  try {
    Ort::Env env(ORT_LOGGING_LEVEL_FATAL, "argosy-runner");
    Ort::Session loaded(env, model.c_str(), options_for(threads));
    Session session(std::move(env), std::move(loaded));
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < session.session_.GetInputCount(); ++i)
      session.inputs_.push_back(
          port_of(session.session_.GetInputNameAllocated(i, allocator), session.session_.GetInputTypeInfo(i)));
    for (std::size_t i = 0; i < session.session_.GetOutputCount(); ++i)
      session.outputs_.push_back(
          port_of(session.session_.GetOutputNameAllocated(i, allocator), session.session_.GetOutputTypeInfo(i)));
    return session;
  } catch (const Ort::Exception& exception) {
    return error_of(exception).within(model.string());
  }
}

Result<void> Session::prepare(std::span<const std::int64_t> shape, const std::string& samples) {
  const auto incompatible = [](std::string message) { return make_error(Errc::incompatible, std::move(message)); };
  if (inputs_.size() != 1)
    return incompatible("the model has " + std::to_string(inputs_.size()) + " inputs: one is supported");
  if (outputs_.empty()) return incompatible("the model has no output");
  const Port& input = inputs_[0];
  if (!is_input_type(input.element))
    return incompatible("the model's input " + input.describe() + " is not of float32, float16, uint8 or int8");
  if (!fits(input, shape))
    return incompatible("the model's input " + input.describe() + " does not take the data set's " + samples);
  if (outputs_[0].element != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT &&
      outputs_[0].element != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16)
    return incompatible("the model's first output " + outputs_[0].describe() + " is not float32 or float16 scores");

  tensor_shape_.assign(1, 1);
  tensor_shape_.insert(tensor_shape_.end(), shape.begin(), shape.end());
  const auto count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  values_.assign(static_cast<std::size_t>(count), 0.0F);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  if (input.element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
    tensor_ = Ort::Value::CreateTensor<float>(memory, values_.data(), values_.size(), tensor_shape_.data(),
                                              tensor_shape_.size());
    return {};
  }
  const std::size_t width = input.element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 ? 2 : 1;
  converted_.assign(values_.size() * width, 0);
  tensor_ = Ort::Value::CreateTensor(memory, converted_.data(), converted_.size(), tensor_shape_.data(),
                                     tensor_shape_.size(), input.element);
  return {};
}

void Session::fill_tensor() {
  switch (inputs_[0].element) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return convert<Ort::Float16_t>(values_, converted_);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return convert<std::uint8_t>(values_, converted_);
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
      return convert<std::int8_t>(values_, converted_);
    default:
      return;  // float32: the tensor is values_ itself
  }
}

Result<std::span<const float>> Session::run() {
  fill_tensor();
  const char* input = inputs_[0].name.c_str();
  const char* output = outputs_[0].name.c_str();
  try {
    answers_ = session_.Run(Ort::RunOptions{nullptr}, &input, &tensor_, 1, &output, 1);
    const std::size_t count = answers_[0].GetTensorTypeAndShapeInfo().GetElementCount();
    if (outputs_[0].element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
      return std::span<const float>(answers_[0].GetTensorData<float>(), count);
    const auto* halves = answers_[0].GetTensorData<Ort::Float16_t>();
    scores_.resize(count);
    std::transform(halves, halves + count, scores_.begin(), [](Ort::Float16_t half) { return half.ToFloat(); });
    return std::span<const float>(scores_);
  } catch (const Ort::Exception& exception) {
    Error error = error_of(exception);
    error.message = without_numbers(error.message);
    return std::move(error).within("running the model");
  }
}

}  // namespace argosy::agent
