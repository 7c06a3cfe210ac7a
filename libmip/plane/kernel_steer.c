/*
 * What the devices cannot do, by where it comes from: elements of two sets of the nftables table, whose rules give the
 * packets to the user plane.
 *
 *   FROM_HOME      home address . home address    visitors' own tunnels (RFC 3024 5.2); groups (rfc5944-4.4-7)
 *   GROUP_AGENTS   home agent                     what it sends to groups and to everyone (RFC 5944 4.3, 4.4)
 *
 * Several items of the user plane's may stand behind an element, so those are asked with each change.
 */
#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "kernel.h"

static struct mip_kernel_steering *find_steering(
	const struct mip_kernel *kernel, const struct mip_kernel_steering_key *key)
{
	struct mip_kernel_steering *steering;

	HASH_FIND(hh, kernel->steerings, key, sizeof(*key), steering);
	return steering;
}

static struct mip_kernel_element element_of(const struct mip_kernel_steering_key *key)
{
	return (struct mip_kernel_element){
		.set = (enum mip_kernel_set)key->set, .addresses = {key->address, key->address}};
}

static struct mip_kernel_steering *get_steering(
	struct mip_kernel *kernel, enum mip_kernel_set set, struct mip_address address)
{
	struct mip_kernel_steering_key key = {.set = set, .address = address};
	struct mip_kernel_steering *steering = find_steering(kernel, &key);

	if (steering)
		return steering;
	steering = calloc(1, sizeof(*steering));
	if (!steering)
		return NULL;
	steering->key = key;
	HASH_ADD(hh, kernel->steerings, key, sizeof(steering->key), steering);
	if (!steering->hh.tbl) {
		free(steering);
		return NULL;
	}
	return steering;
}

void mip_kernel_steer(struct mip_kernel *kernel, const struct mip_want *want)
{
	struct mip_kernel_steering *steering;

	if (want->kind == MIP_WANT_GROUPS && want->groups.remote_port != 0)
		return; /* UDP: by the user plane */
	if (want->kind == MIP_WANT_RELAY)
		steering = get_steering(kernel, MIP_KERNEL_FROM_HOME, want->relay.home_address);
	else if (want->groups.end == MIP_TUNNEL_HOME)
		steering = get_steering(kernel, MIP_KERNEL_FROM_HOME, want->groups.home_address);
	else
		steering = get_steering(kernel, MIP_KERNEL_GROUP_AGENTS, want->groups.remote);
	if (!steering) {
		kernel->error = -ENOMEM; /* nobody else takes its packets */
		return;
	}
	if (!steering->queued)
		DL_APPEND(kernel->steering_queue, steering);
	steering->queued = true;
}

static bool is_wanted(const struct mip_kernel *kernel, const struct mip_kernel_steering_key *key)
{
	return key->set == MIP_KERNEL_FROM_HOME ? mip_user_sends_from_home(kernel->user, key->address)
						: mip_user_hears_groups(kernel->user, key->address);
}

void mip_kernel_steer_commit(struct mip_kernel *kernel, struct mip_kernel_elements *elements)
{
	struct mip_kernel_steering *steering, *next;

	for (steering = kernel->steering_queue; steering; steering = next) {
		const struct mip_kernel_element element = element_of(&steering->key);
		bool wanted = is_wanted(kernel, &steering->key);

		next = steering->next;
		steering->queued = false;
		if (wanted != steering->made)
			mip_kernel_elements_add(elements, &element, !wanted);
		steering->made = wanted;
		if (wanted)
			continue;
		HASH_DEL(kernel->steerings, steering);
		free(steering);
	}
	kernel->steering_queue = NULL;
}

enum mip_kernel_set mip_kernel_steer_look(struct mip_kernel *kernel)
{
	const struct mip_kernel_steering *steering = find_steering(kernel, &kernel->looked_at_steering);
	struct mip_kernel_element element;

	steering = steering && steering->hh.next ? steering->hh.next : kernel->steerings;
	if (!steering)
		return MIP_KERNEL_NO_SET;
	kernel->looked_at_steering = steering->key;
	element = element_of(&steering->key);
	return steering->made && mip_kernel_element_is_gone(kernel, &element) ? element.set
									      : MIP_KERNEL_NO_SET;
}

void mip_kernel_steerings_forget(struct mip_kernel *kernel)
{
	struct mip_kernel_steering *steering, *next;

	HASH_ITER (hh, kernel->steerings, steering, next) {
		HASH_DEL(kernel->steerings, steering);
		free(steering);
	}
}
