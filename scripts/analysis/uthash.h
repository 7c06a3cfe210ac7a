/*
 * What cppcheck and clang-tidy see in place of uthash. The macros of the real one are pages of pointer work
 * and hashing in each place where they stand: an analyser spends its time there, and finds memory "used after
 * it is freed" where an element has left its table. Here each is one call of something that it knows nothing
 * of, with the same effects on who owns what. The compilers, which build and check the types, have the real
 * one.
 */
#ifndef ANALYSIS_UTHASH_H
#define ANALYSIS_UTHASH_H

#include <stddef.h>
#include <string.h>

struct UT_hash_table;

typedef struct UT_hash_handle {
	struct UT_hash_table *tbl;
	void *prev;
	void *next;
} UT_hash_handle;

void *uthash_find(const void *head, const void *key, size_t length);
void uthash_add(void *head_place, void *element, UT_hash_handle *handle, const void *key, size_t length);
void uthash_delete(void *head_place, UT_hash_handle *handle);
void uthash_clear(void *head_place);
void *uthash_next(const void *element);
unsigned uthash_count(const void *head);

#define HASH_FIND(hh, head, key, length, out) ((out) = uthash_find((head), (key), (length)))
#define HASH_FIND_INT(head, key, out)	      HASH_FIND(hh, head, key, sizeof(int), out)
#define HASH_FIND_STR(head, key, out)	      HASH_FIND(hh, head, key, strlen(key), out)
#define HASH_ADD_KEYPTR(hh, head, key, length, element)                                                      \
	uthash_add(&(head), (element), &(element)->hh, (key), (length))
#define HASH_ADD(hh, head, field, length, element)                                                           \
	HASH_ADD_KEYPTR(hh, head, &(element)->field, length, element)
#define HASH_ADD_INT(head, field, element) HASH_ADD(hh, head, field, sizeof(int), element)
#define HASH_ADD_STR(head, field, element)                                                                   \
	HASH_ADD_KEYPTR(hh, head, (element)->field, strlen((element)->field), element)
#define HASH_DELETE(hh, head, element) uthash_delete(&(head), &(element)->hh)
#define HASH_DEL(head, element)	       HASH_DELETE(hh, head, element)
#define HASH_CLEAR(hh, head)	       uthash_clear(&(head))
#define HASH_CNT(hh, head)	       uthash_count(head)
#define HASH_COUNT(head)	       uthash_count(head)
#define HASH_ITER(hh, head, element, next_element)                                                           \
	for ((element) = (head), (next_element) = uthash_next(element); (element) != NULL;                   \
		(element) = (next_element), (next_element) = uthash_next(element))

#endif
