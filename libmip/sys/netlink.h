/*
 * A routing netlink socket: batches of requests with their acknowledgements, dumps, and notices of changes.
 * libnl-3 makes the messages and reads their attributes; sending a hundred in one call, and knowing which of
 * them failed, is done here.
 *
 * One socket is for requests (blocking: the kernel answers within the call), another for notices.
 */
#ifndef MIP_SYS_NETLINK_H
#define MIP_SYS_NETLINK_H

#include <linux/filter.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include "types.h"

struct mip_netlink;

/* A message of a dump, or a notice. Valid during the call only. It must make no requests on the same socket.
 */
typedef void mip_netlink_function(void *context, const struct nlmsghdr *message);

/*
 * What became of a request of a batch, told once for each: 0 or a negative errno, and the kernel's words for
 * it if it had any (NULL otherwise). A request that asks for an object (RTM_GETNEIGH) has it in `object`,
 * which is NULL otherwise. No request may be made on the socket meanwhile.
 */
typedef void mip_netlink_result_function(
	void *context, void *tag, int result, const char *words, const struct nlmsghdr *object);

/* A socket for requests. 0 or negative errno. */
int mip_netlink_new(struct mip_netlink **ret_netlink);
/* A socket for notices of these groups (RTNLGRP_…), non-blocking, behind a filter: what need not be known is
 * better not queued, or a hundred thousand routes overrun the socket. 0 or negative errno. */
int mip_netlink_new_notices(const int *groups, size_t count, const struct sock_filter *filter,
	size_t filter_length, struct mip_netlink **ret_netlink);
void mip_netlink_free(struct mip_netlink *netlink);
int mip_netlink_descriptor(const struct mip_netlink *netlink);
/* The socket's own address, which stands as nlmsg_pid in the notices about what it asked for. */
uint32_t mip_netlink_port(const struct mip_netlink *netlink);

/* Asks for everything of a kind and gives each message that comes. `request` is the caller's. When the kernel
 * says that the dump was not consistent, it is repeated: the function may see things twice. 0 or negative
 * errno. */
int mip_netlink_dump(
	struct mip_netlink *netlink, struct nl_msg *request, mip_netlink_function *function, void *context);
/* All notices that wait. 0, or -ENOBUFS: some were lost. */
int mip_netlink_read(struct mip_netlink *netlink, mip_netlink_function *function, void *context);

/* Who gets the results of the requests added from now on. */
void mip_netlink_results(struct mip_netlink *netlink, mip_netlink_result_function *function, void *context);
/* Adds a request (which is freed) to the batch; a full batch is sent first. Without memory the result
 * function is called with -ENOMEM; so also for a request that is NULL. */
void mip_netlink_add(struct mip_netlink *netlink, struct nl_msg *request, void *tag);
/* Sends what the batch holds and waits for the results. */
void mip_netlink_send(struct mip_netlink *netlink);

/* Reading attributes with their lengths checked: 0 or none when it is not there or too short. */
uint8_t mip_netlink_u8(const struct nlattr *attribute);
uint32_t mip_netlink_u32(const struct nlattr *attribute);
struct mip_address mip_netlink_address(const struct nlattr *attribute);
/* Attributes of a message behind a header of this size, by their type; those above `most` are passed over.
 * False when the message is too short for the header. */
bool mip_netlink_attributes(
	const struct nlmsghdr *message, size_t header, const struct nlattr **ret_attributes, int most);

#endif
