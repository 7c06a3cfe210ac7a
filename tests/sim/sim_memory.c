/*
 * See sim_memory.h.
 */
#include "sim_memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

/* The linker's names for the C library's own, and for what stands in their place. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void __wrap_free(void *memory);

static size_t held;

size_t sim_memory_held(void)
{
	return held;
}

static void *counted(void *memory)
{
	if (memory)
		held += malloc_usable_size(memory);
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	size_t before = memory ? malloc_usable_size(memory) : 0;
	void *grown = __real_realloc(memory, size);

	if (grown)
		held -= before;
	return counted(grown);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	size_t total;

	return __builtin_mul_overflow(count, size, &total) ? NULL : __wrap_realloc(memory, total);
}

void __wrap_free(void *memory)
{
	if (memory)
		held -= malloc_usable_size(memory);
	__real_free(memory);
}

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

void *sim_own_alloc(size_t size)
{
	return must(__real_calloc(1, size));
}

void *sim_own_grow(void *memory, size_t size)
{
	return must(__real_realloc(memory, size));
}

void sim_own_free(void *memory)
{
	__real_free(memory);
}
