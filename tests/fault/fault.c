#include "fault.h"

#include <errno.h>
#include <string.h>

static struct {
	const char *scenario;
	bool active;
	bool libcrypto_too;
	bool io_alone;
	bool from_there_on;   /* all that follow fail too */
	unsigned long number; /* the one that fails, from 1 on */
	unsigned long count;  /* so far in this run */
	bool happened;
} state;

bool fault_now(void)
{
	if (!state.active)
		return false;
	state.count++;
	if (state.count != state.number && !(state.from_there_on && state.count > state.number))
		return false;
	state.happened = true;
	errno = ENOMEM;
	return true;
}

static bool fails(void)
{
	return !state.io_alone && fault_now();
}

void fault_io_alone(void)
{
	state.io_alone = true;
}

void *fault_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

void *fault_calloc(size_t count, size_t size)
{
	return fails() ? NULL : calloc(count, size);
}

void *fault_realloc(void *old, size_t size)
{
	return fails() ? NULL : realloc(old, size);
}

void *fault_reallocarray(void *old, size_t count, size_t size)
{
	return fails() ? NULL : reallocarray(old, count, size);
}

char *fault_strdup(const char *text)
{
	return fails() ? NULL : strdup(text);
}

char *fault_strndup(const char *text, size_t most)
{
	return fails() ? NULL : strndup(text, most);
}

void fault_libcrypto_too(void)
{
	state.libcrypto_too = true;
}

bool fault_libcrypto_fails(void)
{
	return state.libcrypto_too && fails();
}

bool fault_goes_on(void)
{
	return state.from_there_on;
}

void fault_pause(void)
{
	state.active = false;
}

void fault_resume(void)
{
	state.active = true;
}

bool fault_happened(void)
{
	return state.happened;
}

static const char *mode(void)
{
	return state.from_there_on ? "on" : "once";
}

void fault_describe(void)
{
	fprintf(stderr, "in FAULT_ONLY=%s:%lu:%s\n", state.scenario, state.number, mode());
}

/* FAULT_ONLY names one run. */
static bool is_chosen(void)
{
	const char *only = getenv("FAULT_ONLY");
	char name[128];

	snprintf(name, sizeof(name), "%s:%lu:%s", state.scenario, state.number, mode());
	return !only || strcmp(only, name) == 0;
}

static unsigned long run_mode(void (*scenario)(void), bool from_there_on)
{
	state.from_there_on = from_there_on;
	state.number = 0;
	do {
		state.number++;
		state.count = 0;
		state.happened = state.libcrypto_too = false;
		if (!is_chosen()) {
			state.happened = state.number < 100000;
			continue;
		}
		state.active = true;
		scenario();
		state.active = false;
	} while (state.happened);
	return state.number - 1;
}

void fault_run(const char *name, void (*scenario)(void))
{
	unsigned long once, on;

	state.scenario = name;
	once = run_mode(scenario, false);
	on = run_mode(scenario, true);
	printf("%s: %lu failed once, %lu from there on\n", name, once, on);
	/* A scenario that allocates nothing tests nothing. */
	FAULT_CHECK(getenv("FAULT_ONLY") || (once > 0 && on > 0));
}
