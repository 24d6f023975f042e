#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "cli/label_file.hpp"
#include "cli/listing.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr std::size_t labels_a_request = 500;
constexpr std::size_t most_problems_shown = 20;
constexpr std::size_t most_problems_kept = 1000;

struct AddOptions {
  std::string file;
  std::string device, model, id, label, predicted_at, source;
  bool dry_run = false;
};

struct ListOptions {
  std::string device, model, state;
  std::size_t limit = 100;
};

struct Problem {
  std::size_t line = 0;
  std::string message;
};

// Sends labels as they come, so many at a time, and adds up what became of them.
class LabelSender {
 public:
  LabelSender(const Context& context, std::optional<ApiClient> api) : context_(context), api_(std::move(api)) {}

  Result<void> take(std::size_t line, Result<json> label) {
    if (!label) {
      refuse(line, label.error().message);
      return {};
    }
    lines_.push_back(line);
    labels_.push_back(std::move(*label));
    return labels_.size() >= labels_a_request ? flush() : Result<void>();
  }

  Result<void> flush() {
    if (labels_.empty()) return {};
    const std::size_t count = labels_.size();
    if (!api_) accepted_ += count;
    if (api_) {
      const auto answer = api_->post("/labels", {{"labels", labels_}});
      if (!answer)
        return Error(answer.error())
            .within("labels from line " + std::to_string(lines_.front()) +
                    " on were not told; tell all of them again, those that arrived count once");
      take_verdicts(*answer);
    }
    labels_ = json::array();
    lines_.clear();
    print_note(context_.output, std::to_string(accepted_ + repeated_ + refused_) + " labels");
    return {};
  }

  int report() const {
    if (context_.output.json) {
      json problems = json::array();
      for (const Problem& problem : problems_)
        problems.push_back({{"line", problem.line}, {"message", problem.message}});
      print_json({{"accepted", accepted_},
                  {"repeated", repeated_},
                  {"refused", refused_},
                  {"dry_run", !api_.has_value()},
                  {"problems", std::move(problems)}});
      return refused_ > 0 ? exit_failed : exit_ok;
    }
    for (std::size_t i = 0; i < std::min(problems_.size(), most_problems_shown); ++i)
      std::fprintf(stderr, "line %zu: %s\n", problems_[i].line, problems_[i].message.c_str());
    if (refused_ > most_problems_shown) std::fprintf(stderr, "... and %zu more\n", refused_ - most_problems_shown);
    std::printf(
        api_ ? "%zu accepted, %zu told before, %zu refused\n" : "%zu would be told, %zu told before, %zu refused\n",
        accepted_, repeated_, refused_);
    return refused_ > 0 ? exit_failed : exit_ok;
  }

 private:
  void refuse(std::size_t line, std::string message) {
    ++refused_;
    if (problems_.size() < most_problems_kept) problems_.push_back({line, std::move(message)});
  }

  void take_verdicts(const json& answer) {
    for (const json& item : list_in(answer, "items")) {
      const std::string status = text_in(item, "status");
      if (status == "accepted") ++accepted_;
      if (status == "repeated") ++repeated_;
      const auto index = static_cast<std::size_t>(number_in(item, "index").value_or(0));
      if (status == "refused") refuse(index < lines_.size() ? lines_[index] : 0, text_in(item, "message"));
    }
  }

  const Context& context_;
  std::optional<ApiClient> api_;  // none: nothing is sent
  json labels_ = json::array();
  std::vector<std::size_t> lines_;
  std::vector<Problem> problems_;
  std::size_t accepted_ = 0, repeated_ = 0, refused_ = 0;
};

Result<void> send_file(LabelSender& sender, std::istream& in) {
  LabelFile file(in);
  for (;;) {
    ARGOSY_TRY(auto line, file.next());
    if (!line) return sender.flush();
    ARGOSY_CHECK(sender.take(line->number, std::move(line->label)));
  }
}

json label_of(const AddOptions& options) {
  json label;
  const std::pair<const char*, const std::string*> fields[] = {
      {"device", &options.device}, {"model", &options.model},   {"id", &options.id},
      {"label", &options.label},   {"source", &options.source}, {"predicted_at", &options.predicted_at}};
  for (const auto& [name, value] : fields)
    if (!value->empty()) label[name] = *value;
  return label;
}

