/*
 * Netlink for the kernel accelerator: messages written one after the other into a buffer, and sent together.
 * A million of them in a second is what it is for; so there is no allocation for each.
 *
 * Writing does not fail: a buffer that cannot grow remembers it, and the next send says -ENOMEM.
 */
#ifndef MIP_PLANE_KERNEL_SOCKET_H
#define MIP_PLANE_KERNEL_SOCKET_H

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <stddef.h>

#include "types.h"

struct mip_kernel_socket;

/* Gets each message that answers a request, valid during the call only. */
typedef void mip_kernel_answer(void *context, const struct nlmsghdr *message);

/* `protocol` is NETLINK_ROUTE or NETLINK_NETFILTER. 0 or negative errno. */
int mip_kernel_socket_new(int protocol, struct mip_kernel_socket **ret_socket);
void mip_kernel_socket_free(struct mip_kernel_socket *socket);

/* --- writing --- */

/* Begins a message of this type with its fixed header; flags but NLM_F_REQUEST. Returns its place. */
size_t mip_kernel_begin(
	struct mip_kernel_socket *socket, int type, int flags, const void *header, size_t header_size);
/* Of the message begun last. */
void mip_kernel_put(struct mip_kernel_socket *socket, int attribute, const void *value, size_t length);
void mip_kernel_put_u8(struct mip_kernel_socket *socket, int attribute, uint8_t value);
void mip_kernel_put_u16(struct mip_kernel_socket *socket, int attribute, uint16_t value);
void mip_kernel_put_u32(struct mip_kernel_socket *socket, int attribute, uint32_t value);
void mip_kernel_put_address(struct mip_kernel_socket *socket, int attribute, struct mip_address address);
void mip_kernel_put_text(struct mip_kernel_socket *socket, int attribute, const char *text);
/* Attributes in an attribute; returns its place. */
size_t mip_kernel_nest(struct mip_kernel_socket *socket, int attribute);
void mip_kernel_unnest(struct mip_kernel_socket *socket, size_t place);
/* The message begun last is one that must be answered, though others follow. */
void mip_kernel_acknowledge(struct mip_kernel_socket *socket);
/* Octets that wait. */
size_t mip_kernel_waiting(const struct mip_kernel_socket *socket);
const uint8_t *mip_kernel_octets(const struct mip_kernel_socket *socket);

/* --- reading --- */

/* A count of nf_tables: 64 bits in network order. 0: there is none. */
uint64_t mip_kernel_count64(const struct nlattr *attribute);

/* --- sending --- */

/* Sends what waits if it is much. Errors are kept for mip_kernel_send(). */
void mip_kernel_send_some(struct mip_kernel_socket *socket);
/* Sends what waits and takes the answers. 0, or the first error of all since the last call, with the kernel's
 * words in `ret_words` if it had any ("" otherwise; may be NULL). */
int mip_kernel_send(struct mip_kernel_socket *socket, const char **ret_words);
/* Sends the one message that waits and gives its answer. 0 or negative errno. */
int mip_kernel_ask(struct mip_kernel_socket *socket, mip_kernel_answer *answer, void *context);
/* The one message that waits asks for a list. */
int mip_kernel_list(struct mip_kernel_socket *socket, mip_kernel_answer *answer, void *context);

#endif
