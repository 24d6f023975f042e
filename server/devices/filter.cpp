#include "server/devices/filter.hpp"

#include <algorithm>

namespace argosy::server {

namespace {

enum class TokenKind : std::uint8_t { word, quoted, equal, not_equal, contains, open, close, end };

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
        "a field: id, hardware_class, presence, agent_version, labels.<key> or model.<name>";
    if (token_.kind != TokenKind::word) return unexpected(known);
    const std::string name = token_.text;
    if (name == "id") {
      comparison.field = FilterField::id;
    } else if (name == "hardware_class") {
      comparison.field = FilterField::hardware_class;
    } else if (name == "presence") {
      comparison.field = FilterField::presence;
    } else if (name == "agent_version") {
      comparison.field = FilterField::agent_version;
    } else if (name.starts_with("labels.")) {
      comparison.field = FilterField::label;
      comparison.key = name.substr(7);
    } else if (name.starts_with("model.")) {
      comparison.field = FilterField::model;
      comparison.key = name.substr(6);
    } else {
      return unexpected(known);
    }
    const bool keyed = comparison.field == FilterField::label || comparison.field == FilterField::model;
    if (keyed && !is_name(comparison.key))
      return syntax_error(token_.column, "the key '" + comparison.key + "' does not match [A-Za-z0-9_-]{1,64}");
    return advance();
  }

  Result<void> comparison_operator(FilterComparison& comparison) {
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
    comparison.value = token_.text;
    return advance();
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
  }
  return std::nullopt;
}

bool holds(const FilterComparison& comparison, const Device& device) {
  const auto text = looked_at(comparison, device);
  switch (comparison.op) {
    case FilterOperator::equal:
      return text == comparison.value;
    case FilterOperator::not_equal:
      return text != comparison.value;
    case FilterOperator::contains:
      return text && text->find(comparison.value) != std::string_view::npos;
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

Result<Filter> parse_filter(std::string_view text) {
  if (text.size() > max_filter_bytes)
    return syntax_error(max_filter_bytes + 1, "a filter may have at most " + std::to_string(max_filter_bytes) +
                                                  " bytes; this one has " + std::to_string(text.size()));
  return Parser(text).filter();
}

bool matches(const Filter& filter, const Device& device) {
  return !filter.root || holds(*filter.root, device);
}

}  // namespace argosy::server
