// A metric of the device's owner: a program that reads answers and truths, a line of JSON a sample, and prints a value.
#include <cmath>

#include <nlohmann/json.hpp>

#include "agent/runner/grader.hpp"
#include "agent/runner/running_program.hpp"
#include "common/base/text.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::agent {
namespace {

using Json = nlohmann::json;

constexpr int metric_contract_version = 1;
constexpr int metric_threads = 1;
constexpr std::size_t max_complaint_bytes = 500;

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";  // what is not finite becomes null
}

Json output_json(const Output& output) {
  Json json{{"name", output.name}, {"type", output.type}, {"shape", output.shape}};
  if (output.texts.empty())
    json["values"] = output.values;
  else
    json["texts"] = output.texts;
  if (output.names_classes()) json["classes"] = output.classes;
  return json;
}

Json row_json(const NpyArray& array, std::size_t row) {
  Json list = Json::array();
  const std::size_t each = array.values_per_row();
  for (std::size_t i = row * each; i < (row + 1) * each; ++i) {
    if (is_text(array.type))
      list.push_back(array.text_at(i));
    else if (is_floating(array.type))
      list.push_back(array.at(i));
    else
      list.push_back(array.integer_at(i));
  }
  return list;
}

class ProgramGrader : public Grader {
 public:
  ProgramGrader(const Dataset& data, std::string who, RunningProgram program)
      : data_(&data), who_(std::move(who)), program_(std::move(program)) {}

  Result<Mark> add(std::size_t sample, const Answer& answer) override {
    Mark mark;
    Json line{{"sample", sample}, {"outputs", Json::array()}, {"truths", Json::object()}};
    for (const Output& output : answer) {
      mark.is_usable = mark.is_usable && is_finite(output);
      line["outputs"].push_back(output_json(output));
    }
    for (const NpzEntry& each : data_->arrays())
      if (&each != data_->samples() && each.array.rows() == data_->size() && !each.array.shape.empty())
        line["truths"][each.name] = row_json(each.array, sample);
    auto told = program_.tell(line_of(line));
    if (!told) return fault_of(std::move(told).error());
    return mark;
  }

  Result<void> finish(const Deadline&) override {
    program_.close_input();
    auto judged = judgement();
    if (!judged) return fault_of(std::move(judged).error());
    return {};
  }
  std::optional<double> value() const override { return value_; }
  std::optional<Interval> interval() const override { return interval_; }

 private:
  // Whatever is wrong with the program is not the model's fault.
  Error fault_of(Error error) const {
    error.code = Errc::unavailable;
    return std::move(error).within(who_);
  }
  Result<void> judgement() {
    ARGOSY_TRY(const auto line, program_.line());
    for (auto more = line; more;) {
      ARGOSY_TRY(more, program_.line());
    }
    RunningProgram::End end = program_.wait();
    if (end.fault) return std::move(*end.fault);
    const auto answer = parse_json(line.value_or(""));
    if (!answer || !answer->is_object())
      return make_error(Errc::io, "printed no JSON object such as {\"value\": 0.93}");
    if (answer->contains("error"))
      return make_error(Errc::io, shortened(text_in(*answer, "error"), max_complaint_bytes));
    value_ = number_in(*answer, "value");
    if (!value_ || !std::isfinite(*value_)) return make_error(Errc::io, "printed no \"value\" that is a number");
    const Json& bounds = list_in(*answer, "interval");
    if (bounds.size() == 2 && bounds[0].is_number() && bounds[1].is_number())
      interval_ = Interval{bounds[0].get<double>(), bounds[1].get<double>()};
    return {};
  }

  const Dataset* data_;
  std::string who_;
  RunningProgram program_;
  std::optional<double> value_;
  std::optional<Interval> interval_;
};

}  // namespace

Result<GraderPtr> make_program_grader(const Dataset& data, const std::string& name,
                                      const std::filesystem::path& program) {
  ARGOSY_TRY(RunningProgram running, RunningProgram::start(program, metric_threads));
  std::string who = "the program of metric exec-" + name;
  ARGOSY_CHECK(
      running.tell(line_of({{"contract", metric_contract_version}, {"metric", name}, {"samples", data.size()}})));
  return GraderPtr(std::make_unique<ProgramGrader>(data, std::move(who), std::move(running)));
}

}  // namespace argosy::agent
