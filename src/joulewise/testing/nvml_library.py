"""A fake libnvidia-ml.so.1, to compile where there is a C compiler: tests the ctypes binding itself."""

from __future__ import annotations

import os
import shutil
import subprocess

LIBRARY_SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* One GPU with an energy counter; the file named by FAKE_NVML_STATE holds "status energy_mj". */
typedef unsigned int u32; typedef unsigned long long u64; typedef void *dev;
static int state(u64 *energy) {
  int status = 0; u64 value = 1000; char *path = getenv("FAKE_NVML_STATE");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (file) { if (fscanf(file, "%d %llu", &status, &value) != 2) status = 999; fclose(file); }
  if (energy) *energy = value;
  return status;
}
int nvmlInit_v2(void) { return state(NULL) == 9 ? 9 : 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(u32 *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(u32 index, dev *out) {
  if (index) return 15;
  *out = (dev)0x7fff00001234ULL; return 0;
}
int nvmlDeviceGetUUID(dev d, char *out, u32 room) {
  if (d != (dev)0x7fff00001234ULL) return 2;
  snprintf(out, room, "GPU-0badcafe-0000-4000-8000-00000000fade"); return 0;
}
int nvmlDeviceGetName(dev d, char *out, u32 room) { (void)d; snprintf(out, room, "Fake GPU"); return 0; }
int nvmlDeviceGetTotalEnergyConsumption(dev d, u64 *out) { (void)d; return state(out); }
int nvmlDeviceGetPowerUsage(dev d, u32 *out) { (void)d; *out = 251000; return state(NULL); }
int nvmlDeviceGetPowerManagementLimitConstraints(dev d, u32 *least, u32 *most) {
  (void)d; *least = 100000; *most = 700000; return 0;
}
int nvmlDeviceGetNumGpuCores(dev d, u32 *out) { (void)d; *out = 16896; return 0; }
int nvmlDeviceGetMaxClockInfo(dev d, u32 kind, u32 *out) { (void)d; *out = kind == 1 ? 1980 : 1; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(dev d, u32 *count, void *out) {
  (void)d; (void)out; *count = 2; return 7;
}
typedef struct {
  u32 field, scope; long long stamp, latency; u32 kind, status; union { u32 ui; u64 ull; } value;
} fieldv;
int nvmlDeviceGetFieldValues(dev d, int count, fieldv *out) {
  (void)d; if (count != 1) return 2;
  out->status = out->field == 186 ? 0 : 3; memset(&out->value, 0xff, 8); out->value.ui = 249000; return 0;
}
typedef struct { u32 pid; u64 stamp; u32 sm, mem, enc, dec; } sample;
int nvmlDeviceGetProcessUtilization(dev d, sample *out, u32 *count, u64 since) {
  (void)d; if (since >= 3000000) return 6;
  if (!out || *count < 2) { *count = 2; return 7; }
  sample one = {11, 2000000, 40, 0, 0, 0}, two = {12, 3000000, 60, 0, 0, 0};
  out[0] = one; out[1] = two; *count = 2; return 0;
}
int nvmlDeviceGetMigMode(dev d, u32 *now, u32 *next) {
  (void)d; *now = *next = getenv("FAKE_NVML_MIG") != NULL; return 0;
}
int nvmlDeviceGetMaxMigDeviceCount(dev d, u32 *out) { (void)d; *out = 7; return 0; }
int nvmlDeviceGetMigDeviceHandleByIndex(dev d, u32 index, dev *out) {
  if (index > 1) return 6;
  *out = d; return 0;
}
typedef struct { u32 sms, copy, dec, enc, jpeg, ofa, gi, ci; u64 mb; } attributes;
int nvmlDeviceGetAttributes_v2(dev d, attributes *out) {
  (void)d; memset(out, 0, sizeof *out); out->gi = 3; out->ci = 2; return 0;
}
int nvmlDeviceGetGpuInstanceId(dev d, u32 *out) { (void)d; *out = 5; return 0; }
int nvmlDeviceGetComputeInstanceId(dev d, u32 *out) { (void)d; *out = 1; return 0; }
typedef struct { u32 id, p2p, slices, instances, sms, copy, dec, enc, jpeg, ofa; u64 mb; } profile;
int nvmlDeviceGetGpuInstanceProfileInfo(dev d, u32 which, profile *out) {
  (void)d; if (which != 4) return 3;
  memset(out, 0, sizeof *out); out->slices = 7; return 0;
}
"""
"""A libnvidia-ml.so.1 to compile, for tests of the binding itself."""


def compiled_nvml(folder: str) -> str | None:
    """Compile the fake library; its path, or None where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    source, library = os.path.join(folder, "nvml.c"), os.path.join(folder, "libnvidia-ml.so.1")
    with open(source, "w", encoding="utf-8") as file:
        file.write(LIBRARY_SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    return library
