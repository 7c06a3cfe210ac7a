/*
 * Who holds how much memory. The simulator is linked so that every malloc(), calloc(), realloc(), reallocarray()
 * and free() of the project's code comes through here (-Wl,--wrap): what the cores hold is counted. The
 * simulator's own memory goes by the functions below and is not.
 */
#ifndef MIP_TESTS_SIM_MEMORY_H
#define MIP_TESTS_SIM_MEMORY_H

#include <stddef.h>

/* Zeroed; never NULL: without memory the program ends. */
void *sim_own_alloc(size_t size);
void *sim_own_grow(void *memory, size_t size);
void sim_own_free(void *memory);

/* Octets that the cores hold. */
size_t sim_memory_held(void);

#endif
