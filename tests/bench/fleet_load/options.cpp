#include "tests/bench/fleet_load/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <variant>

namespace argosy::fleet_load {

namespace {

using Target = std::variant<std::string Options::*, std::size_t Options::*, double Options::*>;

struct Option {
  const char* name;
  const char* value;
  Target target;
  double least, most;  // of numbers
  const char* help;
};

constexpr double many = 1e9;
static_assert(std::is_same_v<std::size_t, std::uint64_t>);

const Option all_options[] = {
    {"--host", "ADDRESS", &Options::host, 0, 0, "the broker's address (127.0.0.1)"},
    {"--tls", "FOLDER", &Options::tls_folder, 0, 0,
     "with TLS; FOLDER holds ca.pem and ca.key, from which each device gets a certificate (also --mtls)"},
    {"--shared-user", "NAME", &Options::shared_user, 0, 0,
     "users NAME-1, NAME-2, ... of the broker may speak for every device (fleet-load)"},
    {"--shared-connections", "N", &Options::shared_connections, 1, 1000, "connections of these users (8)"},
    {"--database", "CONNINFO", &Options::database, 0, 0,
     "PostgreSQL of the server: ask it in the end which of the windows are stored"},
    {"--prefix", "TEXT", &Options::prefix, 0, 0, "devices are TEXT and a number (cam-)"},
    {"--first", "N", &Options::first, 1, many, "the first device's number (1)"},
    {"--digits", "N", &Options::digits, 1, 12, "digits of these numbers, with zeros before them (7)"},
    {"--devices", "N", &Options::devices, 1, 10'000'000, "how many devices (1000)"},
    {"--connections", "N", &Options::connections, 0, 10'000'000,
     "the first N have a connection of their own, the others share (default: all have)"},
    {"--digest", "HEX", &Options::digest, 0, 0, "of the model's file, for state documents"},
    {"--interval", "S", &Options::interval_s, 0, 86'400,
     "each device makes windows every S seconds (0: the next one when the last was acknowledged)"},
    {"--seconds", "S", &Options::seconds, 0, 1e7, "how long, from when all are connected (0: until a signal)"},
    {"--windows", "N", &Options::windows, 0, many, "stop after N windows in all (0: no bound)"},
    {"--batch", "N", &Options::batch, 1, 500, "windows a message (1)"},
    {"--most-records", "N", &Options::most_records, 1, 500, "records in a message after an outage (100)"},
    {"--in-flight", "N", &Options::in_flight, 1, 1'000'000, "records of all devices without an ack, at most (5000)"},
    {"--outbox", "N", &Options::outbox, 1, 10'000'000, "records that wait in a device; the oldest is dropped (10000)"},
    {"--health-every", "N", &Options::health_every, 0, many, "a health sample after N windows (0: none)"},
    {"--state", "S", &Options::state_s, 0, 86'400,
     "each device reports its state when it connects and every S seconds, and has a will (0: never)"},
    {"--connects-per-s", "N", &Options::connects_per_s, 1, 1e6, "at the beginning (2000)"},
    {"--answer-within", "S", &Options::answer_s, 0.05, 3600, "else a message is sent again (15)"},
    {"--retry", "S", &Options::retry_s, 0.001, 3600, "the first wait is up to S, each further one twice as long (1)"},
    {"--retry-cap", "S", &Options::retry_cap_s, 0.001, 86'400, "the longest wait (300)"},
    {"--drain", "S", &Options::drain_s, 0, 86'400, "at the end, wait so long for acks (60)"},
    {"--keep-alive", "S", &Options::keep_alive_s, 1, 600, "of each connection (30)"},
    {"--seed", "N", &Options::seed, 0, 9e15,
     "of all that is left to chance, but for how long is waited before something is tried again (1)"},
    {"--storm-every", "S", &Options::storm_every_s, 0, 1e7,
     "break connections every S seconds, all at once (0: never)"},
    {"--storm-share", "X", &Options::storm_share, 0, 1, "this part of them (1)"},
    {"--duplicates", "X", &Options::duplicates, 0, 1, "after this part of the acks the record is sent once more (0)"},
    {"--garbage", "X", &Options::garbage, 0, 1,
     "before this part of the messages one that is no CBOR, or is another device's (0)"},
    {"--skewed", "X", &Options::skewed, 0, 1, "this part of the devices has a wrong clock (0)"},
    {"--skew", "S", &Options::skew_s, 0, 1e9, "wrong by up to S seconds, either way (7200)"},
};

Error refused(const std::string& what) {
  return make_error(Errc::invalid_argument, what + "; --help lists the options");
}

std::string range_of(const Option& option) {
  char text[80];
  std::snprintf(text, sizeof text, "a number from %.10g to %.10g", option.least, option.most);
  return text;
}

Result<void> set_value(Options& options, const Option& option, const std::string& text) {
  if (const auto* word = std::get_if<std::string Options::*>(&option.target)) {
    options.** word = text;
    return {};
  }
  double number = NAN;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  const bool is_whole = std::holds_alternative<std::size_t Options::*>(option.target);
  const bool fits = parsed.ec == std::errc() && parsed.ptr == end && number >= option.least && number <= option.most &&
                    (!is_whole || number == std::floor(number));
  if (!fits)
    return refused(std::string(option.name) + " '" + text + "' must be " + (is_whole ? "whole, " : "") +
                   range_of(option));
  if (is_whole)
    options.*std::get<std::size_t Options::*>(option.target) = static_cast<std::size_t>(number);
  else
    options.*std::get<double Options::*>(option.target) = number;
  return {};
}

// What is part of the shape of windows, or of another kind than a table holds.
struct Special {
  const char* name;
  const char* value;
  const char* help;
};
const Special specials[] = {
    {"--port", "N", "the broker's port; needed"},
    {"--rate", "N", "windows a second of all devices together, in place of --interval"},
    {"--model", "NAME", "model that windows are of (digits)"},
    {"--release", "VERSION", "its version (1.0)"},
    {"--features", "N", "features of a window, up to 64 (4)"},
    {"--bins", "N", "bins of a feature, 4 to 258 (23)"},
    {"--classes", "N", "classes of a window, up to 1024 (10)"},
    {"--inferences", "N", "inferences of a window, 1 to 100000 (300)"},
};

Result<std::size_t> whole(const std::string& name, const std::string& text, std::size_t least, std::size_t most) {
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end && number >= least && number <= most) return number;
  return refused(name + " '" + text + "' must be a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most));
}

Result<double> rate_of(const std::string& text) {
  double rate = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, rate);
  if (parsed.ec == std::errc() && parsed.ptr == end && rate > 0 && rate <= 1e6) return rate;
  return refused("--rate '" + text + "' must be a number over 0, up to 1000000");
}

struct Parsed {
  Options options;
  double rate = 0;
  bool has_connections = false;
};

Result<void> set_special(Parsed& parsed, const std::string& name, const std::string& text) {
  WindowShape& shape = parsed.options.shape;
  if (name == "--model") return shape.model = text, Result<void>();
  if (name == "--release") return shape.version = text, Result<void>();
  if (name == "--rate") {
    ARGOSY_TRY(parsed.rate, rate_of(text));
    return {};
  }
  if (name == "--port") {
    ARGOSY_TRY(const auto port, whole(name, text, 1, 65'535));
    parsed.options.port = static_cast<std::uint16_t>(port);
    return {};
  }
  if (name == "--features") {
    ARGOSY_TRY(shape.features, whole(name, text, 0, 64));
    return {};
  }
  if (name == "--bins") {
    ARGOSY_TRY(shape.bins, whole(name, text, 4, 258));
    return {};
  }
  if (name == "--classes") {
    ARGOSY_TRY(shape.classes, whole(name, text, 0, 1024));
    return {};
  }
  ARGOSY_TRY(shape.inferences, whole(name, text, 1, 100'000));
  return {};
}

Result<void> set_option(Parsed& parsed, const std::string& given, const std::string* value) {
  const std::string name = given == "--mtls" ? "--tls" : given;
  const auto has_name = [&name](const auto& option) { return option.name == name; };
  const auto* option = std::find_if(std::begin(all_options), std::end(all_options), has_name);
  const auto* special = std::find_if(std::begin(specials), std::end(specials), has_name);
  if (option == std::end(all_options) && special == std::end(specials)) return refused("'" + given + "' is no option");
  if (value == nullptr) return refused(given + " lacks its value");
  if (special != std::end(specials)) return set_special(parsed, name, *value);
  if (name == "--connections") parsed.has_connections = true;
  return set_value(parsed.options, *option, *value);
}

// What only shows when all is read.
Result<Options> whole_of(Parsed parsed) {
  Options& options = parsed.options;
  if (options.shows_help || options.shows_reference) return std::move(options);
  if (options.port == 0) return refused("--port is missing");
  if (!parsed.has_connections) options.connections = options.devices;
  if (options.connections > options.devices)
    return refused("--connections " + std::to_string(options.connections) + " are more than the " +
                   std::to_string(options.devices) + " devices");
  if (parsed.rate > 0 && options.interval_s > 0) return refused("--rate and --interval say the same; give one");
  if (parsed.rate > 0) options.interval_s = static_cast<double>(options.devices * options.batch) / parsed.rate;
  if (options.batch > options.most_records) options.most_records = options.batch;
  return std::move(options);
}

std::string line_of(const char* name, const char* value, const char* help) {
  char text[200];
  std::snprintf(text, sizeof text, "  %-28s %s\n", (std::string(name) + " " + value).c_str(), help);
  return text;
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Parsed parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--help" || name == "-h") {
      parsed.options.shows_help = true;
    } else if (name == "--reference") {
      parsed.options.shows_reference = true;
    } else {
      const std::string* value = i + 1 < arguments.size() ? &arguments[i + 1] : nullptr;
      ARGOSY_CHECK(set_option(parsed, name, value));
      ++i;
    }
  }
  return whole_of(std::move(parsed));
}

std::string usage() {
  std::string text =
      "usage: argosy-fleet-load --port N [OPTION...]\n"
      "Many simulated devices, each with an outbox, that send telemetry to an Argosy server over MQTT. At the end, or "
      "on SIGINT\n"
      "or SIGTERM (a second one ends it at once), one JSON object on stdout says what became of it; progress goes to "
      "stderr.\n"
      "SIGUSR1 breaks connections (--storm-share of them) at once. The same seed makes the same devices, windows and "
      "faults; only the outboxes "
      "are "
      "new ones\n"
      "each time, and when something is sent depends on the machine.\n\n";
  for (const Special& option : specials) text += line_of(option.name, option.value, option.help);
  for (const Option& option : all_options) text += line_of(option.name, option.value, option.help);
  text += line_of("--reference", "", "print what the release says of the features of these windows, and end");
  text +=
      "exit status: 0 all that was sent is acknowledged, and with --database stored once; 1 not so; 2 wrong usage\n";
  return text;
}

}  // namespace argosy::fleet_load
