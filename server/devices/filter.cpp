#include "server/devices/filter.hpp"

#include <algorithm>
#include <array>

#include "common/base/version_range.hpp"
#include "common/wire/selector.hpp"

namespace argosy::server {

namespace {

constexpr CapabilityField version_field(std::string_view name) {
  return {name, CapabilityKind::version, name};
}
constexpr std::array other_capabilities{CapabilityField{"architecture", CapabilityKind::word, "{architecture}"},
                                        CapabilityField{"board", CapabilityKind::word, "{board}"},
                                        CapabilityField{"cpu", CapabilityKind::word, "{cpu}"},
                                        CapabilityField{"accelerators", CapabilityKind::list, "{accelerators}"},
                                        CapabilityField{"compatible", CapabilityKind::list, "{compatible}"},
                                        CapabilityField{"cpu_features", CapabilityKind::list, "{cpu_features}"},
                                        CapabilityField{"parts", CapabilityKind::list, "{parts}"},
                                        CapabilityField{"precisions", CapabilityKind::list, "{precisions}"},
                                        CapabilityField{"runtime_versions", CapabilityKind::list, "{runtime_versions}"},
                                        CapabilityField{"runtimes", CapabilityKind::list, "{runtimes}"},
                                        CapabilityField{"cores", CapabilityKind::number, "{cores}"},
                                        CapabilityField{"ir", CapabilityKind::number, "{onnx,ir}"},
                                        CapabilityField{"memory_mb", CapabilityKind::number, "{memory_mb}"},
                                        CapabilityField{"opset", CapabilityKind::number, "{onnx,opset}"}};

constexpr auto capabilities_known = [] {
  std::array<CapabilityField, other_capabilities.size() + wire::version_names.size()> all{};
  std::size_t at = 0;
  for (const CapabilityField& field : other_capabilities) all[at++] = field;
  for (const std::string_view name : wire::version_names) all[at++] = version_field(name);
  return all;
}();

std::string names_of_capabilities() {
  std::string names;
  for (const CapabilityField& field : capabilities_known)
    names += (names.empty() ? "" : ", ") + std::string(field.name);
  return names;
}

enum class TokenKind : std::uint8_t {
  word,
  quoted,
  equal,
  not_equal,
  contains,
  less,
  at_most,
  over,
  at_least,
  series,
  open,
  close,
  end
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;        // of a word or a quoted value, unescaped
  std::size_t column = 1;  // where it starts
};

Error syntax_error(std::size_t column, const std::string& what) {
  return make_error(Errc::filter_syntax, "column " + std::to_string(column) + ": " + what);
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || c == '+';
}

std::string shown(const Token& token) {
  switch (token.kind) {
    case TokenKind::end:
      return "the end of the filter";
    case TokenKind::quoted:
      return '"' + token.text + '"';
    case TokenKind::word:
      return token.text;
    case TokenKind::equal:
      return "=";
    case TokenKind::not_equal:
      return "!=";
    case TokenKind::contains:
      return ":";
    case TokenKind::less:
      return "<";
    case TokenKind::at_most:
      return "<=";
    case TokenKind::over:
      return ">";
    case TokenKind::at_least:
      return ">=";
    case TokenKind::series:
      return "~";
    case TokenKind::open:
      return "(";
    case TokenKind::close:
      return ")";
  }
  return "";
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Token> next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    Token token{TokenKind::end, {}, at_ + 1};
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (c == '"') return quoted();
    if (is_word_byte(c)) return word();
    if (c == '!' && at_ + 1 < text_.size() && text_[at_ + 1] == '=') {
      at_ += 2;
      token.kind = TokenKind::not_equal;
      return token;
    }
    const bool with_equal = at_ + 1 < text_.size() && text_[at_ + 1] == '=';
    if (c == '<' || c == '>') {
      at_ += with_equal ? 2 : 1;
      const auto strict = c == '<' ? TokenKind::less : TokenKind::over;
      token.kind = !with_equal ? strict : c == '<' ? TokenKind::at_most : TokenKind::at_least;
      return token;
    }
    ++at_;
    switch (c) {
      case '=':
        token.kind = TokenKind::equal;
        return token;
      case ':':
        token.kind = TokenKind::contains;
        return token;
      case '~':
        token.kind = TokenKind::series;
        return token;
      case '(':
        token.kind = TokenKind::open;
        return token;
      case ')':
        token.kind = TokenKind::close;
        return token;
      default:
        break;
    }
    return syntax_error(token.column, "unexpected " + printable(c) + "; put values in double quotes");
  }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  static std::string printable(char c) {
    if (c > ' ' && c < 0x7f) return std::string("'") + c + "'";
    return "byte " + std::to_string(static_cast<unsigned char>(c));
  }

