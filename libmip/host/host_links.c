/*
 * The link sockets of a host: one for each link that the configuration names, while the link is there.
 *
 * A packet socket lives as long as the device that it is bound to: it sleeps while the link is down and wakes
 * with it, so that no frame is lost between the link's coming up and the news of it. Only a device that went
 * (a new index under the same name, or another name for the index) takes its socket along.
 */
#include "host_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void on_frame(void *context, const struct mip_input_frame *frame)
{
	struct mip_host_link *link = context;
	struct mip_host *host = link->host;

	host->counters[MIP_HOST_FRAMES_IN]++;
	if (host->machine.frame != NULL) {
		bool watched = mip_host_discards_begin(host);

		host->machine.frame(host->machine.core, frame, mip_clock_now());
		if (watched)
			mip_host_discards_end(host, frame->octets, frame->length);
	}
}

struct mip_link_socket *mip_host_link_socket(const struct mip_host *host, mip_link link)
{
	struct mip_host_link *found = NULL;

	HASH_FIND(by_index, host->links_by_index, &link, sizeof(link), found);
	return found == NULL ? NULL : found->socket;
}

static void close_link(struct mip_host_link *link)
{
	if (link->socket == NULL)
		return;
	HASH_DELETE(by_index, link->host->links_by_index, link);
	mip_link_socket_free(link->socket);
	link->socket = NULL;
	link->index = MIP_LINK_NONE;
	link->groups = false;
}

static void open_link(struct mip_host_link *link, mip_link index)
{
	struct mip_host *host = link->host;
	int error = mip_link_socket_new(
		host->daemon->loop, index, host->link_flags, on_frame, link, &link->socket);

	if (error < 0) {
		/* Gone again before we came: its next news tells. */
		mip_log(host->log, error == -ENODEV ? MIP_LOG_DEBUG : MIP_LOG_WARNING,
			"%s: no link socket: %s%s", link->name, strerror(-error),
			error == -ENOTSUP ? " (it is not Ethernet)" : "");
		return;
	}
	link->index = index;
	HASH_ADD(by_index, host->links_by_index, index, sizeof(link->index), link);
	if (link->by_index.tbl == NULL) { /* uthash without memory */
		mip_link_socket_free(link->socket);
		link->socket = NULL;
		link->index = MIP_LINK_NONE;
	}
}

int mip_host_links_listen(struct mip_host *host, mip_link index, bool wanted)
{
	struct mip_host_link *link = NULL;
	int error;

	HASH_FIND(by_index, host->links_by_index, &index, sizeof(index), link);
	if (link == NULL)
		return -ENODEV;
	if (link->groups == wanted)
		return 0;
	error = mip_link_socket_hear_groups(link->socket, wanted);
	if (error == 0)
		link->groups = wanted;
	return error;
}

void mip_host_links_follow(struct mip_host *host, const struct mip_input_link *news)
{
	struct mip_host_link *link = NULL;

	HASH_FIND(by_index, host->links_by_index, &news->link, sizeof(news->link), link);
	if (link != NULL && (!news->present || strncmp(link->name, news->name, MIP_LINK_NAME) != 0))
		close_link(link);
	if (!news->present)
		return;
	HASH_FIND(by_name, host->links_by_name, news->name, strnlen(news->name, MIP_LINK_NAME), link);
	if (link == NULL || link->index == news->link)
		return;
	close_link(link);
	open_link(link, news->link);
}

static void free_link(struct mip_host *host, struct mip_host_link *link)
{
	close_link(link);
	HASH_DELETE(by_name, host->links_by_name, link);
	free(link);
}

void mip_host_links_clear(struct mip_host *host)
{
	struct mip_host_link *link, *next;

	HASH_ITER (by_name, host->links_by_name, link, next) {
		free_link(host, link);
	}
}

static bool is_named(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static int add_link(struct mip_host *host, const char *name)
{
	size_t length = strnlen(name, MIP_LINK_NAME);
	struct mip_host_link *link = NULL;
	mip_link index;

	if (length == 0 || length == MIP_LINK_NAME)
		return -EINVAL;
	HASH_FIND(by_name, host->links_by_name, name, length, link);
	if (link != NULL)
		return 0;
	link = calloc(1, sizeof(*link));
	if (link == NULL)
		return -ENOMEM;
	memcpy(link->name, name, length);
	link->host = host;
	HASH_ADD(by_name, host->links_by_name, name, length, link);
	if (link->by_name.tbl == NULL) {
		free(link);
		return -ENOMEM;
	}
	index = mip_link_index(name);
	if (index > 0)
		open_link(link, index);
	return 0;
}

int mip_host_links_set(struct mip_host *host, const char *const *names, size_t count)
{
	struct mip_host_link *link, *next;
	int error;

	for (size_t i = 0; i < count; i++) {
		error = add_link(host, names[i]);
		if (error < 0)
			return error;
	}
	HASH_ITER (by_name, host->links_by_name, link, next) {
		if (!is_named(names, count, link->name))
			free_link(host, link);
	}
	return 0;
}

/* --- the host's own addresses ----------------------------------------------------------------- */

void mip_host_addresses_follow(struct mip_host *host, const struct mip_input_address *address)
{
	struct mip_host_address *own = NULL, *made;

	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return;
	made->key.link = address->link;
	made->key.address = address->address;
	HASH_FIND(hh, host->addresses, &made->key, sizeof(made->key), own);
	if (own == NULL && address->present) {
		HASH_ADD(hh, host->addresses, key, sizeof(made->key), made);
		if (made->hh.tbl != NULL) /* else uthash without memory */
			return;
	}
	free(made);
	if (own != NULL && !address->present) {
		HASH_DELETE(hh, host->addresses, own);
		free(own);
	}
}

bool mip_host_address_is_own(const struct mip_host *host, struct mip_address address)
{
	for (const struct mip_host_address *own = host->addresses; own != NULL; own = own->hh.next) {
		if (own->key.address.value == address.value)
			return true;
	}
	return false;
}

void mip_host_addresses_clear(struct mip_host *host)
{
	struct mip_host_address *own, *next;

	HASH_ITER (hh, host->addresses, own, next) {
		HASH_DELETE(hh, host->addresses, own);
		free(own);
	}
}
