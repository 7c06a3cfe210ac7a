/*
 * What a data plane is to the front (plane.c): a row of functions. Each plane has a struct of its own that
 * begins with a struct mip_plane, and a function that makes it.
 */
#ifndef MIP_PLANE_PLANE_OPERATIONS_H
#define MIP_PLANE_PLANE_OPERATIONS_H

#include "plane.h"

/* Each does what the function of plane.h with its name says. */
struct mip_plane_operations {
	void (*free)(struct mip_plane *plane);
	mip_link (*link)(const struct mip_plane *plane);
	int (*want)(struct mip_plane *plane, const struct mip_want *want);
	int (*unwant)(struct mip_plane *plane, const struct mip_want *want);
	size_t (*descriptors)(const struct mip_plane *plane, int *descriptors, size_t size);
	void (*service)(struct mip_plane *plane, int descriptor);
	void (*udp_input)(struct mip_plane *plane, const struct mip_input_datagram *datagram);
	void (*udp_error)(struct mip_plane *plane, const struct mip_input_icmp_error *error);
	void (*batch_end)(struct mip_plane *plane);
	int (*traffic)(struct mip_plane *plane, struct mip_address home_address, enum mip_tunnel_end end,
		struct mip_plane_traffic *ret_traffic);
	struct mip_counter_table (*counters)(const struct mip_plane *plane);
};

struct mip_plane {
	const struct mip_plane_operations *operations;
	enum mip_plane_kind kind;
	const char *reason; /* a constant */
};

/* The user plane. Fills in all but `kind` and `reason`. As mip_plane_new(). */
int mip_user_new(
	const struct mip_plane_options *options, struct mip_plane **ret_plane, const char **ret_reason);

#endif