  Token word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_word_byte(text_[at_])) ++at_;
    return {TokenKind::word, std::string(text_.substr(start, at_ - start)), start + 1};
  }

  Result<Token> quoted() {
    Token token{TokenKind::quoted, {}, at_ + 1};
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
        if (at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\\'))
          return syntax_error(at_, "a backslash stands before \" or \\ only");
      }
      token.text += text_[at_];
    }
    if (at_ == text_.size()) return syntax_error(token.column, "this quote is not closed");
    if (!is_text(token.text)) return syntax_error(token.column, "this value is not UTF-8 text");
    ++at_;
    return token;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<Filter> filter() {
    ARGOSY_CHECK(advance());
    if (token_.kind == TokenKind::end) return Filter{};
    ARGOSY_TRY(FilterNode root, expression(0));
    if (token_.kind != TokenKind::end) return unexpected("AND, OR or the end of the filter");
    return Filter{std::move(root)};
  }

 private:
  // term { AND term } or term { OR term }: AIP-160 lets OR bind tighter, SQL lets AND, so a mixture is refused.
  Result<FilterNode> expression(int depth) {
    ARGOSY_TRY(FilterNode first, term(depth));
    if (!is_word("AND") && !is_word("OR")) return first;
    const std::string joint = token_.text;
    FilterNode node;
    node.kind = joint == "AND" ? FilterNode::Kind::all_of : FilterNode::Kind::any_of;
    node.children.push_back(std::move(first));
    while (is_word("AND") || is_word("OR")) {
      if (token_.text != joint)
        return syntax_error(token_.column, "AND and OR are mixed: say with parentheses which belong together");
      ARGOSY_CHECK(advance());
      ARGOSY_TRY(FilterNode next, term(depth));
      node.children.push_back(std::move(next));
    }
    return node;
  }

  Result<FilterNode> term(int depth) {
    const bool negated = is_word("NOT");
    if (!negated && token_.kind != TokenKind::open) return comparison();
    if (depth == max_filter_depth)
      return syntax_error(token_.column, "nested deeper than " + std::to_string(max_filter_depth) + " levels");
    const std::size_t column = token_.column;
    ARGOSY_CHECK(advance());
    if (negated) {
      ARGOSY_TRY(FilterNode inner, term(depth + 1));
      FilterNode node;
      node.kind = FilterNode::Kind::negation;
      node.children.push_back(std::move(inner));
      return node;
    }
    ARGOSY_TRY(FilterNode inner, expression(depth + 1));
    if (token_.kind != TokenKind::close) return unexpected("AND, OR or the ) of column " + std::to_string(column));
    ARGOSY_CHECK(advance());
    return inner;
  }

  Result<FilterNode> comparison() {
    FilterNode node;
    ARGOSY_CHECK(field(node.comparison));
    ARGOSY_CHECK(comparison_operator(node.comparison));
    ARGOSY_CHECK(value(node.comparison));
    return node;
  }

  Result<void> field(FilterComparison& comparison) {
    static constexpr std::string_view known =
        "a field: id, hardware_class, presence, intermittent, agent_version, labels.<key>, model.<name> or "
        "capabilities.<name>";
    if (token_.kind != TokenKind::word) return unexpected(known);
    const std::string name = token_.text;
    if (name == "id") {
      comparison.field = FilterField::id;
    } else if (name == "hardware_class") {
      comparison.field = FilterField::hardware_class;
    } else if (name == "presence") {
      comparison.field = FilterField::presence;
    } else if (name == "intermittent") {
      comparison.field = FilterField::intermittent;
    } else if (name == "agent_version") {
      comparison.field = FilterField::agent_version;
    } else if (name.starts_with("labels.")) {
      comparison.field = FilterField::label;
      comparison.key = name.substr(7);
    } else if (name.starts_with("model.")) {
      comparison.field = FilterField::model;
      comparison.key = name.substr(6);
    } else if (name.starts_with("capabilities.")) {
      comparison.field = FilterField::capability;
      comparison.key = name.substr(13);
    } else {
      return unexpected(known);
    }
    if (comparison.field == FilterField::capability && capability_of(comparison) == nullptr)
      return syntax_error(token_.column, "there is no such capability; there are " + names_of_capabilities());
    const bool keyed = comparison.field == FilterField::label || comparison.field == FilterField::model;
    if (keyed && !is_name(comparison.key))
      return syntax_error(token_.column, "the key '" + comparison.key + "' does not match [A-Za-z0-9_-]{1,64}");
    return advance();
  }

  Result<void> comparison_operator(FilterComparison& comparison) {
    const bool of_order = token_.kind == TokenKind::less || token_.kind == TokenKind::at_most ||
                          token_.kind == TokenKind::over || token_.kind == TokenKind::at_least ||
                          token_.kind == TokenKind::series;
    if (of_order && !has_order(comparison))
      return syntax_error(token_.column,
                          "only versions and numbers among the capabilities have an order; write =, != or :");
    if (token_.kind == TokenKind::contains && comparison.field == FilterField::intermittent)
      return syntax_error(token_.column, "intermittent is true or false; write = or !=");
    if (token_.kind == TokenKind::contains && has_order(comparison))
      return syntax_error(token_.column, "a version or a number contains nothing; write =, !=, <, <=, >, >= or ~");
    switch (token_.kind) {
      case TokenKind::equal:
        comparison.op = FilterOperator::equal;
        break;
      case TokenKind::not_equal:
        comparison.op = FilterOperator::not_equal;
        break;
      case TokenKind::contains:
        comparison.op = FilterOperator::contains;
        break;
      case TokenKind::less:
        comparison.op = FilterOperator::less;
        break;
      case TokenKind::at_most:
        comparison.op = FilterOperator::at_most;
        break;
      case TokenKind::over:
        comparison.op = FilterOperator::over;
        break;
      case TokenKind::at_least:
        comparison.op = FilterOperator::at_least;
        break;
      case TokenKind::series:
        comparison.op = FilterOperator::series;
        break;
      default:
        return unexpected("=, != or :");
    }
    return advance();
  }

  Result<void> value(FilterComparison& comparison) {
    const bool keyword = is_word("AND") || is_word("OR") || is_word("NOT");
    if ((token_.kind != TokenKind::word && token_.kind != TokenKind::quoted) || keyword)
      return unexpected("a value in double quotes");
    const bool whole = comparison.op != FilterOperator::contains;
    if (comparison.field == FilterField::presence && whole && !parse_presence(token_.text))
      return unexpected("online, late, offline or never_seen");
    if (comparison.field == FilterField::intermittent && token_.text != "true" && token_.text != "false")
      return unexpected("true or false");
    if (has_order(comparison) && !is_bound(comparison, token_.text))
      return unexpected(capability_of(comparison)->kind == CapabilityKind::number
                            ? "a whole number of at most " + std::to_string(most_version_digits) + " digits"
                            : std::string("a version: numbers with dots between them"));
    comparison.value = token_.text;
    return advance();
  }

  // Digits, and in a version dots.
  static bool is_bound(const FilterComparison& comparison, const std::string& text) {
    const bool with_dots = capability_of(comparison)->kind == CapabilityKind::version;
    const auto may_be = [&](char c) { return (c >= '0' && c <= '9') || (with_dots && c == '.'); };
    const std::size_t most = with_dots ? most_version_digits * most_version_numbers : most_version_digits;
    return text.size() <= most && std::all_of(text.begin(), text.end(), may_be) && VersionNumber::of(text).has_value();
  }

  bool is_word(std::string_view text) const { return token_.kind == TokenKind::word && token_.text == text; }

  Error unexpected(std::string_view wanted) const {
    return syntax_error(token_.column, "expected " + std::string(wanted) + ", found " + shown(token_));
  }

  Result<void> advance() {
    ARGOSY_TRY(token_, lexer_.next());
    return {};
  }

  Lexer lexer_;
  Token token_;
};

