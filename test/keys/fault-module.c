/*
 * A PKCS#11 module that is SoftHSM with faults. $PKCS11_FAULT_DIRECTORY/fault has lines "FUNCTION WHAT [NUMBER]"; every call of a
 * function that signing needs is one line in $PKCS11_FAULT_DIRECTORY/calls: its name and the process.
 *
 * hang | crash | exit | noise | fork | delay MILLISECONDS | rv NUMBER | rv-once NUMBER | flags NUMBER (C_GetTokenInfo) | none (C_GetSlotList)
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
typedef ulong (*function)(ulong, ulong, ulong, ulong, ulong);
struct list {
  unsigned char version[2];
  function functions[68];
};

static struct list *real;
static struct list faulty;

static const char *in_directory(const char *name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("PKCS11_FAULT_DIRECTORY"), name);
  return path;
}

static void note(const char *name) {
  char line[128];
  int length = snprintf(line, sizeof line, "%s %d\n", name, (int)getpid());
  int file = open(in_directory("calls"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (write(file, line, length) < 0) _exit(9);
  close(file);
}

/* What is to happen to this call; "" for nothing. */
static ulong planned(const char *name, char *what) {
  char wanted[64], number[32] = "";
  char line[256];
  FILE *file = fopen(in_directory("fault"), "r");
  what[0] = 0;
  while (file && fgets(line, sizeof line, file)) {
    number[0] = 0;
    if (sscanf(line, "%63s %31s %31s", wanted, what, number) >= 2 && strcmp(wanted, name) == 0) break;
    what[0] = 0;
  }
  if (file) fclose(file);
  return strtoul(number, NULL, 0);
}

static ulong call(int place, const char *name, ulong a, ulong b, ulong c, ulong d, ulong e) {
  char what[64];
  ulong number = planned(name, what);
  note(name);
  if (strcmp(what, "hang") == 0) for (;;) pause();
  if (strcmp(what, "crash") == 0) raise(SIGSEGV);
  if (strcmp(what, "exit") == 0) _exit(3);
  if (strcmp(what, "rv") == 0) return number;
  if (strcmp(what, "rv-once") == 0) return unlink(in_directory("fault")), number;
  if (strcmp(what, "delay") == 0) usleep(number * 1000);
  if (strcmp(what, "noise") == 0) {
    for (int line = 0; line < 100; line++) fprintf(stderr, "line %d of what a module prints\n", line);
    /* As a careless one does: C_Login has the PIN in its third parameter. */
    if (strcmp(name, "C_Login") == 0) fprintf(stderr, "the PIN is %.*s.\n", (int)d, (const char *)c);
  }
  if (strcmp(what, "fork") == 0 && fork() == 0) {
    note("forked");
    for (;;) pause();
  }
  ulong rv = real->functions[place](a, b, c, d, e);
  if (strcmp(what, "none") == 0) *(ulong *)c = 0;
  /* CK_TOKEN_INFO has its flags after 96 bytes of text. */
  if (strcmp(what, "flags") == 0) *(ulong *)((char *)b + 96) |= number;
  return rv;
}

#define FAULTY(place, name) \
  static ulong name(ulong a, ulong b, ulong c, ulong d, ulong e) { return call(place, #name, a, b, c, d, e); }
FAULTY(0, C_Initialize)
FAULTY(4, C_GetSlotList)
FAULTY(6, C_GetTokenInfo)
FAULTY(12, C_OpenSession)
FAULTY(18, C_Login)
FAULTY(26, C_FindObjectsInit)
FAULTY(42, C_SignInit)
FAULTY(43, C_Sign)

ulong C_GetFunctionList(struct list **list) {
  void *module = dlopen(getenv("PKCS11_FAULT_MODULE"), RTLD_NOW);
  ulong (*get)(struct list **) = module ? dlsym(module, "C_GetFunctionList") : NULL;
  if (!get) return 0x5;
  ulong rv = get(&real);
  if (rv != 0) return rv;
  faulty = *real;
  faulty.functions[0] = C_Initialize;
  faulty.functions[4] = C_GetSlotList;
  faulty.functions[6] = C_GetTokenInfo;
  faulty.functions[12] = C_OpenSession;
  faulty.functions[18] = C_Login;
  faulty.functions[26] = C_FindObjectsInit;
  faulty.functions[42] = C_SignInit;
  faulty.functions[43] = C_Sign;
  *list = &faulty;
  return 0;
}
