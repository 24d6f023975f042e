// Errors as values. Every fallible function returns Result<T>; an Error carries a stable code and a message that says
// what was wrong, with which value, and what to do. Exceptions stay at adapter edges (SQL, TLS, JSON) and at start-up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <boost/system/result.hpp>

namespace argosy {

// One code for each thing a caller can react to differently. `slug()` is the stable name that leaves the process: the
// last part of a problem's `type`, the `cause` in an agent's report, the error type in `argosy --json`.
enum class Errc : std::uint8_t {
  internal,
  invalid_argument,
  malformed_json,
  malformed_cbor,
  filter_syntax,
  unknown_key,
  not_found,
  conflict,
  illegal_transition,
  precondition_failed,
  precondition_required,
  idempotency_mismatch,
  unauthenticated,
  forbidden,
  claim_invalid,
  claim_expired,
  too_large,
  range_not_satisfiable,
  truncated,
  digest_mismatch,
  base_mismatch,
  malformed_patch,
  malformed_model,
  signature_missing,
  signature_malformed,
  signature_key,       // by nobody who is trusted
  signature_invalid,   // not what that key signed
  signature_digest,    // not of these files
  signature_release,   // of another model or version
  signature_sequence,  // of a release older than one that was seen
  signature_expired,
  signature_selector,    // of a file that is not meant for this device
  signature_validation,  // of a release that is to be validated otherwise
  incompatible,
  unprocessable,  // it reads well, and cannot be kept: the same again fails again
  rate_limited,
  unavailable,
  timeout,
  cancelled,
  io,
  out_of_space,
  corrupt,
};

std::string_view slug(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string message;

  // The same error, seen from one level up: "<what>: <message>".
  Error within(std::string_view what) && {
    message.insert(0, std::string(what) + ": ");
    return std::move(*this);
  }
  friend bool operator==(const Error&, const Error&) = default;
};

// Used by Result<T>::value() on an error: the exception type that adapter edges and tests see.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

template <class T>
using Result = boost::system::result<T, Error>;

inline Error make_error(Errc code, std::string message) {
  return Error{code, std::move(message)};
}

}  // namespace argosy

// Returns early with the error of `expression`, else binds its value: ARGOSY_TRY(auto file, read_file(path));
#define ARGOSY_TRY_JOIN2(a, b) a##b
#define ARGOSY_TRY_JOIN(a, b) ARGOSY_TRY_JOIN2(a, b)
#define ARGOSY_TRY_AS(binding, result, expression) \
  auto result = (expression);                      \
  if (!result) return std::move(result).error();   \
  binding = std::move(*result)
#define ARGOSY_TRY(binding, expression) ARGOSY_TRY_AS(binding, ARGOSY_TRY_JOIN(argosy_try_, __LINE__), expression)
// For Result<void>, or when the value is of no interest.
#define ARGOSY_CHECK(expression)                               \
  do {                                                         \
    auto argosy_check = (expression);                          \
    if (!argosy_check) return std::move(argosy_check).error(); \
  } while (false)

// The same inside a coroutine: ARGOSY_CO_TRY(auto rows, co_await store.read(device));
//
// What may stand beside a co_await: g++ 12 destroys some temporaries of the awaited expression twice, those that are
// aggregates in braces, lambdas with captures, or come out of `?:` (gcc.gnu.org/PR99576 and its kin). Such an argument
// gets a name before, or is made by who takes it: `co_await db.transact<FindToken>(hash, now)`. scripts/check-layering
// refuses the others.
#define ARGOSY_CO_TRY_AS(binding, result, expression) \
  auto result = (expression);                         \
  if (!result) co_return std::move(result).error();   \
  binding = std::move(*result)
#define ARGOSY_CO_TRY(binding, expression) ARGOSY_CO_TRY_AS(binding, ARGOSY_TRY_JOIN(argosy_try_, __LINE__), expression)
#define ARGOSY_CO_CHECK(expression)                               \
  do {                                                            \
    auto argosy_check = (expression);                             \
    if (!argosy_check) co_return std::move(argosy_check).error(); \
  } while (false)