// The text that a comparison looks at; nothing when the device does not have it.
std::optional<std::string_view> looked_at(const FilterComparison& comparison, const Device& device) {
  switch (comparison.field) {
    case FilterField::id:
      return device.id.value();
    case FilterField::hardware_class:
      return device.hardware_class;
    case FilterField::presence:
      return to_string(device.presence);
    case FilterField::intermittent:
      return device.intermittent_until ? "true" : "false";
    case FilterField::agent_version:
      return device.agent_version;
    case FilterField::label: {
      const auto found = device.labels.find(comparison.key);
      if (found == device.labels.end()) return std::nullopt;
      return found->second;
    }
    case FilterField::model:
      for (const InstalledModel& model : device.models)
        if (model.model == comparison.key && !model.version.empty()) return model.version;
      return std::nullopt;
    case FilterField::capability:
      break;  // has its own
  }
  return std::nullopt;
}

std::vector<std::string> one_unless_empty(const std::string& word) {
  return word.empty() ? std::vector<std::string>{} : std::vector<std::string>{word};
}

std::vector<std::string> words_of(std::string_view name, const wire::Capabilities& capabilities) {
  const wire::Inventory& inventory = capabilities.inventory;
  if (name == "accelerators") return capabilities.accelerators;
  if (name == "runtimes") return capabilities.runtimes;
  if (name == "runtime_versions") return capabilities.runtime_versions;
  if (name == "precisions") return capabilities.precisions;
  if (name == "compatible") return inventory.compatible;
  if (name == "cpu_features") return inventory.cpu_features;
  if (name == "parts") return inventory.parts;
  if (name == "board") return one_unless_empty(inventory.board);
  if (name == "cpu") return one_unless_empty(inventory.cpu);
  return one_unless_empty(capabilities.architecture);
}

