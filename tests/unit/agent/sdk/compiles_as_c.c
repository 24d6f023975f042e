/* The header as a C program sees it; the same datagram must come out as in C++. */
#include "agent/sdk/argosy_observe.h"

size_t encode_in_c(const argosy_observation *observation, uint8_t *bytes, size_t size);
size_t encode_in_c(const argosy_observation *observation, uint8_t *bytes, size_t size) {
  return argosy_observation_encode(observation, bytes, size);
}
