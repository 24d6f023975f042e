/* Tells the Argosy agent on this device about inferences: one small datagram each, fire and forget.
 * C99 and C++, this header alone. A call never blocks, never allocates and costs about a microsecond; when the agent is
 * absent or behind, the observation is dropped and the program goes on. Safe from several threads on one observer.
 * The format: docs/observations.md. */
#ifndef ARGOSY_OBSERVE_H
#define ARGOSY_OBSERVE_H

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARGOSY_OBSERVATION_MAX_BYTES 1024

/* A number of the program's own: what it came to over a minute is kept beside latency and errors, and may guard a rollout.
 * A model has at most 16 names. */
typedef struct argosy_number {
  const char *name; /* [a-z0-9_]{1,40} */
  double value;     /* finite */
} argosy_number;

/* What kind of inference this was, such as camera=left: how many had which value is kept for each minute. A model has at
 * most 4 keys and 8 values of each; inferences of further values are counted together. */
typedef struct argosy_tag {
  const char *key;   /* [a-z0-9_]{1,40} */
  const char *value; /* 1 to 32 printable characters of ASCII */
} argosy_tag;

typedef struct argosy_observation {
  const char *model;      /* name of the model: required */
  const char *release;    /* version that answered; NULL: the agent uses the one that it serves */
  uint64_t latency_us;    /* of this inference */
  int ok;                 /* 0: the inference failed */
  int64_t predicted;      /* class; negative: none */
  double confidence;      /* of the predicted class, 0..1; negative: none */
  int64_t label;          /* the right class; negative: not known */
  const float *features;  /* drift features in the order of the release's reference; NULL: none */
  size_t feature_count;
  const argosy_number *numbers; /* of this inference; NULL: none */
  size_t number_count;
  double entropy;         /* of the prediction, in nats; negative: none */
  const argosy_tag *tags; /* of this inference; NULL: none */
  size_t tag_count;
  const char *runtime;    /* what ran the model, with its version: "onnxruntime 1.22.0"; NULL: not said */
  uint64_t id;            /* by which its label will be told later: from argosy_observation_id(); 0: none */
} argosy_observation;

typedef struct argosy_observer {
  int fd;
  struct sockaddr_un agent;
} argosy_observer;

/* An observation of `model` with everything optional left out. */
static inline argosy_observation argosy_observation_of(const char *model, uint64_t latency_us) {
  argosy_observation observation;
  memset(&observation, 0, sizeof observation);
  observation.model = model;
  observation.latency_us = latency_us;
  observation.ok = 1;
  observation.predicted = -1;
  observation.confidence = -1;
  observation.label = -1;
  observation.entropy = -1;
  return observation;
}

/* A new id for an observation whose label comes later: a random number, so that it tells nothing of the input. 0 when the
 * system has no randomness to give: then leave the id out. Costs a system call. */
static inline uint64_t argosy_observation_id(void) {
  uint64_t id = 0;
  if (getentropy(&id, sizeof id) != 0) return 0;
  return id >> 1 == 0 ? 2 : id >> 1;
}

/* How undecided a prediction is, in nats, from the probabilities of its classes, which add up to 1: 0 when one class has
 * all, log(count) when each has as much. Only who calls it needs libm. */
static inline double argosy_entropy(const float *probabilities, size_t count) {
  double nats = 0;
  size_t i;
  for (i = 0; i < count; ++i)
    if (probabilities[i] > 0) nats -= (double)probabilities[i] * log((double)probabilities[i]);
  return nats > 0 ? nats : 0;
}

/* Where the next byte goes. When `failed` is set nothing more is written. */
typedef struct argosy_cbor {
  uint8_t *at, *end;
  int failed;
} argosy_cbor;

static inline void argosy_cbor_bytes(argosy_cbor *out, const void *bytes, size_t size) {
  if (out->failed || (size_t)(out->end - out->at) < size) {
    out->failed = 1;
    return;
  }
  if (size > 0) memcpy(out->at, bytes, size);
  out->at += size;
}

