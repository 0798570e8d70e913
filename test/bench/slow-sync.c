/*
 * Adds 8 ms to each fsync and fdatasync of the process it is loaded into, from when the file exists that SLOW_SYNC_FROM
 * names: the stand-in for an SD card.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_8_ms(void) {
  static int slow;
  const char *from = getenv("SLOW_SYNC_FROM");
  if (!slow) slow = from != NULL && access(from, F_OK) == 0;
  if (!slow) return;
  struct timespec length = {0, 8 * 1000 * 1000};
  nanosleep(&length, 0);
}

int fsync(int file) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_8_ms();
  return real(file);
}

int fdatasync(int file) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_8_ms();
  return real(file);
}
