/*
 * The front of the data planes: which one is taken, and the way from plane.h to its functions.
 *
 * Of the three planes that DESIGN.md names this build has one, `user`. Who asks for another by name is told
 * so and gets none, for a daemon that quietly runs ten times slower than its configuration says helps nobody;
 * `auto` takes what there is and says why.
 */
#include "plane.h"

#include <errno.h>

#include "plane_operations.h"

const struct mip_name mip_plane_names[] = {
	{MIP_PLANE_AUTO, "auto"},
	{MIP_PLANE_KERNEL, "kernel"},
	{MIP_PLANE_BPF, "bpf"},
	{MIP_PLANE_USER, "user"},
	{0, NULL},
};

int mip_plane_new(
	const struct mip_plane_options *options, struct mip_plane **ret_plane, const char **ret_reason)
{
	struct mip_plane *plane = NULL;
	int error;

	switch (options->kind) {
	case MIP_PLANE_KERNEL:
		*ret_reason =
			"the kernel data plane is not in this build; data_plane = \"user\" or \"auto\" is";
		return -EOPNOTSUPP;
	case MIP_PLANE_BPF:
		*ret_reason = "the bpf data plane is not in this build; data_plane = \"user\" or \"auto\" is";
		return -EOPNOTSUPP;
	case MIP_PLANE_AUTO:
	case MIP_PLANE_USER:
		break;
	}
	error = mip_user_new(options, &plane, ret_reason);
	if (error)
		return error;
	plane->kind = MIP_PLANE_USER;
	plane->reason = options->kind == MIP_PLANE_USER
				? "user: as configured"
				: "user: the kernel and bpf planes are not in this build";
	*ret_plane = plane;
	return 0;
}

void mip_plane_free(struct mip_plane *plane)
{
	if (plane)
		plane->operations->free(plane);
}

enum mip_plane_kind mip_plane_kind(const struct mip_plane *plane)
{
	return plane->kind;
}

const char *mip_plane_reason(const struct mip_plane *plane)
{
	return plane->reason;
}

mip_link mip_plane_link(const struct mip_plane *plane)
{
	return plane->operations->link(plane);
}

int mip_plane_want(struct mip_plane *plane, const struct mip_want *want)
{
	return plane->operations->want(plane, want);
}

int mip_plane_unwant(struct mip_plane *plane, const struct mip_want *want)
{
	return plane->operations->unwant(plane, want);
}

size_t mip_plane_descriptors(const struct mip_plane *plane, int *descriptors, size_t size)
{
	return plane->operations->descriptors(plane, descriptors, size);
}

void mip_plane_service(struct mip_plane *plane, int descriptor)
{
	plane->operations->service(plane, descriptor);
}

void mip_plane_udp_input(struct mip_plane *plane, const struct mip_input_datagram *datagram)
{
	plane->operations->udp_input(plane, datagram);
}

void mip_plane_udp_error(struct mip_plane *plane, const struct mip_input_icmp_error *error)
{
	plane->operations->udp_error(plane, error);
}

void mip_plane_batch_end(struct mip_plane *plane)
{
	plane->operations->batch_end(plane);
}

int mip_plane_traffic(struct mip_plane *plane, struct mip_address home_address, enum mip_tunnel_end end,
	struct mip_plane_traffic *ret_traffic)
{
	return plane->operations->traffic(plane, home_address, end, ret_traffic);
}

struct mip_counter_table mip_plane_counters(const struct mip_plane *plane)
{
	return plane->operations->counters(plane);
}
