#include "server/devices/filter.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/wire/state.hpp"

namespace argosy::server {

namespace {

constexpr std::string_view architecture = "architecture";
constexpr std::string_view memory_mb = "memory_mb";
constexpr std::array capability_names{architecture,
                                      std::string_view("accelerators"),
                                      std::string_view("runtimes"),
                                      std::string_view("runtime_versions"),
                                      std::string_view("precisions"),
                                      memory_mb};
constexpr std::size_t most_digits = 15;

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
    const auto& names = capability_names;
    if (comparison.field == FilterField::capability &&
        std::find(names.begin(), names.end(), comparison.key) == names.end())
      return syntax_error(token_.column,
                          "there is no such capability; there are architecture, accelerators, runtimes, "
                          "runtime_versions, precisions and memory_mb");
    const bool keyed = comparison.field == FilterField::label || comparison.field == FilterField::model;
    if (keyed && !is_name(comparison.key))
      return syntax_error(token_.column, "the key '" + comparison.key + "' does not match [A-Za-z0-9_-]{1,64}");
    return advance();
  }

  Result<void> comparison_operator(FilterComparison& comparison) {
    const bool of_order = token_.kind == TokenKind::less || token_.kind == TokenKind::at_most ||
                          token_.kind == TokenKind::over || token_.kind == TokenKind::at_least;
    if (of_order && !is_number(comparison))
      return syntax_error(token_.column, "only capabilities.memory_mb has an order; write =, != or :");
    if (token_.kind == TokenKind::contains && comparison.field == FilterField::intermittent)
      return syntax_error(token_.column, "intermittent is true or false; write = or !=");
    if (token_.kind == TokenKind::contains && is_number(comparison))
      return syntax_error(token_.column, "a number contains nothing; write =, !=, <, <=, > or >=");
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
    if (is_number(comparison) && !is_whole_number(token_.text))
      return unexpected("a whole number of at most " + std::to_string(most_digits) + " digits");
    comparison.value = token_.text;
    return advance();
  }

  static bool is_whole_number(const std::string& text) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !text.empty() && text.size() <= most_digits && std::all_of(text.begin(), text.end(), is_digit);
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

std::uint64_t number_of(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Of a device that never said, or said 0, none holds but "not equal".
bool memory_holds(const FilterComparison& comparison, std::uint64_t memory) {
  const auto value = number_of(comparison.value);
  switch (comparison.op) {
    case FilterOperator::not_equal:
      return memory == 0 || memory != value;
    case FilterOperator::equal:
      return memory != 0 && memory == value;
    case FilterOperator::less:
      return memory != 0 && memory < value;
    case FilterOperator::at_most:
      return memory != 0 && memory <= value;
    case FilterOperator::over:
      return memory != 0 && memory > value;
    case FilterOperator::at_least:
      return memory != 0 && memory >= value;
    case FilterOperator::contains:
      break;
  }
  return false;
}

std::vector<std::string> words_of(const std::string& name, const wire::Capabilities& capabilities) {
  if (name == "accelerators") return capabilities.accelerators;
  if (name == "runtimes") return capabilities.runtimes;
  if (name == "runtime_versions") return capabilities.runtime_versions;
  if (name == "precisions") return capabilities.precisions;
  if (capabilities.architecture.empty()) return {};
  return {capabilities.architecture};
}

bool capability_holds(const FilterComparison& comparison, const Device& device) {
  auto decoded = wire::decode_capabilities(device.capabilities_json);
  const wire::Capabilities capabilities = decoded ? std::move(*decoded) : wire::Capabilities{};
  if (is_number(comparison)) return memory_holds(comparison, capabilities.memory_mb);
  const bool contains = comparison.op == FilterOperator::contains;
  const auto words = words_of(comparison.key, capabilities);
  const bool one_does = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return contains ? word.find(comparison.value) != std::string::npos : word == comparison.value;
  });
  return one_does != (comparison.op == FilterOperator::not_equal);
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

bool is_number(const FilterComparison& comparison) {
  return comparison.field == FilterField::capability && comparison.key == memory_mb;
}

bool is_list(const FilterComparison& comparison) {
  return comparison.field == FilterField::capability && comparison.key != memory_mb && comparison.key != architecture;
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
