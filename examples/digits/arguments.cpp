#include "examples/digits/arguments.hpp"

#include <stdexcept>
#include <string_view>

namespace digits {

const char* const usage =
    "usage: argosy-digits-classifier --model PATH/current --data field.npz [options]\n"
    "Classifies images of handwritten digits for ever, as a device's inference program would.\n"
    "  --socket FILE      the agent's socket for observations\n"
    "  --pid-file FILE    where this program writes its process id, for the agent's SIGHUP\n"
    "  --rate N           images a second, 0.01..10000, default 10\n"
    "  --label-share N    share of the images whose label becomes known, 0..1, default 0.5\n"
    "  --seed N           of the images' order, default 1\n"
    "  --control FILE     faults for demonstrations: {\"blur\": true, \"slow_ms\": 5}, looked at once a second\n"
    "signals: SIGHUP loads the model again, SIGTERM and SIGINT end the program\n";

namespace {

double number(std::string_view flag, const std::string& text, double lowest, double highest) {
  std::size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
  }
  if (used == 0 || used != text.size() || !(value >= lowest && value <= highest))
    throw std::invalid_argument(std::string(flag) + " '" + text + "': a number from " + std::to_string(lowest) +
                                " to " + std::to_string(highest) + " is needed");
  return value;
}

}  // namespace

Arguments parse_arguments(int argc, const char* const* argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc) throw std::invalid_argument(std::string(flag) + " needs a value");
    const std::string value = argv[i + 1];
    if (flag == "--model")
      arguments.model = value;
    else if (flag == "--data")
      arguments.data = value;
    else if (flag == "--socket")
      arguments.socket = value;
    else if (flag == "--control")
      arguments.control = value;
    else if (flag == "--pid-file")
      arguments.pid_file = value;
    else if (flag == "--rate")
      arguments.rate = number(flag, value, 0.01, 10000);
    else if (flag == "--label-share")
      arguments.label_share = number(flag, value, 0, 1);
    else if (flag == "--seed")
      arguments.seed = static_cast<std::uint64_t>(number(flag, value, 0, 1e15));
    else
      throw std::invalid_argument("'" + std::string(flag) + "' is no option");
  }
  if (arguments.model.empty() || arguments.data.empty()) throw std::invalid_argument("--model and --data are needed");
  return arguments;
}

}  // namespace digits
