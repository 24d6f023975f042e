#include "agent/runner/program.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/runner/running_program.hpp"
#include "common/base/file.hpp"
#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::agent {
namespace {

using Json = nlohmann::json;

constexpr int contract_version = 1;
constexpr std::size_t max_message_bytes = 500;
// An answer is a list of numbers, of which an image has as many as it has pixels.
constexpr JsonLimits line_limits{.bytes = 16 << 20, .depth = 8, .values = 4 << 20};

// Arrays that lie in no file as they are, in memory that the program inherits and may open.
using Memory = std::vector<UniqueFd>;

Result<PlaceOnDisk> hand_over(const Dataset& data, const NpzEntry& array, Memory& memory) {
  if (auto place = data.place_of(array)) return std::move(*place);
  const auto failed = [] { return errno_error("cannot hand over the samples", errno); };
  UniqueFd& fd = memory.emplace_back(::memfd_create("samples", 0));
  if (!fd) return failed();
  ByteView left = array.array.data;
  while (!left.empty()) {
    const ssize_t written = ::write(fd.get(), left.data(), left.size());
    if (written < 0 && errno != EINTR) return failed();
    if (written > 0) left = left.subspan(static_cast<std::size_t>(written));
  }
  return PlaceOnDisk{"/proc/self/fd/" + std::to_string(fd.get()), 0};
}

Result<Json> array_json(const Dataset& data, const NpzEntry& array, Memory& memory) {
  if (is_text(array.array.type))
    return make_error(Errc::corrupt, "array '" + array.name + "' holds texts, which programs are not handed");
  ARGOSY_TRY(const PlaceOnDisk place, hand_over(data, array, memory));
  return {boost::system::in_place_value, Json{{"file", place.file.string()},
                                              {"offset", place.offset},
                                              {"type", name(array.array.type)},
                                              {"shape", array.array.shape}}};
}

// A row a sample each, by the names that the data set's settings give the model's inputs.
Result<Json> named_inputs_json(const Dataset& data, Memory& memory) {
  Json named = Json::object();
  for (const auto& [input, array_name] : data.settings().inputs) {
    const auto found = std::ranges::find(data.arrays(), array_name, &NpzEntry::name);
    if (found->array.shape.empty() || found->array.rows() != data.size())
      return make_error(Errc::corrupt, "array '" + array_name + "' is " + found->array.describe() + ", and of the " +
                                           std::to_string(data.size()) + " samples a program is handed a row each");
    ARGOSY_TRY(named[input], array_json(data, *found, memory));
  }
  return {boost::system::in_place_value, std::move(named)};
}

Result<Json> job_json(const ProgramJob& job, const Dataset* data, Memory& memory) {
  Json json = {{"contract", contract_version}, {"model", job.model.string()}, {"format", job.format},
               {"threads", job.threads},       {"warmup", job.warmup},        {"inputs", nullptr}};
  if (data == nullptr) return {boost::system::in_place_value, std::move(json)};
  if (data->settings().inputs.size() > 1) {
    ARGOSY_TRY(json["named_inputs"], named_inputs_json(*data, memory));
  } else if (data->samples() != nullptr) {
    ARGOSY_TRY(json["inputs"], array_json(*data, *data->samples(), memory));
  } else {
    return make_error(Errc::corrupt,
                      "array 'x' is missing: a program is handed one array of samples, or those that \"inputs\" in the "
                      "data set's argosy.json names, and the data set holds " +
                          data->describe());
  }
  return {boost::system::in_place_value, std::move(json)};
}

// What the program itself calls wrong, cut short: a report is no place for data.
Error error_said(const Json& error) {
  const std::string type = text_in(error, "type");
  const Errc code = type == "malformed-model" ? Errc::malformed_model
                    : type == "incompatible"  ? Errc::incompatible
                                              : Errc::io;
  const std::string message = shortened(text_in(error, "message"), max_message_bytes);
  return make_error(code, message.empty() ? "it gives no reason" : message);
}

Result<void> take_output(const Json& line, std::size_t sample, const TakeAnswer& take, Answer& answer) {
  const auto latency = number_in(line, "ms");
  const Json& output = member(line, "output");
  if (!latency || *latency < 0 || !output.is_array())
    return make_error(Errc::io, "\"output\", a list of numbers, and \"ms\" are needed for each sample");
  std::vector<double>& values = answer.front().values;
  values.clear();
  for (const Json& value : output) {
    if (!value.is_number() && !value.is_null())
      return make_error(Errc::io, "\"output\" may hold numbers, and null for what is none");
    values.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
  if (values.empty()) return make_error(Errc::io, "\"output\" is empty");
  answer.front().shape = {static_cast<std::int64_t>(values.size())};
  return take(sample, answer, *latency);
}

struct Heard {
  std::optional<double> load_ms;
  std::size_t answered = 0;
};

// Every line of the program, in order, until its output ends.
Result<Heard> hear(RunningProgram& program, std::size_t samples, const TakeAnswer& take) {
  Heard heard;
  Answer answer{{"output", "float32", {}, {}}};
  for (;;) {
    ARGOSY_TRY(const auto text, program.line());
    if (!text) return heard;
    const auto parsed = parse_json(*text, line_limits);
    if (!parsed || !parsed->is_object()) return make_error(Errc::io, "printed a line that is not a JSON object");
    const Json& line = *parsed;
    if (line.contains("error")) return error_said(line["error"]);
    if (!heard.load_ms) {
      heard.load_ms = number_in(line, "load_ms");
      if (!heard.load_ms) return make_error(Errc::io, "its first line has no \"load_ms\"");
      continue;
    }
    if (heard.answered == samples) return make_error(Errc::io, "answered more often than there are samples");
    ARGOSY_CHECK(take_output(line, heard.answered++, take, answer));
  }
}

}  // namespace

Result<ProgramRun> run_program(const ProgramJob& job, const Dataset* data, const TakeAnswer& take) {
  const std::string who = job.program.filename().string();
  const std::size_t samples = data ? data->size() : 0;
  Memory memory;
  ARGOSY_TRY(const Json told, job_json(job, data, memory));
  ARGOSY_TRY(RunningProgram program, RunningProgram::start(job.program, job.threads));
  ARGOSY_CHECK(program.tell(told.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  program.close_input();
  auto heard = hear(program, samples, take);
  if (!heard) return std::move(heard).error().within(who);
  // How it ended is worth more than what was missing from its output.
  RunningProgram::End end = program.wait();
  if (end.fault) return std::move(*end.fault).within(who);
  if (heard->load_ms && heard->answered == samples) return ProgramRun{*heard->load_ms, end.peak_memory_mb};
  return make_error(Errc::io, who + ": ended after " + std::to_string(heard->answered) + " of " +
                                  std::to_string(samples) + " samples" +
                                  (heard->load_ms ? "" : ", without \"load_ms\""));
}

}  // namespace argosy::agent
