/*
 * Links, IPv4 addresses and default routes as the kernel has them, followed by netlink: first all that there
 * is, then each change. When messages are lost (ENOBUFS) it reads everything again and tells the differences,
 * so that the listener is always right in the end. Addresses that are tentative, and those on loopback, are
 * not told.
 */
#ifndef MIP_SYS_MONITOR_H
#define MIP_SYS_MONITOR_H

#include "input.h"
#include "loop.h"

struct mip_monitor;

struct mip_monitor_functions {
	void (*link)(void *context, const struct mip_input_link *link);
	void (*address)(void *context, const struct mip_input_address *address);
	void (*default_route)(
		void *context, const struct mip_input_default_route *route); /* main table, unicast */
	void *context;
};

/* Tells all that there is before it returns; then from the loop. Routes with `ignored_protocol` (our own) are
 * not told. 0 or negative errno. */
int mip_monitor_new(struct mip_loop *loop, uint8_t ignored_protocol,
	const struct mip_monitor_functions *functions, struct mip_monitor **ret_monitor);
void mip_monitor_free(struct mip_monitor *monitor);

/* The index of an interface by name; 0 when there is none. */
mip_link mip_link_index(const char *name);

#endif
