/*
 * The kernel accelerator's nftables table and the user plane beside it, without tunnel devices: what the tests of both share.
 */
#include "kernel_table.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "namespace.h"

struct mip_address table_ip_of(const char *text)
{
	struct mip_address address = {0};

	assert_int_equal(mip_address_read(text, &address), 0);
	return address;
}

bool table_shows(const char *command, const char *text)
{
	char *output = namespace_output("%s", command);
	bool found = strstr(output, text) != NULL;

	if (!found)
		print_message("%s: no '%s' in:\n%s", command, text, output);
	free(output);
	return found;
}

int table_in_a_namespace(void **state)
{
	(void)state;
	return namespace_allowed() ? namespace_enter() : 0;
}

/* One with lo and a veth in the devices' place. */
struct mip_kernel *table_open_filter(void)
{
	struct mip_kernel *kernel = calloc(1, sizeof(*kernel));
	struct mip_user *user = calloc(1, sizeof(*user));
	char reason[MIP_PLANE_REASON] = "";

	assert_non_null(kernel);
	assert_non_null(user);
	strcpy(user->device, "mip0");
	user->tun.link = 1;
	kernel->user = user;
	(void)namespace_run("ip link add v0 type veth peer name v1"); /* once in a test */
	kernel->devices[MIP_KERNEL_IPIP] = (struct mip_kernel_device){1, "lo"};
	kernel->devices[MIP_KERNEL_GRE] = (struct mip_kernel_device){(mip_link)if_nametoindex("v0"), "v0"};
	strcpy(kernel->table, "mip-mip0");
	if (mip_kernel_filter_make(kernel, reason) != 0)
		fail_msg("%s", reason);
	return kernel;
}

void table_close_filter(struct mip_kernel *kernel)
{
	mip_kernel_filter_remove(kernel);
	mip_kernel_socket_free(kernel->filter);
	free(kernel->user);
	free(kernel);
}

void table_add(struct mip_kernel *kernel, const struct mip_kernel_element *element)
{
	struct mip_kernel_elements elements = mip_kernel_elements_begin(kernel);

	mip_kernel_elements_add(&elements, element, false);
	assert_int_equal(mip_kernel_elements_send(&elements), 0);
}

/* Octets of IP in IP, written by hand: what the tables say of packets as a device would send and get them. */
void table_send_protocol(uint8_t protocol, const char *outer_source, const char *outer_destination,
	const char *source, const char *destination, uint8_t tos, bool dont_fragment)
{
	int descriptor = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct iphdr headers[2] = {
		{.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol, .tot_len = htons(40)},
		{.version = 4, .ihl = 5, .ttl = 64, .protocol = 253, .tot_len = htons(20), .tos = tos},
	};
	struct sockaddr_in to = {.sin_family = AF_INET};

	assert_true(descriptor >= 0);
	headers[0].saddr = table_ip_of(outer_source).value;
	headers[0].daddr = to.sin_addr.s_addr = table_ip_of(outer_destination).value;
	headers[0].frag_off = htons(IP_DF);
	headers[1].saddr = table_ip_of(source).value;
	headers[1].daddr = table_ip_of(destination).value;
	headers[1].frag_off = dont_fragment ? htons(IP_DF) : 0;
	/* What the table drops is an error to the sender. */
	(void)!sendto(descriptor, headers, sizeof(headers), 0, (struct sockaddr *)&to, sizeof(to));
	close(descriptor);
}

void table_send_ipip(const char *outer_source, const char *outer_destination, const char *source,
	const char *destination, uint8_t tos, bool dont_fragment)
{
	table_send_protocol(
		IPPROTO_IPIP, outer_source, outer_destination, source, destination, tos, dont_fragment);
}

/* Lets the plane look at what it has, and waits for that, until `*count` is `expected`. */
void table_expect_count(struct mip_user *user, const uint64_t *count, uint64_t expected)
{
	enum { PATIENCE = 5000 };
	int descriptors[16];
	struct pollfd waits[MIP_ARRAY_SIZE(descriptors)];
	size_t number = mip_user_descriptors(user, descriptors, MIP_ARRAY_SIZE(descriptors));

	assert_true(number <= MIP_ARRAY_SIZE(descriptors));
	for (size_t i = 0; i < number; i++)
		waits[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
	while (*count < expected && poll(waits, number, PATIENCE) > 0) {
		for (size_t i = 0; i < number; i++)
			mip_user_service(user, descriptors[i]);
	}
	assert_int_equal(*count, expected);
}
