/*
 * The kernel accelerator's nftables table around lo and a veth, which stand for its devices, in a namespace of the test's own.
 */
#ifndef TESTS_UNIT_KERNEL_TABLE_H
#define TESTS_UNIT_KERNEL_TABLE_H

#include "kernel.h"

/* cmocka's setup. */
int table_in_a_namespace(void **state);
#define IN_NAMESPACE(test) cmocka_unit_test_setup(test, table_in_a_namespace)

struct mip_address table_ip_of(const char *text);
/* Whether a command's output has the text; says what it is if not. */
bool table_shows(const char *command, const char *text);

/* An accelerator that has nothing but its table. */
struct mip_kernel *table_open_filter(void);
void table_close_filter(struct mip_kernel *kernel);
void table_add(struct mip_kernel *kernel, const struct mip_kernel_element *element);

/* Octets of IP in IP, or as another protocol, whose inner header is broken (it has no checksum). */
void table_send_protocol(uint8_t protocol, const char *outer_source, const char *outer_destination,
	const char *source, const char *destination, uint8_t tos, bool dont_fragment);
void table_send_ipip(const char *outer_source, const char *outer_destination, const char *source,
	const char *destination, uint8_t tos, bool dont_fragment);
/* Lets the user plane look at what it has, and waits for that, until `*count` is `expected`. */
void table_expect_count(struct mip_user *user, const uint64_t *count, uint64_t expected);

#endif
