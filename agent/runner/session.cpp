#include "agent/runner/session.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <new>
#include <numeric>
#include <optional>

#include "common/base/text.hpp"

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

// What follows `words` in a text: a number or a name.
std::string after(std::string_view text, std::string_view words) {
  const auto at = text.find(words);
  if (at == std::string_view::npos) return "?";
  const std::string_view rest = text.substr(at + words.size());
  return std::string(rest.substr(0, rest.find_first_of(" .,\n")));
}

// In plain words what its engine says of a model that is newer than itself.
std::optional<std::string> newer_than_engine(std::string_view text) {
  const std::string engine = ", and this engine, ONNX Runtime " + Ort::GetVersionString() + ", ";
  constexpr std::string_view remedy = ": export it for an older one, or give the device a newer engine";
  if (text.find("official released onnx opset versions") != std::string_view::npos)
    return "the model needs opset " + after(text, " Opset ") + engine + "runs up to opset " +
           after(text, "is till opset ") + std::string(remedy);
  if (text.find("Unsupported model IR version") != std::string_view::npos)
    return "the model needs ONNX IR version " + after(text, "Unsupported model IR version: ") + engine +
           "runs up to IR version " + after(text, "max supported IR version: ") + std::string(remedy);
  return std::nullopt;
}

// ONNX Runtime turns every exception into a status; this is the way back.
Error error_of(const Ort::Exception& exception) {
  const std::string_view text = exception.what();
  const auto says = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  if (says("bad_alloc") || says("Failed to allocate memory")) throw std::bad_alloc();
  if (says("Protobuf parsing failed"))
    return make_error(Errc::malformed_model,
                      "not an ONNX model, or one that was cut short: its protobuf cannot be read");
  if (auto too_new = newer_than_engine(text)) return make_error(Errc::incompatible, std::move(*too_new));
  const bool unknown_operator =
      exception.GetOrtErrorCode() == ORT_NOT_IMPLEMENTED || says("is not a registered function/op");
  return make_error(unknown_operator ? Errc::incompatible : Errc::malformed_model, std::string(text));
}

