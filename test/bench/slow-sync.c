/* Adds 8 ms to each fsync and fdatasync of the process it is loaded into: the stand-in for an SD card. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void wait_8_ms(void) {
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
