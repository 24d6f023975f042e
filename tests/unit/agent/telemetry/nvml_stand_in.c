/* A stand-in for NVIDIA's libnvidia-ml: the functions that the agent calls, over two cards of which the second tells
 * little. For tests, as machines that build have no such card. */
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int has_driver = 1;
static atomic_ullong energy_mj = 0;
static atomic_int inits = 0;
static atomic_int hangs = 0;

void stand_in_driver(int is_there) { has_driver = is_there; }
void stand_in_energy(unsigned long long millijoules) { energy_mj = millijoules; }
void stand_in_hang(int is_hanging) { hangs = is_hanging; }
int stand_in_inits(void) { return inits; }

static int cards[2];
enum { success = 0, driver_not_loaded = 9, not_supported = 3, invalid_argument = 2 };

int nvmlInit_v2(void) {
  if (!has_driver) return driver_not_loaded;
  ++inits;
  return success;
}
int nvmlShutdown(void) {
  --inits;
  return success;
}
int nvmlDeviceGetCount_v2(unsigned *count) {
  while (hangs) usleep(1000);
  if (!has_driver) return driver_not_loaded;
  *count = 2;
  return success;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  if (index > 1) return invalid_argument;
  *device = &cards[index];
  return success;
}
int nvmlDeviceGetUtilizationRates(void *device, unsigned percent[2]) {
  if (device != &cards[0]) return not_supported;
  percent[0] = 64;
  percent[1] = 12;
  return success;
}
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long bytes[3]) {
  if (device == NULL) return invalid_argument;
  bytes[0] = 8ULL << 30;
  bytes[1] = 6ULL << 30;
  bytes[2] = 2ULL << 30;
  return success;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) {
  if (sensor != 0) return invalid_argument;
  *degrees = device == &cards[0] ? 71 : 4000; /* the second's sensor is broken */
  return success;
}
#ifndef STAND_IN_TELLS_LITTLE
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) {
  if (device != &cards[0]) return not_supported;
  *milliwatts = 30500;
  return success;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules) {
  if (device != &cards[0]) return not_supported;
  *millijoules = energy_mj;
  return success;
}
#endif
