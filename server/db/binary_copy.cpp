#include "server/db/binary_copy.hpp"

#include <algorithm>

#include "server/db/binary_form.hpp"

namespace argosy::server {

namespace {

using namespace binary_form;

constexpr std::size_t send_at = std::size_t{64} << 10;

template <class T>
void append_big_endian(std::string& out, T value) {
  using Unsigned = std::make_unsigned_t<T>;
  for (int shift = 8 * (sizeof(T) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<Unsigned>(value) >> shift));
}

}  // namespace

BinaryCopy::BinaryCopy(pqxx::work& transaction, const std::string& table, const std::string& columns)
    : connection_(CopyingConnection::of(transaction)),
      statement_("copy " + table + " (" + columns + ") from stdin (format binary)"),
      columns_(static_cast<std::int16_t>(1 + std::count(columns.begin(), columns.end(), ','))) {
  const ResultHandle result(PQexec(connection_.handle(), statement_.c_str()));
  if (PQresultStatus(result.get()) != PGRES_COPY_IN) throw_error_of(connection_.handle(), result.get(), statement_);
  is_open_ = true;
  buffer_.reserve(send_at + 4096);
  buffer_ = signature;
  append_big_endian<std::int32_t>(buffer_, 0);  // flags
  append_big_endian<std::int32_t>(buffer_, 0);  // length of an extension
}

BinaryCopy::~BinaryCopy() {
  if (!is_open_) return;
  PQputCopyEnd(connection_.handle(), "abandoned");
  while (const ResultHandle result{PQgetResult(connection_.handle())}) {
  }
}

void BinaryCopy::begin_row() {
  if (buffer_.size() >= send_at) send();
  append_big_endian(buffer_, columns_);
}

void BinaryCopy::put(std::int64_t value) {
  put_length(sizeof value);
  append_big_endian(buffer_, value);
}

void BinaryCopy::put(Instant at) {
  put((to_ms(at) - ms_from_1970_to_2000) * 1000);
}

void BinaryCopy::put(std::string_view text) {
  put_length(text.size());
  buffer_ += text;
}

void BinaryCopy::put(ByteView bytes) {
  put(as_text(bytes));
}

void BinaryCopy::put_jsonb(std::string_view text) {
  put_length(text.size() + 1);
  buffer_.push_back(1);  // the version of the form
  buffer_ += text;
}

void BinaryCopy::put_null() {
  append_big_endian<std::int32_t>(buffer_, -1);
}

void BinaryCopy::complete() {
  append_big_endian<std::int16_t>(buffer_, -1);
  send();
  is_open_ = false;
  PGconn* const connection = connection_.handle();
  if (PQputCopyEnd(connection, nullptr) != 1) throw_error_of(connection, nullptr, statement_);
  ResultHandle outcome;
  while (ResultHandle result{PQgetResult(connection)}) {
    if (!outcome) outcome = std::move(result);
  }
  if (PQresultStatus(outcome.get()) != PGRES_COMMAND_OK) throw_error_of(connection, outcome.get(), statement_);
}

void BinaryCopy::put_length(std::size_t length) {
  append_big_endian(buffer_, static_cast<std::int32_t>(length));
}

void BinaryCopy::send() {
  if (PQputCopyData(connection_.handle(), buffer_.data(), static_cast<int>(buffer_.size())) != 1)
    throw_error_of(connection_.handle(), nullptr, statement_);
  buffer_.clear();
}

}  // namespace argosy::server