Port port_of(Ort::AllocatedStringPtr name, const Ort::TypeInfo& info) {
  Port port{name.get(), "not a tensor", {}, ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED};
  if (info.GetONNXType() == ONNX_TYPE_SEQUENCE) port.type = "sequence";
  if (info.GetONNXType() == ONNX_TYPE_MAP) port.type = "map";
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

using Shape = std::vector<std::int64_t>;

constexpr std::int64_t largest_batch = 1 << 16;

// The shape that a tensor has when values of shape `given` are put into `wanted`, -1 where that is free; dimensions of
// one may be missing on either side. Nothing when they do not fit.
std::optional<Shape> fitted(std::span<const std::int64_t> wanted, std::span<const std::int64_t> given) {
  const auto fits = [](std::int64_t want, std::int64_t size) { return want < 0 || want == size; };
  if (wanted.size() == given.size()) {
    if (!std::equal(wanted.begin(), wanted.end(), given.begin(), fits)) return std::nullopt;
    return Shape(given.begin(), given.end());
  }
  Shape shape, left;
  std::copy_if(given.begin(), given.end(), std::back_inserter(left), [](std::int64_t size) { return size != 1; });
  auto next = left.begin();
  for (const std::int64_t want : wanted) {
    const bool takes = want != 1 && next != left.end() && fits(want, *next);
    if (!takes && want > 1) return std::nullopt;
    shape.push_back(takes ? *next++ : 1);
  }
  return next == left.end() ? std::optional(shape) : std::nullopt;
}

std::int64_t product(std::span<const std::int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

// Where an image's channels come first in one and last in the other.
bool is_transposed(std::span<const std::int64_t> wanted, std::span<const std::int64_t> given) {
  if (wanted.size() != 4 || given.size() != 3) return false;
  return fitted(wanted.subspan(1), Shape{given[2], given[0], given[1]}).has_value();
}

bool is_number(ONNXTensorElementDataType element) {
  switch (element) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED:
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING:
      return false;
    default:
      return std::any_of(std::begin(elements), std::end(elements),
                         [&](const ElementRow& row) { return row.element == element; });
  }
}

// Calls `use` with a value of the C++ type of the element.
template <class Use>
void with_type(ONNXTensorElementDataType element, Use use) {
  switch (element) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return use(float{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return use(double{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return use(Ort::Float16_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
      return use(Ort::BFloat16_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return use(bool{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return use(std::uint8_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
      return use(std::int8_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
      return use(std::uint16_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
      return use(std::int16_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32:
      return use(std::uint32_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return use(std::int32_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
      return use(std::uint64_t{});
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return use(std::int64_t{});
    default:
      return;
  }
}

std::size_t width_of(ONNXTensorElementDataType element) {
  std::size_t width = 0;
  with_type(element, [&](auto kind) { width = sizeof kind; });
  return width;
}

// The nearest whole number that the type holds.
template <class T>
T whole(double value) {
  constexpr double lowest = static_cast<double>(std::numeric_limits<T>::min());
  constexpr double past_highest = 2.0 * static_cast<double>(std::numeric_limits<T>::max() / 2 + 1);
  const double rounded = std::nearbyint(value);
  if (std::isnan(rounded)) return 0;
  if (rounded < lowest) return std::numeric_limits<T>::min();
  return rounded < past_highest ? static_cast<T>(rounded) : std::numeric_limits<T>::max();
}

// Element `index` of an array as the model's type; `lost` becomes true when a fraction is rounded away.
template <class T>
T converted(const NpyArray& array, std::size_t index, bool& lost) {
  if constexpr (std::is_same_v<T, bool>) {
    return array.at(index) != 0;
  } else if constexpr (std::is_integral_v<T>) {
    if (!is_floating(array.type)) {
      const std::int64_t value = array.integer_at(index);
      if (array.type == NpyType::uint64 && sizeof(T) == 8) return static_cast<T>(value);
      return std::in_range<T>(value) ? static_cast<T>(value) : whole<T>(static_cast<double>(value));
    }
    const double value = array.at(index);
    if (value != std::nearbyint(value)) lost = true;
    return whole<T>(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(array.at(index));
  } else {
    return T(static_cast<float>(array.at(index)));
  }
}

template <class T>
double number_of(T value) {
  if constexpr (std::is_arithmetic_v<T>)
    return static_cast<double>(value);
  else
    return value.ToFloat();
}

std::vector<double> numbers_of(const Ort::Value& tensor, std::size_t first, std::size_t count) {
  std::vector<double> values(count);
  with_type(tensor.GetTensorTypeAndShapeInfo().GetElementType(), [&](auto kind) {
    using T = decltype(kind);
    const T* data = tensor.GetTensorData<T>() + first;
    std::transform(data, data + count, values.begin(), [](T value) { return number_of(value); });
  });
  return values;
}

std::vector<std::string> texts_of(const Ort::Value& tensor, std::size_t first, std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.push_back(tensor.GetStringTensorElement(first + i));
  return texts;
}

bool is_tensor_of_texts(const Ort::Value& tensor) {
  return tensor.GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING;
}

Output output_of_map(const std::string& name, const Ort::Value& map) {
  Ort::AllocatorWithDefaultOptions allocator;
  const Ort::Value keys = map.GetValue(0, allocator), values = map.GetValue(1, allocator);
  const std::size_t count = keys.GetTensorTypeAndShapeInfo().GetElementCount();
  Output output{name, "map", {static_cast<std::int64_t>(count)}, numbers_of(values, 0, count)};
  if (is_tensor_of_texts(keys)) {
    output.classes = texts_of(keys, 0, count);
  } else {
    const std::int64_t* integers = keys.GetTensorData<std::int64_t>();
    for (std::size_t i = 0; i < count; ++i) output.classes.push_back(std::to_string(integers[i]));
  }
  return output;
}

Output output_of_tensor(const std::string& name, const Ort::Value& tensor, std::size_t first, std::size_t count,
                        Shape shape) {
  Output output{name, element_name(tensor.GetTensorTypeAndShapeInfo().GetElementType()), std::move(shape), {}};
  if (is_tensor_of_texts(tensor))
    output.texts = texts_of(tensor, first, count);
  else
    output.values = numbers_of(tensor, first, count);
  return output;
}

Error incompatible_signature(std::string message) {
  return make_error(Errc::incompatible, std::move(message));
}

}  // namespace

std::string Port::describe() const {
  return "'" + name + "' " + type + " " + describe_shape(shape);
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

SampleSource Session::source_of(const Dataset& data) const {
  const auto find = [this, &data](const Port& input) -> const NpzEntry* {
    const auto named = data.settings().inputs.find(input.name);
    const std::string& name = named == data.settings().inputs.end() ? input.name : named->second;
    for (const NpzEntry& each : data.arrays())
      if (each.name == name && !data.is_truth(each)) return &each;
    return inputs_.size() == 1 ? data.samples() : nullptr;
  };
  return {find, data.describe(), data.size()};
}

Result<Session::Feed> Session::feed_of(const Port& input, const SampleSource& source) {
  const NpzEntry* array = source.find(input);
  if (array == nullptr)
    return incompatible_signature("the model's input " + input.describe() +
                                  " has no array in the data set, which holds " + source.description +
                                  ": save one under the input's name");
  const bool is_text_input = input.element == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING;
  if (!is_text_input && !is_number(input.element))
    return incompatible_signature("the model's input " + input.describe() + " is of a type that no array holds");
  const Shape& given = array->array.shape;
  const std::string both = "the model's input " + input.describe() + " does not take the data set's " +
                           shortened(array->name) + " " + array->array.describe();
  if (is_text(array->array.type) != is_text_input) return incompatible_signature(both);

  Feed feed;
  feed.array = array;
  const bool has_rows = !given.empty() && static_cast<std::size_t>(given[0]) == source.count;
  const std::span<const std::int64_t> sample = std::span(given).subspan(has_rows ? 1 : 0);
  const std::span<const std::int64_t> wanted = input.shape;
  feed.has_rows = has_rows;
  std::optional<Shape> shape;
  if (has_rows && !wanted.empty()) shape = fitted(wanted.subspan(1), sample);
  if (has_rows && wanted.empty() && !sample.empty()) shape.emplace(sample.begin(), sample.end());  // of any shape
  feed.has_batch = shape.has_value();
  if (!shape) shape = fitted(wanted, sample);
  if (!shape)
    return incompatible_signature(both +
                                  (is_transposed(wanted, sample)
                                       ? ": its channels come last, np.transpose(x, (0, 3, 1, 2)) puts them first"
                                       : ""));
  feed.tensor_shape = std::move(*shape);
  feed.values = static_cast<std::size_t>(product(feed.tensor_shape));
  return feed;
}

Result<void> Session::prepare(const SampleSource& source) {
  if (inputs_.empty()) return incompatible_signature("the model has no input");
  if (outputs_.empty()) return incompatible_signature("the model has no output");
  feeds_.clear();
  tensors_.clear();
  std::int64_t batch = 1;
  for (const Port& input : inputs_) {
    ARGOSY_TRY(feeds_.emplace_back(), feed_of(input, source));
    if (feeds_.back().has_batch && !input.shape.empty()) batch = std::max(batch, input.shape[0]);
  }
  if (batch > largest_batch)
    return incompatible_signature("the model takes " + std::to_string(batch) + " samples at once, at most " +
                                  std::to_string(largest_batch) + " are tried");
  batch_ = static_cast<std::size_t>(batch);
  for (std::size_t i = 0; i < inputs_.size(); ++i) ARGOSY_CHECK(make_tensor(inputs_[i], feeds_[i]));
  return {};
}

Result<void> Session::make_tensor(const Port& input, Feed& feed) {
  const auto batch = static_cast<std::int64_t>(batch_);
  const bool takes_batch = feed.has_batch && (input.shape.empty() || input.shape[0] < 0 || input.shape[0] == batch);
  if (feed.has_rows && !takes_batch && batch != 1)
    return incompatible_signature("the model's input " + input.describe() + " does not take " + std::to_string(batch) +
                                  " samples at once, as its others do");
  if (feed.has_batch) feed.tensor_shape.insert(feed.tensor_shape.begin(), batch);
  const auto values = static_cast<std::size_t>(product(feed.tensor_shape));
  if (input.element == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) {
    feed.texts.resize(values);
    Ort::AllocatorWithDefaultOptions allocator;
    tensors_.push_back(
        Ort::Value::CreateTensor(allocator, feed.tensor_shape.data(), feed.tensor_shape.size(), input.element));
    return {};
  }
  feed.buffer.assign(values * width_of(input.element), 0);
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  tensors_.push_back(Ort::Value::CreateTensor(memory, feed.buffer.data(), feed.buffer.size(), feed.tensor_shape.data(),
                                              feed.tensor_shape.size(), input.element));
  return {};
}

void Session::fill(std::span<const std::size_t> samples) {
  filled_ = samples.size();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    fill_feed(inputs_[i], feeds_[i], samples);
    if (feeds_[i].texts.empty()) continue;
    std::vector<const char*> texts;
    for (const std::string& text : feeds_[i].texts) texts.push_back(text.c_str());
    tensors_[i].FillStringTensor(texts.data(), texts.size());
  }
}

void Session::fill_feed(const Port& input, Feed& feed, std::span<const std::size_t> samples) {
  const NpyArray& array = feed.array->array;
  const std::size_t rows = feed.has_batch ? batch_ : 1;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t sample = feed.has_rows ? samples[std::min(row, samples.size() - 1)] : 0;
    const std::size_t from = sample * feed.values, to = row * feed.values;
    if (!feed.texts.empty()) {
      for (std::size_t i = 0; i < feed.values; ++i) feed.texts[to + i] = array.text_at(from + i);
      continue;
    }
    if (name(array.type) == input.type) {
      std::memcpy(feed.buffer.data() + to * array.width, array.data.data() + from * array.width,
                  feed.values * array.width);
      continue;
    }
    with_type(input.element, [&](auto kind) {
      using T = decltype(kind);
      for (std::size_t i = 0; i < feed.values; ++i) {
        const T value = converted<T>(array, from + i, feed.lost_fractions);
        std::memcpy(feed.buffer.data() + (to + i) * sizeof(T), &value, sizeof value);
      }
    });
  }
}

Result<void> Session::run() {
  std::vector<const char*> inputs, outputs;
  for (const Port& port : inputs_) inputs.push_back(port.name.c_str());
  for (const Port& port : outputs_) outputs.push_back(port.name.c_str());
  try {
    results_ = session_.Run(Ort::RunOptions{nullptr}, inputs.data(), tensors_.data(), tensors_.size(), outputs.data(),
                            outputs.size());
    return {};
  } catch (const Ort::Exception& exception) {
    Error error = error_of(exception);
    error.message = without_numbers(error.message);
    return std::move(error).within("running the model");
  }
}

Result<std::span<const Answer>> Session::answers() {
  answers_.assign(filled_, {});
  try {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (!results_[i].HasValue()) continue;
      if (results_[i].IsTensor())
        ARGOSY_CHECK(read_tensor(outputs_[i], results_[i]));
      else
        ARGOSY_CHECK(read_sequence(outputs_[i], results_[i]));
    }
  } catch (const Ort::Exception& exception) {
    Error error = error_of(exception);
    error.message = without_numbers(error.message);
    return std::move(error).within("reading the model's answer");
  }
  return std::span<const Answer>(answers_);
}

Result<void> Session::read_tensor(const Port& port, const Ort::Value& value) {
  Shape shape = value.GetTensorTypeAndShapeInfo().GetShape();
  const std::size_t count = value.GetTensorTypeAndShapeInfo().GetElementCount();
  const bool has_rows = !shape.empty() && static_cast<std::size_t>(shape[0]) == batch_;
  if (batch_ > 1 && !has_rows)
    return incompatible_signature("the model's output " + port.describe() + " does not answer each of " +
                                  std::to_string(batch_) + " samples");
  if (has_rows) shape.erase(shape.begin());
  const std::size_t each = count / batch_;
  for (std::size_t i = 0; i < filled_; ++i)
    answers_[i].push_back(output_of_tensor(port.name, value, i * each, each, shape));
  return {};
}

// A list of maps or tensors, one a sample, or a map by itself.
Result<void> Session::read_sequence(const Port& port, const Ort::Value& value) {
  Ort::AllocatorWithDefaultOptions allocator;
  const ONNXType kind = value.GetTypeInfo().GetONNXType();
  const std::size_t count = kind == ONNX_TYPE_SEQUENCE ? value.GetCount() : 1;
  if (kind != ONNX_TYPE_SEQUENCE && kind != ONNX_TYPE_MAP) return {};
  if (count != batch_)
    return incompatible_signature("the model's output " + port.describe() + " is a sequence of " +
                                  std::to_string(count) + ", and one for each sample is needed");
  for (std::size_t i = 0; i < filled_; ++i) {
    const Ort::Value item =
        kind == ONNX_TYPE_SEQUENCE ? value.GetValue(static_cast<int>(i), allocator) : Ort::Value{nullptr};
    const Ort::Value& one = kind == ONNX_TYPE_SEQUENCE ? item : value;
    if (!one.IsTensor()) {
      answers_[i].push_back(output_of_map(port.name, one));
      continue;
    }
    const auto info = one.GetTensorTypeAndShapeInfo();
    answers_[i].push_back(output_of_tensor(port.name, one, 0, info.GetElementCount(), info.GetShape()));
  }
  return {};
}

std::vector<std::string> Session::notes() const {
  std::vector<std::string> said;
  for (std::size_t i = 0; i < feeds_.size(); ++i)
    if (feeds_[i].lost_fractions)
      said.push_back("array '" + shortened(feeds_[i].array->name) +
                     "' holds fractions, which were rounded for the model's input " + inputs_[i].describe());
  if (batch_ > 1)
    said.push_back("the model takes " + std::to_string(batch_) +
                   " samples at once: latencies are those of a whole batch");
  return said;
}

}  // namespace argosy::agent
