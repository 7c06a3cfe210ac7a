/*
 * Allocations that fail. The programs here are linked with copies of the libraries whose calls of malloc() and its like
 * are fault_malloc() and so on (the Makefile renames them, `objcopy --redefine-sym`), so that only what is under test
 * runs out of memory, never the test around it.
 *
 * fault_run() runs a scenario again and again: with the first allocation failing, then with the second, until one run
 * needs no more of them; and the same once more with that allocation and all after it failing, until fault_pause(). A
 * scenario is an ordinary function; it must end each time, whatever failed, and say what must hold nevertheless.
 * AddressSanitizer says what was used wrongly, LeakSanitizer at the end what was lost.
 */
#ifndef MIP_TESTS_FAULT_H
#define MIP_TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FAULT_CHECK(condition)                                                                               \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);       \
			fault_describe();                                                                    \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

void fault_run(const char *name, void (*scenario)(void));
/* From here on nothing fails: the machine is to go on. The next run begins with faults again. */
void fault_pause(void);
void fault_resume(void);
/* Allocations do not fail in this program: what its own stand-ins of the system's functions ask fault_now() about does. */
void fault_io_alone(void);
bool fault_now(void);
/* In this run libcrypto's functions fail like allocations. */
void fault_libcrypto_too(void);
bool fault_libcrypto_fails(void);
/* Whether all fails after the first failure. */
bool fault_goes_on(void);
/* Whether an allocation has failed in this run. */
bool fault_happened(void);
/* On stderr: which allocation it was, to run it alone: FAULT_ONLY=SCENARIO:NUMBER:MODE in the environment. */
void fault_describe(void);

void *fault_malloc(size_t size);
void *fault_calloc(size_t count, size_t size);
void *fault_realloc(void *old, size_t size);
void *fault_reallocarray(void *old, size_t count, size_t size);
char *fault_strdup(const char *text);
char *fault_strndup(const char *text, size_t most);

#endif