VersionOperator order_of(FilterOperator op) {
  switch (op) {
    case FilterOperator::less:
      return VersionOperator::less;
    case FilterOperator::at_most:
      return VersionOperator::at_most;
    case FilterOperator::over:
      return VersionOperator::over;
    case FilterOperator::at_least:
      return VersionOperator::at_least;
    case FilterOperator::series:
      return VersionOperator::series;
    default:
      return VersionOperator::equal;
  }
}

// Of a device that never said none holds but "not equal".
bool capability_holds(const FilterComparison& comparison, const Device& device) {
  auto decoded = wire::decode_capabilities(device.capabilities_json);
  const wire::Capabilities capabilities = decoded ? std::move(*decoded) : wire::Capabilities{};
  const bool is_ordered = has_order(comparison);
  const auto bound = VersionNumber::of(comparison.value);
  const auto does = [&](const std::string& told) {
    if (comparison.op == FilterOperator::contains) return told.find(comparison.value) != std::string::npos;
    if (!is_ordered) return told == comparison.value;
    const auto version = VersionNumber::of(told);
    return version && bound && argosy::holds(*version, order_of(comparison.op), *bound);
  };
  const auto told =
      is_ordered ? wire::ranged_values(capabilities, comparison.key) : words_of(comparison.key, capabilities);
  return std::any_of(told.begin(), told.end(), does) != (comparison.op == FilterOperator::not_equal);
}

bool holds(const FilterComparison& comparison, const Device& device) {
  if (comparison.field == FilterField::capability) return capability_holds(comparison, device);
  const auto text = looked_at(comparison, device);
  switch (comparison.op) {
    case FilterOperator::equal:
      return text == comparison.value;
    case FilterOperator::not_equal:
      return text != comparison.value;
    case FilterOperator::contains:
      return text && text->find(comparison.value) != std::string_view::npos;
    default:
      return false;  // of order: a capability's
  }
  return false;
}

bool holds(const FilterNode& node, const Device& device) {
  const auto child_holds = [&](const FilterNode& child) { return holds(child, device); };
  switch (node.kind) {
    case FilterNode::Kind::comparison:
      return holds(node.comparison, device);
    case FilterNode::Kind::negation:
      return !holds(node.children.front(), device);
    case FilterNode::Kind::all_of:
      return std::all_of(node.children.begin(), node.children.end(), child_holds);
    case FilterNode::Kind::any_of:
      return std::any_of(node.children.begin(), node.children.end(), child_holds);
  }
  return false;
}

}  // namespace

const CapabilityField* capability_of(const FilterComparison& comparison) {
  if (comparison.field != FilterField::capability) return nullptr;
  const auto found = std::find_if(capabilities_known.begin(), capabilities_known.end(),
                                  [&](const CapabilityField& field) { return field.name == comparison.key; });
  return found == capabilities_known.end() ? nullptr : &*found;
}

bool has_order(const FilterComparison& comparison) {
  const CapabilityField* field = capability_of(comparison);
  return field != nullptr && (field->kind == CapabilityKind::number || field->kind == CapabilityKind::version);
}

Result<Filter> parse_filter(std::string_view text) {
  if (text.size() > max_filter_bytes)
    return syntax_error(max_filter_bytes + 1, "a filter may have at most " + std::to_string(max_filter_bytes) +
                                                  " bytes; this one has " + std::to_string(text.size()));
  return Parser(text).filter();
}

bool covers(const Filter& wide, const Filter& narrow) {
  return !wide.root || wide == narrow;
}

bool matches(const Filter& filter, const Device& device) {
  return !filter.root || holds(*filter.root, device);
}

}  // namespace argosy::server