/* `width` low bytes of `value`, most significant first. */
static inline void argosy_cbor_big_endian(argosy_cbor *out, uint64_t value, int width) {
  uint8_t bytes[8];
  int i;
  for (i = 0; i < width; ++i) bytes[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
  argosy_cbor_bytes(out, bytes, (size_t)width);
}

/* A data item's head in its shortest form: RFC 8949, section 3. */
static inline void argosy_cbor_head(argosy_cbor *out, unsigned major, uint64_t value) {
  const unsigned width = value < 24 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
  const unsigned small = width == 0 ? (unsigned)value : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
  const uint8_t first = (uint8_t)((major << 5) | small);
  argosy_cbor_bytes(out, &first, 1);
  argosy_cbor_big_endian(out, value, (int)width);
}

static inline void argosy_cbor_text(argosy_cbor *out, const char *text) {
  const size_t size = text != NULL ? strlen(text) : 0;
  if (text == NULL) out->failed = 1;
  argosy_cbor_head(out, 3, size);
  argosy_cbor_bytes(out, text, size);
}

static inline void argosy_cbor_float(argosy_cbor *out, float value) {
  const uint8_t first = 0xfa;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  argosy_cbor_bytes(out, &first, 1);
  argosy_cbor_big_endian(out, bits, 4);
}

static inline void argosy_cbor_double(argosy_cbor *out, double value) {
  const uint8_t first = 0xfb;
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  argosy_cbor_bytes(out, &first, 1);
  argosy_cbor_big_endian(out, bits, 8);
}

/* Writes the datagram; returns its size, or 0 when it does not fit into `size` bytes or the model is missing. */
static inline size_t argosy_observation_encode(const argosy_observation *observation, uint8_t *bytes, size_t size) {
  argosy_cbor out;
  const int has_features = observation->features != NULL && observation->feature_count > 0;
  const int has_numbers = observation->numbers != NULL && observation->number_count > 0;
  const int has_tags = observation->tags != NULL && observation->tag_count > 0;
  const uint64_t pairs = 3 + (uint64_t)(observation->release != NULL) + (uint64_t)(observation->predicted >= 0) +
                         (uint64_t)(observation->confidence >= 0) + (uint64_t)(observation->label >= 0) +
                         (uint64_t)has_features + (uint64_t)has_numbers + (uint64_t)(observation->entropy >= 0) +
                         (uint64_t)has_tags + (uint64_t)(observation->runtime != NULL) +
                         (uint64_t)(observation->id > 0);
  const uint8_t ok = observation->ok ? 0xf5 : 0xf4;
  size_t i;
  if (observation->model == NULL) return 0;
  out.at = bytes;
  out.end = bytes + size;
  out.failed = 0;
  argosy_cbor_head(&out, 5, pairs);
  argosy_cbor_text(&out, "m");
  argosy_cbor_text(&out, observation->model);
  if (observation->release != NULL) {
    argosy_cbor_text(&out, "r");
    argosy_cbor_text(&out, observation->release);
  }
  argosy_cbor_text(&out, "us");
  argosy_cbor_head(&out, 0, observation->latency_us);
  argosy_cbor_text(&out, "ok");
  argosy_cbor_bytes(&out, &ok, 1);
  if (observation->predicted >= 0) {
    argosy_cbor_text(&out, "p");
    argosy_cbor_head(&out, 0, (uint64_t)observation->predicted);
  }
  if (observation->confidence >= 0) {
    argosy_cbor_text(&out, "c");
    argosy_cbor_float(&out, (float)observation->confidence);
  }
  if (observation->label >= 0) {
    argosy_cbor_text(&out, "l");
    argosy_cbor_head(&out, 0, (uint64_t)observation->label);
  }
  if (has_features) {
    argosy_cbor_text(&out, "f");
    argosy_cbor_head(&out, 4, observation->feature_count);
    for (i = 0; i < observation->feature_count && !out.failed; ++i) argosy_cbor_float(&out, observation->features[i]);
  }
  if (has_numbers) {
    argosy_cbor_text(&out, "n");
    argosy_cbor_head(&out, 5, observation->number_count);
    for (i = 0; i < observation->number_count && !out.failed; ++i) {
      argosy_cbor_text(&out, observation->numbers[i].name);
      argosy_cbor_double(&out, observation->numbers[i].value);
    }
  }
  if (observation->entropy >= 0) {
    argosy_cbor_text(&out, "h");
    argosy_cbor_float(&out, (float)observation->entropy);
  }
  if (has_tags) {
    argosy_cbor_text(&out, "t");
    argosy_cbor_head(&out, 5, observation->tag_count);
    for (i = 0; i < observation->tag_count && !out.failed; ++i) {
      argosy_cbor_text(&out, observation->tags[i].key);
      argosy_cbor_text(&out, observation->tags[i].value);
    }
  }
  if (observation->runtime != NULL) {
    argosy_cbor_text(&out, "rt");
    argosy_cbor_text(&out, observation->runtime);
  }
  if (observation->id > 0) {
    argosy_cbor_text(&out, "id");
    argosy_cbor_head(&out, 0, observation->id);
  }
  return out.failed ? 0 : (size_t)(out.at - bytes);
}

/* Prepares to send to the agent's socket; the agent need not run yet. Returns 0, or -1 with errno set. */
static inline int argosy_observer_open(argosy_observer *observer, const char *socket_path) {
  const size_t size = strlen(socket_path);
  memset(observer, 0, sizeof *observer);
  observer->fd = -1;
  if (size == 0 || size >= sizeof observer->agent.sun_path) {
    errno = size == 0 ? EINVAL : ENAMETOOLONG;
    return -1;
  }
  observer->agent.sun_family = AF_UNIX;
  memcpy(observer->agent.sun_path, socket_path, size + 1);
  observer->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return observer->fd >= 0 ? 0 : -1;
}

/* To the agent that the socket was connected to; where there is none, or it is gone, to the one that is there now.
 * Looking the agent up at each call would double what it costs. */
static inline ssize_t argosy_observer_send(const argosy_observer *observer, const uint8_t *bytes, size_t size) {
  const ssize_t sent = send(observer->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0 || errno == EAGAIN) return sent;
  if (connect(observer->fd, (const struct sockaddr *)&observer->agent, sizeof observer->agent) != 0) return -1;
  return send(observer->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Sends one observation. Returns 1 when the agent has it, 0 when it was dropped. The address is looked up where needed,
 * so an agent that starts later, or again, is found without any further ado. errno stays as it was. */
static inline int argosy_observe(const argosy_observer *observer, const argosy_observation *observation) {
  uint8_t bytes[ARGOSY_OBSERVATION_MAX_BYTES];
  const int errno_before = errno;
  const size_t size = argosy_observation_encode(observation, bytes, sizeof bytes);
  ssize_t sent = -1;
  if (size > 0 && observer->fd >= 0) sent = argosy_observer_send(observer, bytes, size);
  errno = errno_before;
  return size > 0 && sent == (ssize_t)size;
}

/* Tells the right class of an observation that was sent with this id, however much later. Returns 1 when the agent has it,
 * 0 when it was dropped. A label counts once; one of an observation that the agent no longer knows does not count. errno
 * stays as it was. */
static inline int argosy_label(const argosy_observer *observer, uint64_t id, int64_t label) {
  uint8_t bytes[32];
  const int errno_before = errno;
  argosy_cbor out;
  ssize_t sent = -1;
  out.at = bytes;
  out.end = bytes + sizeof bytes;
  out.failed = 0;
  argosy_cbor_head(&out, 5, 2);
  argosy_cbor_text(&out, "of");
  argosy_cbor_head(&out, 0, id);
  argosy_cbor_text(&out, "l");
  if (label >= 0)
    argosy_cbor_head(&out, 0, (uint64_t)label);
  else
    argosy_cbor_head(&out, 1, (uint64_t)(-1 - label));
  if (id > 0 && observer->fd >= 0) sent = argosy_observer_send(observer, bytes, (size_t)(out.at - bytes));
  errno = errno_before;
  return sent == (ssize_t)(out.at - bytes);
}

/* Shadow runs: before a new version is activated, a program that can asks it beside the one that serves, for a sample of
 * its inputs, and tells how the answers compare. Neither inputs nor answers go to the agent. */

#define ARGOSY_VERSION_MAX_BYTES 64
#define ARGOSY_CANDIDATE_PATH_MAX_BYTES 4095

typedef struct argosy_candidate {
  char version[ARGOSY_VERSION_MAX_BYTES + 1];
  char path[ARGOSY_CANDIDATE_PATH_MAX_BYTES + 1]; /* of its model file */
} argosy_candidate;

/* The version that the agent would have asked beside the one that serves; `model_folder` is ROOT/models/MODEL. Returns 1,
 * or 0 when there is none: then the program forgets the candidate that it has. Reads a file: look once in a while. */
static inline int argosy_candidate_find(const char *model_folder, argosy_candidate *candidate) {
  char path[ARGOSY_CANDIDATE_PATH_MAX_BYTES + 1];
  char below[65 + ARGOSY_VERSION_MAX_BYTES];
  FILE *file;
  int words, written;
  written = snprintf(path, sizeof path, "%s/candidate", model_folder);
  if (written < 0 || (size_t)written >= sizeof path) return 0;
  file = fopen(path, "r");
  if (file == NULL) return 0;
  words = fscanf(file, "%64s %128s", candidate->version, below);
  fclose(file);
  if (words != 2) return 0;
  written = snprintf(candidate->path, sizeof candidate->path, "%s/%s", model_folder, below);
  return written > 0 && (size_t)written < sizeof candidate->path;
}

typedef struct argosy_shadow_answer {
  const char *model;     /* name of the model: required */
  const char *release;   /* version that serves; NULL: the agent uses the one that it serves */
  const char *candidate; /* version that was asked beside it: required */
  int answered;          /* 0: the candidate failed on this input */
  int agreed;            /* 1: both gave the same answer */
  int old_right;         /* 1: the serving version was right, 0: it was not; negative: the right answer is not known */
  int new_right;         /* the same of the candidate */
} argosy_shadow_answer;

/* Writes the datagram; returns its size, or 0 when it does not fit into `size` bytes or a name is missing. */
static inline size_t argosy_shadow_encode(const argosy_shadow_answer *answer, uint8_t *bytes, size_t size) {
  argosy_cbor out;
  const int is_labelled = answer->old_right >= 0 && answer->new_right >= 0;
  const uint64_t pairs = 4 + (uint64_t)(answer->release != NULL) + (is_labelled ? 2 : 0);
  const uint8_t no_or_yes[2] = {0xf4, 0xf5};
  if (answer->model == NULL || answer->candidate == NULL) return 0;
  out.at = bytes;
  out.end = bytes + size;
  out.failed = 0;
  argosy_cbor_head(&out, 5, pairs);
  argosy_cbor_text(&out, "m");
  argosy_cbor_text(&out, answer->model);
  if (answer->release != NULL) {
    argosy_cbor_text(&out, "r");
    argosy_cbor_text(&out, answer->release);
  }
  argosy_cbor_text(&out, "nv");
  argosy_cbor_text(&out, answer->candidate);
  argosy_cbor_text(&out, "ok");
  argosy_cbor_bytes(&out, &no_or_yes[answer->answered != 0], 1);
  argosy_cbor_text(&out, "a");
  argosy_cbor_bytes(&out, &no_or_yes[answer->agreed != 0], 1);
  if (is_labelled) {
    argosy_cbor_text(&out, "or");
    argosy_cbor_bytes(&out, &no_or_yes[answer->old_right != 0], 1);
    argosy_cbor_text(&out, "nr");
    argosy_cbor_bytes(&out, &no_or_yes[answer->new_right != 0], 1);
  }
  return out.failed ? 0 : (size_t)(out.at - bytes);
}

/* Tells of one input that both versions were asked. Returns 1 when the agent has it, 0 when it was dropped. errno stays
 * as it was. */
static inline int argosy_shadow(const argosy_observer *observer, const argosy_shadow_answer *answer) {
  uint8_t bytes[ARGOSY_OBSERVATION_MAX_BYTES];
  const int errno_before = errno;
  const size_t size = argosy_shadow_encode(answer, bytes, sizeof bytes);
  ssize_t sent = -1;
  if (size > 0 && observer->fd >= 0) sent = argosy_observer_send(observer, bytes, size);
  errno = errno_before;
  return size > 0 && sent == (ssize_t)size;
}

static inline void argosy_observer_close(argosy_observer *observer) {
  if (observer->fd >= 0) close(observer->fd);
  observer->fd = -1;
}

#ifdef __cplusplus
}
#endif

#endif
