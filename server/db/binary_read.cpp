#include "server/db/binary_read.hpp"

#include "server/db/binary_form.hpp"

namespace argosy::server {

namespace {

using namespace binary_form;

template <class T>
T big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const auto byte : bytes.first(sizeof(T))) value = value << 8 | byte;
  return static_cast<T>(value);
}

template <class T>
T take(ByteView& bytes) {
  if (bytes.size() < sizeof(T)) throw pqxx::failure("a row of COPY is cut short");
  const auto value = big_endian<T>(bytes);
  bytes = bytes.subspan(sizeof(T));
  return value;
}

}  // namespace

void BinaryRead::FreeRow::operator()(char* row) const {
  PQfreemem(row);
}

BinaryRead::BinaryRead(pqxx::work& transaction, const std::string& query)
    : connection_(CopyingConnection::of(transaction)), statement_("copy (" + query + ") to stdout (format binary)") {
  const ResultHandle result(PQexec(connection_.handle(), statement_.c_str()));
  if (PQresultStatus(result.get()) != PGRES_COPY_OUT) throw_error_of(connection_.handle(), result.get(), statement_);
  is_open_ = true;
}

BinaryRead::~BinaryRead() {
  if (!is_open_) return;
  char* row = nullptr;
  while (PQgetCopyData(connection_.handle(), &row, 0) > 0) PQfreemem(row);
  while (const ResultHandle result{PQgetResult(connection_.handle())}) {
  }
}

bool BinaryRead::take_row() {
  char* row = nullptr;
  const int length = PQgetCopyData(connection_.handle(), &row, 0);
  row_.reset(row);
  if (length < 0) {
    is_open_ = false;
    ResultHandle outcome;
    while (ResultHandle result{PQgetResult(connection_.handle())}) {
      if (!outcome) outcome = std::move(result);
    }
    if (length == -1 && PQresultStatus(outcome.get()) == PGRES_COMMAND_OK) return false;
    throw_error_of(connection_.handle(), outcome.get(), statement_);
  }
  ByteView rest(reinterpret_cast<const std::uint8_t*>(row), static_cast<std::size_t>(length));
  if (is_first_) {
    is_first_ = false;
    rest = rest.subspan(signature.size());
    take<std::int32_t>(rest);  // flags
    const auto extension = take<std::int32_t>(rest);
    rest = rest.subspan(static_cast<std::size_t>(extension));
  }
  columns_.clear();
  const auto columns = take<std::int16_t>(rest);
  for (std::int16_t i = 0; i < columns; ++i) {
    const auto size = take<std::int32_t>(rest);
    columns_.push_back(size < 0 ? ByteView() : rest.first(static_cast<std::size_t>(size)));
    rest = rest.subspan(columns_.back().size());
  }
  return columns >= 0;  // the last row is a mark: -1
}

bool BinaryRead::next() {
  if (!is_open_) return false;
  if (take_row()) return true;
  return is_open_ ? take_row() : false;
}

std::int64_t BinaryRead::bigint(std::size_t column) const {
  return big_endian<std::int64_t>(columns_[column]);
}

Instant BinaryRead::timestamptz(std::size_t column) const {
  const auto us = bigint(column);
  const auto ms = us / 1000 - (us % 1000 < 0 ? 1 : 0);
  return instant_from_ms(ms + ms_from_1970_to_2000);
}

}  // namespace argosy::server