Result<int> add_labels(const Context& context, const AddOptions& options) {
  std::optional<ApiClient> api;
  if (!options.dry_run) {
    ARGOSY_TRY(api, context.api());
  }
  LabelSender sender(context, std::move(api));
  if (options.file.empty()) {
    ARGOSY_CHECK(sender.take(1, checked_label(label_of(options))));
    ARGOSY_CHECK(sender.flush());
    return sender.report();
  }
  std::ifstream opened;
  if (options.file != "-") {
    opened.open(options.file);
    if (!opened) return make_error(Errc::not_found, "cannot read " + options.file);
  }
  ARGOSY_CHECK(send_file(sender, options.file == "-" ? std::cin : opened));
  return sender.report();
}

Result<int> list_labels(const Context& context, const ListOptions& options) {
  return print_list(
      context, with_query("/labels", {{"device", options.device}, {"model", options.model}, {"state", options.state}}),
      {{"ID", "/id"},
       {"MODEL", "/model"},
       {"LABEL", "/label"},
       {"STATE", "/state"},
       {"TOLD", "/told_at"},
       {"SETTLED", "/settled_at"},
       {"BY", "/told_by"},
       {"SOURCE", "/source"}},
      options.limit);
}

Result<int> show_status(const Context& context, const std::string& device) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json status, api.get(with_query("/labels/status", {{"device", device}})));
  if (context.output.json) {
    print_json(status);
    return exit_ok;
  }
  if (status.value("takes_labels", json()) == json(false)) std::printf("Its agent takes no labels: update it.\n");
  std::printf(
      "Waiting: %s%s\n", cell(status, "/waiting").c_str(),
      status.value("waiting_since", json()).is_null() ? "" : (" since " + cell(status, "/waiting_since")).c_str());
  return print_items(context.output, list_in(status, "counts"),
                     {{"MODEL", "/model"},
                      {"STATE", "/state"},
                      {"LABELS", "/labels"},
                      {"NEWEST", "/newest_at"},
                      {"MEANS", "/message"}});
}

}  // namespace

void add_label_commands(CLI::App& root, Context& context) {
  auto* labels =
      root.add_subcommand("labels", "What was right, told after devices predicted: tell it, and see what counts")
          ->require_subcommand(1);

  auto told = std::make_shared<AddOptions>();
  auto* add =
      labels->add_subcommand("add", "Tell labels: one, or a file of them; each counts once, however often it is told");
  auto* file = add->add_option("file", told->file,
                               "CSV with a line of names (device, model, id, label; predicted_at, source), or a JSON "
                               "object a line; - for standard input");
  add->add_option("--device", told->device, "Device that predicted")->excludes(file);
  add->add_option("--model", told->model, "Model that predicted")->excludes(file);
  add->add_option("--id", told->id, "Id that the program gave the observation")->excludes(file);
  add->add_option("--label", told->label, "The class that was right")->excludes(file);
  add->add_option("--predicted-at", told->predicted_at, "When the inference was, where it is known")->excludes(file);
  add->add_option("--source", told->source, "Who or what found out, in at most 64 characters")->excludes(file);
  add->add_flag("--dry-run", told->dry_run, "Check the labels, and tell none");
  add->callback([&context, told] { context.chosen = [&context, told] { return add_labels(context, *told); }; });

  auto listed = std::make_shared<ListOptions>();
  auto* list = labels->add_subcommand("list", "The labels told of a device in the last two weeks, newest first");
  list->add_option("device", listed->device, "Id of the device")->required();
  list->add_option("--model", listed->model, "Only of this model");
  list->add_option(
      "--state", listed->state,
      "Only in this state: waiting, counted, labelled_before, unknown, too_late, other_model, expired, revoked");
  list->add_option("--limit", listed->limit, "At most so many")->check(CLI::Range(1, 10000));
  list->callback([&context, listed] { context.chosen = [&context, listed] { return list_labels(context, *listed); }; });

  auto device = std::make_shared<std::string>();
  auto* status = labels->add_subcommand("status", "What became of labels, of the fleet or of a device");
  status->add_option("device", *device, "Id of the device");
  status->callback(
      [&context, device] { context.chosen = [&context, device] { return show_status(context, *device); }; });
}

}  // namespace argosy::cli
