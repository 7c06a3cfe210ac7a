/*
 * The front of the data planes: which one is taken, what it is told, and what is done when it fails.
 *
 *               asked for by name, or the best that works
 *     user ────────────────────────────────────────────────> user + accelerator
 *       ^                                                         │
 *       │ it cannot be made again: "auto" takes the next best,    │ it fails its check, or a commit:
 *       └──────────── a plane asked for by name is tried again <──┘ made again at once
 *
 * Who asks for a plane by name at the start and cannot have it is told so and gets none, for a daemon that
 * quietly runs ten times slower than its configuration says helps nobody. One that is lost while it runs is
 * another matter: the user plane carries the packets meanwhile, it is said, and every second it is tried
 * again.
 */
#include "plane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accelerator.h"
#include "address.h"
#include "text.h"

#define CHECK_INTERVAL (400 * MIP_MILLISECOND)
#define RETRY_INTERVAL (1 * MIP_SECOND)
#define CLIMB_INTERVAL (10 * MIP_SECOND)

const struct mip_name mip_plane_names[] = {
	{MIP_PLANE_AUTO, "auto"},
	{MIP_PLANE_KERNEL, "kernel"},
	{MIP_PLANE_BPF, "bpf"},
	{MIP_PLANE_USER, "user"},
	{0, NULL},
};

/* From the best on. */
static const struct {
	enum mip_plane_kind kind;
	mip_accelerator_new *new;
} accelerators[] = {
	{MIP_PLANE_BPF, mip_bpf_new},
	{MIP_PLANE_KERNEL, mip_kernel_new},
};

/* An address may be on several links. */
struct own_address {
	struct mip_address address;
	mip_link link;
	struct own_address *next;
};

struct mip_plane {
	struct mip_user *user;
	struct mip_accelerator *accelerator; /* NULL: the user plane alone */
	enum mip_plane_kind kind;	     /* that runs */
	enum mip_plane_kind wanted;	     /* that was asked for */
	bool failed;			     /* a commit did */
	mip_time check_at;
	enum mip_plane_kind best; /* that "auto" has had: it may be to be had again */
	mip_time climb_at;
	struct mip_input_link *links; /* that there are, for an accelerator that comes later */
	size_t link_count, link_size;
	struct own_address *addresses; /* likewise */
	bool device_missed;	       /* it has been said that the device cannot be made again */
	char reason[MIP_PLANE_REASON];
};

static void say_reason(char reason[static MIP_PLANE_REASON], enum mip_plane_kind kind, const char *why)
{
	struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);

	mip_text_add(&text, mip_name_of(mip_plane_names, (int)kind, "?"));
	mip_text_add(&text, ": ");
	mip_text_add(&text, why);
}

/* --- an accelerator's beginning and end ------------------------------------------------------- */

/* What leaves with the home address outside as well the user plane sends: it says by which link, whatever the host's
 * routing has for that source. */
static bool is_accelerated(const struct mip_want_tunnel *tunnel)
{
	return !tunnel->delivery && tunnel->end != MIP_TUNNEL_VISITED_GROUPS;
}

static void tell_all_rest(struct mip_plane *plane, struct mip_accelerator *accelerator)
{
	struct mip_want want = {.kind = MIP_WANT_GROUPS};

	for (const struct mip_user_groups *groups = plane->user->groups; groups; groups = groups->hh.next) {
		want.groups = (struct mip_want_groups){
			.home_address = groups->key.home_address,
			.end = (enum mip_tunnel_end)groups->key.end,
			.remote = groups->key.remote,
			.remote_port = (uint16_t)groups->key.remote_port,
			.local = groups->local,
		};
		accelerator->operations->rest(accelerator, &want);
	}
	want.kind = MIP_WANT_RELAY;
	for (const struct mip_user_relay *relay = plane->user->relays; relay; relay = relay->hh.next) {
		want.relay = (struct mip_want_relay){.home_address = relay->home_address};
		accelerator->operations->rest(accelerator, &want);
	}
}

static int tell_all(struct mip_plane *plane, struct mip_accelerator *accelerator)
{
	const struct mip_accelerator_operations *operations = accelerator->operations;
	struct mip_plane_table *table = &plane->user->table;

	for (size_t i = 0; operations->follow && i < plane->link_count; i++)
		operations->follow(accelerator, &plane->links[i]);
	for (const struct own_address *own = plane->addresses; operations->follow_address && own;
		own = own->next)
		operations->follow_address(accelerator, own->address, true);
	for (const struct mip_user_broadcast *everyone = plane->user->broadcasts;
		operations->everyones && everyone; everyone = everyone->hh.next)
		operations->everyones(accelerator, everyone->address, true);
	if (operations->rest)
		tell_all_rest(plane, accelerator);
	for (const struct mip_plane_home *home = table->homes; home; home = home->hh.next) {
		if (home->has_tunnel && is_accelerated(&home->tunnel))
			(void)operations->tunnel(accelerator, home, true);
	}
	for (const struct mip_plane_peer *peer = table->peers; peer; peer = peer->hh.next)
		(void)operations->peer(accelerator, peer, true);
	return operations->commit(accelerator);
}

static void drop_accelerator(struct mip_plane *plane)
{
	struct mip_accelerator *old = plane->accelerator;

	plane->accelerator = NULL;
	plane->kind = MIP_PLANE_USER;
	plane->failed = false;
	if (old)
		old->operations->free(old);
}

/* Which leave to the user plane what they do not know as a peer's. The kernel's own devices take all of their protocol. */
bool mip_plane_tells_apart(enum mip_plane_kind kind)
{
	return kind == MIP_PLANE_USER || kind == MIP_PLANE_BPF;
}

/* Makes the accelerator of a kind and fills it. The one before, if there is one, carries packets until then. */
static int make(struct mip_plane *plane, enum mip_plane_kind kind, struct mip_accelerator **ret_accelerator,
	char reason[static MIP_PLANE_REASON])
{
	struct mip_accelerator *accelerator = NULL;
	int error = -EINVAL;

	if (plane->user->visitors && !mip_plane_tells_apart(kind)) {
		struct mip_text text = mip_text_of(reason, MIP_PLANE_REASON);

		mip_text_add(
			&text, "it cannot tell apart visitors with one home address, and there are some now");
		return -EOPNOTSUPP;
	}
	for (size_t i = 0; i < MIP_ARRAY_SIZE(accelerators); i++) {
		if (accelerators[i].kind == kind)
			error = accelerators[i].new(plane->user, &accelerator, reason);
	}
	if (error)
		return error;
	error = tell_all(plane, accelerator);
	if (error) {
		say_reason(reason, kind, strerror(-error));
		accelerator->operations->free(accelerator);
		return error;
	}
	*ret_accelerator = accelerator;
	return 0;
}

static void take(struct mip_plane *plane, enum mip_plane_kind kind, struct mip_accelerator *accelerator)
{
	struct mip_accelerator *old = plane->accelerator;
	const struct mip_plane_options *options = &plane->user->options;

	plane->accelerator = accelerator;
	plane->kind = kind;
	plane->failed = false;
	/* Each route is looked at then: not for nothing, while a better plane is tried in vain. */
	if (options->translation_changed && accelerator != old)
		options->translation_changed(options->context);
	if (old)
		old->operations->free(old);
}

static int take_named(struct mip_plane *plane, enum mip_plane_kind kind, char reason[static MIP_PLANE_REASON])
{
	struct mip_accelerator *accelerator = NULL;
	char why[MIP_PLANE_REASON] = "";
	int error = kind == MIP_PLANE_USER ? 0 : make(plane, kind, &accelerator, why);

	if (error) {
		say_reason(reason, kind, why);
		return error;
	}
	take(plane, kind, accelerator);
	say_reason(plane->reason, kind, "as configured");
	return 0;
}

/* Where a plane stands among the others; the less the better. */
static size_t rank(enum mip_plane_kind kind)
{
	size_t place = 0;

	while (place < MIP_ARRAY_SIZE(accelerators) && accelerators[place].kind != kind)
		place++;
	return place;
}

static void note_best(struct mip_plane *plane)
{
	if (rank(plane->kind) < rank(plane->best))
		plane->best = plane->kind;
}

/* The best that works. One that runs already stays: beside it there is no room for a second of its kind, whose hooks and
 * devices have the same names. The reason names what would have been better, and what is wrong with it. */
static void take_best(struct mip_plane *plane)
{
	char reason[MIP_PLANE_REASON] = "";
	struct mip_text text = mip_text_of(reason, sizeof(reason));

	for (size_t i = 0; i < MIP_ARRAY_SIZE(accelerators); i++) {
		enum mip_plane_kind kind = accelerators[i].kind;
		struct mip_accelerator *accelerator;
		char why[MIP_PLANE_REASON] = "";
		bool runs = plane->accelerator && plane->kind == kind;

		if (runs || make(plane, kind, &accelerator, why) == 0) {
			if (!runs)
				take(plane, kind, accelerator);
			mip_text_add(&text, i > 0 ? "works here" : "the fastest, and works here");
			say_reason(plane->reason, kind, reason);
			note_best(plane);
			return;
		}
		mip_text_add(&text, mip_name_of(mip_plane_names, (int)kind, "?"));
		mip_text_add(&text, " is not to be had (");
		mip_text_add(&text, why);
		mip_text_add(&text, "); ");
	}
	take(plane, MIP_PLANE_USER, NULL);
	mip_text_add(&text, "user works everywhere");
	say_reason(plane->reason, MIP_PLANE_USER, reason);
}

static bool is_own(const void *context, struct mip_address address);

/* --- life ------------------------------------------------------------------------------------- */

int mip_plane_new(const struct mip_plane_options *options, struct mip_plane **ret_plane,
	char ret_reason[static MIP_PLANE_REASON])
{
	struct mip_plane *plane = calloc(1, sizeof(*plane));
	const char *why = "there is no memory";
	int error = -ENOMEM;

	if (plane)
		error = mip_user_new(options, &plane->user, &why);
	if (error) {
		say_reason(ret_reason, MIP_PLANE_USER, why);
		free(plane);
		return error;
	}
	plane->user->is_own = is_own;
	plane->user->own_context = plane;
	plane->kind = MIP_PLANE_USER;
	plane->user->adopting = plane->user->tun.adopted;
	plane->wanted = options->kind;
	plane->best = MIP_PLANE_USER;
	mip_kernel_sweep(plane->user);
	if (options->kind == MIP_PLANE_AUTO)
		take_best(plane);
	else
		error = take_named(plane, options->kind, ret_reason);
	if (error) {
		mip_plane_free(plane);
		return error;
	}
	if (plane->kind != MIP_PLANE_BPF)
		mip_bpf_sweep(plane->user);
	/* The devices of the kernel plane are new ones. */
	if (plane->kind == MIP_PLANE_KERNEL)
		plane->user->adopting = false;
	plane->check_at = plane->user->now + CHECK_INTERVAL;
	*ret_plane = plane;
	return 0;
}

void mip_plane_free(struct mip_plane *plane)
{
	struct own_address *own, *next;

	if (!plane)
		return;
	drop_accelerator(plane);
	mip_user_free(plane->user);
	for (own = plane->addresses; own; own = next) {
		next = own->next;
		free(own);
	}
	free(plane->links);
	free(plane);
}

void mip_plane_leave(struct mip_plane *plane)
{
	if (plane)
		plane->user->leaves = plane->user->tun.stays;
	mip_plane_free(plane);
}

bool mip_plane_is_adopting(const struct mip_plane *plane)
{
	return plane->user->adopting;
}

void mip_plane_end_adoption(struct mip_plane *plane)
{
	plane->user->adopting = false;
	mip_plane_commit(plane);
	if (plane->kind != MIP_PLANE_BPF) /* any more */
		mip_bpf_sweep(plane->user);
}

int mip_plane_switch(
	struct mip_plane *plane, enum mip_plane_kind kind, char ret_reason[static MIP_PLANE_REASON])
{
	int error;

	if (kind == plane->wanted && !plane->failed)
		return 0;
	if (kind == MIP_PLANE_AUTO) {
		plane->wanted = kind;
		take_best(plane);
		return 0;
	}
	error = kind == plane->kind ? 0 : take_named(plane, kind, ret_reason);
	if (error)
		return error;
	plane->wanted = kind;
	say_reason(plane->reason, kind, "as configured");
	return 0;
}

void mip_plane_set_clamp(struct mip_plane *plane, bool clamp_mss)
{
	if (plane->user->options.clamp_mss == clamp_mss)
		return;
	plane->user->options.clamp_mss = clamp_mss;
	if (plane->accelerator && plane->accelerator->operations->clamp(plane->accelerator, clamp_mss) != 0)
		plane->failed = true;
}

void mip_plane_set_icmp_rate(struct mip_plane *plane, uint32_t icmp_rate)
{
	plane->user->icmp_rate = icmp_rate;
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
	return plane->user->tun.link;
}

/* --- what fails while it runs ----------------------------------------------------------------- */

static void renew_device(struct mip_plane *plane)
{
	struct mip_user *user = plane->user;
	const struct mip_plane_options *options = &user->options;
	const char *why = "";
	bool missed = plane->device_missed;

	if (!missed)
		mip_log(options->log, MIP_LOG_WARNING, "%s is gone: it is made again", user->device);
	plane->device_missed = mip_user_renew_device(user, &why) != 0;
	/* Once, and not with each of the attempts, which are twice a second. */
	if (plane->device_missed && !missed)
		mip_log(options->log, MIP_LOG_ERROR, "%s is gone and cannot be made again yet: %s",
			user->device, why);
	else if (!plane->device_missed && missed)
		mip_log(options->log, MIP_LOG_NOTICE, "%s is there again", user->device);
	/* Also without one: the descriptor that is closed must not be waited on. */
	if (options->device_changed)
		options->device_changed(options->context);
}

static void take_again(struct mip_plane *plane, const char *what)
{
	const struct mip_log *log = plane->user->options.log;
	enum mip_plane_kind kind = plane->kind;
	char why[MIP_PLANE_REASON] = "";

	mip_log(log, MIP_LOG_WARNING, "data plane %s failed: %s",
		mip_name_of(mip_plane_names, (int)kind, "?"), what);
	take(plane, MIP_PLANE_USER, NULL); /* which carries the packets meanwhile */
	if (plane->wanted == MIP_PLANE_AUTO)
		take_best(plane);
	else if (take_named(plane, kind, why) != 0)
		take(plane, MIP_PLANE_USER, NULL);
	if (plane->kind == kind) {
		mip_log(log, MIP_LOG_NOTICE, "data plane %s: made again",
			mip_name_of(mip_plane_names, (int)kind, "?"));
		return;
	}
	if (plane->wanted != MIP_PLANE_AUTO)
		say_reason(plane->reason, MIP_PLANE_USER, why);
	mip_log(log, MIP_LOG_ERROR, "data plane %s in its place: %s",
		mip_name_of(mip_plane_names, (int)plane->kind, "?"), plane->reason);
}

/* What failed for want of memory, say, need not fail for ever. */
static void climb(struct mip_plane *plane, mip_time now)
{
	enum mip_plane_kind kind = plane->kind;

	if (now < plane->climb_at)
		return;
	plane->climb_at = now + CLIMB_INTERVAL;
	take_best(plane);
	if (plane->kind != kind)
		mip_log(plane->user->options.log, MIP_LOG_NOTICE, "data plane %s", plane->reason);
}

static void try_wanted(struct mip_plane *plane)
{
	char why[MIP_PLANE_REASON] = "";

	if (take_named(plane, plane->wanted, why) == 0)
		mip_log(plane->user->options.log, MIP_LOG_NOTICE, "data plane %s is there again",
			plane->reason);
}

mip_time mip_plane_deadline(const struct mip_plane *plane)
{
	return plane->user->lost || plane->failed ? 0 : plane->check_at;
}

void mip_plane_advance(struct mip_plane *plane, mip_time now)
{
	char why[MIP_PLANE_REASON] = "it takes no more tunnels";
	bool device_lost = plane->user->lost || !mip_user_tun_is_there(&plane->user->tun);
	bool missed = plane->wanted != MIP_PLANE_AUTO && plane->kind != plane->wanted;

	plane->check_at = now + (missed ? RETRY_INTERVAL : CHECK_INTERVAL);
	if (device_lost)
		renew_device(plane);
	if (plane->user->lost) {
		plane->user->lost = false; /* tried again in its time, and the accelerator with it */
		plane->failed = false;
		return;
	}
	if (plane->accelerator && (device_lost || plane->failed ||
					  plane->accelerator->operations->check(plane->accelerator, why)))
		take_again(plane, device_lost ? "the tunnel device was deleted" : why);
	else if (missed)
		try_wanted(plane);
	else if (plane->wanted == MIP_PLANE_AUTO && rank(plane->kind) > rank(plane->best))
		climb(plane, now);
}

/* --- links ------------------------------------------------------------------------------------ */

static struct mip_input_link *known_link(struct mip_plane *plane, mip_link link)
{
	for (size_t i = 0; i < plane->link_count; i++) {
		if (plane->links[i].link == link)
			return &plane->links[i];
	}
	return NULL;
}

static struct mip_input_link *add_link(struct mip_plane *plane)
{
	size_t size = plane->link_size ? 2 * plane->link_size : 16;
	struct mip_input_link *grown;

	if (plane->link_count == plane->link_size) {
		grown = reallocarray(plane->links, size, sizeof(*grown));
		if (!grown)
			return NULL;
		plane->links = grown;
		plane->link_size = size;
	}
	return &plane->links[plane->link_count++];
}

void mip_plane_follow(struct mip_plane *plane, const struct mip_input_link *link)
{
	struct mip_input_link *known = known_link(plane, link->link);

	if (!known && link->present)
		known = add_link(plane);
	if (known && link->present)
		*known = *link;
	else if (known)
		*known = plane->links[--plane->link_count];
	if (plane->accelerator && plane->accelerator->operations->follow)
		plane->accelerator->operations->follow(plane->accelerator, link);
}

static bool is_own(const void *context, struct mip_address address)
{
	const struct mip_plane *plane = context;
	const struct own_address *own = plane->addresses;

	while (own && !mip_address_equal(own->address, address))
		own = own->next;
	return own != NULL;
}

/* Where the address on that link stands in the list; the place of NULL at the end if it does not. */
static struct own_address **place_of(struct mip_plane *plane, const struct mip_input_address *address)
{
	struct own_address **place = &plane->addresses;

	while (*place &&
		(!mip_address_equal((*place)->address, address->address) || (*place)->link != address->link))
		place = &(*place)->next;
	return place;
}

static void add_address(struct mip_plane *plane, const struct mip_input_address *address)
{
	struct own_address *own = calloc(1, sizeof(*own));

	if (!own)
		return;
	*own = (struct own_address){address->address, address->link, plane->addresses};
	plane->addresses = own;
}

void mip_plane_follow_address(struct mip_plane *plane, const struct mip_input_address *address)
{
	struct mip_accelerator *accelerator = plane->accelerator;
	struct own_address **place = place_of(plane, address), *gone = *place;

	if (address->present && !gone)
		add_address(plane, address);
	if (!address->present && gone) {
		*place = gone->next;
		free(gone);
	}
	if (accelerator && accelerator->operations->follow_address)
		accelerator->operations->follow_address(
			accelerator, address->address, address->present || is_own(plane, address->address));
}

/* --- tunnels and peers ------------------------------------------------------------------------ */

static const struct mip_plane_home *home_of(const struct mip_plane *plane, const struct mip_want *want)
{
	return mip_plane_table_home(&plane->user->table, want->tunnel.home_address, want->tunnel.end);
}

static const struct mip_plane_peer *peer_of(const struct mip_plane *plane, const struct mip_want *want)
{
	return mip_plane_table_peer(
		&plane->user->table, want->peer.home_address, want->peer.remote, want->peer.remote_port);
}

/* Tells the accelerator of an item that is there now, or is to go. */
static void tell(struct mip_plane *plane, const struct mip_want *want, bool present)
{
	struct mip_accelerator *accelerator = plane->accelerator;

	if (!accelerator)
		return;
	if (want->kind == MIP_WANT_TUNNEL) {
		const struct mip_plane_home *home = home_of(plane, want);

		if (home && home->has_tunnel && is_accelerated(&home->tunnel))
			(void)accelerator->operations->tunnel(accelerator, home, present);
	} else if (want->kind == MIP_WANT_BROADCAST) {
		if (accelerator->operations->everyones)
			accelerator->operations->everyones(accelerator, want->broadcast.address, present);
	} else if (want->kind == MIP_WANT_PEER) {
		const struct mip_plane_peer *peer = peer_of(plane, want);

		if (peer)
			(void)accelerator->operations->peer(accelerator, peer, present);
	}
}

static void tell_rest(struct mip_plane *plane, const struct mip_want *want)
{
	struct mip_accelerator *accelerator = plane->accelerator;

	if ((want->kind == MIP_WANT_GROUPS || want->kind == MIP_WANT_RELAY) && accelerator &&
		accelerator->operations->rest)
		accelerator->operations->rest(accelerator, want);
}

/* A home address with copies is all the user plane's: home->copies tells the accelerator to leave it. */
static void tell_copied(struct mip_plane *plane, const struct mip_want *want)
{
	struct mip_accelerator *accelerator = plane->accelerator;
	const struct mip_plane_home *home =
		accelerator && want->kind == MIP_WANT_COPY ? home_of(plane, want) : NULL;

	if (home && home->has_tunnel)
		(void)accelerator->operations->tunnel(accelerator, home, true);
}

/* A route that leads to the tunnel device comes or goes, perhaps before the tunnel. */
static int lead(struct mip_plane *plane, const struct mip_want_route *route, bool present)
{
	struct mip_accelerator *accelerator = plane->accelerator;
	struct mip_plane_home *home = NULL;
	int error = 0;

	if (route->link == MIP_LINK_TUNNEL && route->destination.length == 32)
		error = mip_plane_table_set_led(
			&plane->user->table, route->destination.address, present, &home);
	if (!error && home && accelerator && home->has_tunnel)
		(void)accelerator->operations->tunnel(accelerator, home, true);
	return error;
}

static struct mip_user_visitor *visitor_of(
	const struct mip_plane *plane, const struct mip_want_tunnel *tunnel)
{
	return mip_user_visitor_find(plane->user, tunnel->home_address, tunnel->remote, tunnel->remote_port);
}

/* What was the tunnel of its home address alone goes on as the visitor's own. The counts too. */
static int want_visitor(struct mip_plane *plane, const struct mip_want *want)
{
	const struct mip_want_tunnel *tunnel = &want->visitor.tunnel;
	const struct mip_plane_home *home =
		mip_plane_table_home(&plane->user->table, tunnel->home_address, MIP_TUNNEL_VISITED);
	bool is_new = !visitor_of(plane, tunnel);
	int error;

	if (!mip_plane_tells_apart(plane->kind))
		return -EOPNOTSUPP;
	error = mip_user_want(plane->user, want);
	if (!error && is_new && home && home->has_tunnel &&
		mip_address_equal(home->tunnel.remote, tunnel->remote))
		(void)mip_plane_traffic(plane, tunnel->home_address, MIP_TUNNEL_VISITED,
			&visitor_of(plane, tunnel)->home.traffic);
	return error;
}

static void hand_back_counts(struct mip_plane *plane, const struct mip_want_tunnel *tunnel)
{
	const struct mip_user_visitor *visitor = visitor_of(plane, tunnel);
	struct mip_plane_home *home =
		mip_plane_table_home(&plane->user->table, tunnel->home_address, MIP_TUNNEL_VISITED);

	if (visitor && home && home->has_tunnel && mip_address_equal(home->tunnel.remote, tunnel->remote))
		home->traffic = visitor->home.traffic;
}

int mip_plane_want(struct mip_plane *plane, const struct mip_want *want)
{
	int error;

	if (want->kind == MIP_WANT_ROUTE)
		return lead(plane, &want->route, true);
	if (want->kind == MIP_WANT_VISITOR)
		return want_visitor(plane, want);
	/* A peer that goes over to another home address's other end leaves the one that it was at. */
	if (want->kind == MIP_WANT_PEER || (want->kind == MIP_WANT_TUNNEL && !is_accelerated(&want->tunnel)))
		tell(plane, want, false);
	error = mip_user_want(plane->user, want);
	if (error == 0 || want->kind == MIP_WANT_PEER)
		tell(plane, want, true);
	tell_rest(plane, want);
	tell_copied(plane, want);
	return error;
}

int mip_plane_unwant(struct mip_plane *plane, const struct mip_want *want)
{
	int error;

	if (want->kind == MIP_WANT_ROUTE)
		return lead(plane, &want->route, false);
	if (want->kind == MIP_WANT_VISITOR)
		hand_back_counts(plane, &want->visitor.tunnel);
	tell(plane, want, false);
	error = mip_user_unwant(plane->user, want);
	tell_rest(plane, want);
	tell_copied(plane, want);
	return error;
}

void mip_plane_commit(struct mip_plane *plane)
{
	if (plane->accelerator && plane->accelerator->operations->commit(plane->accelerator) != 0)
		plane->failed = true;
}

bool mip_plane_translate(struct mip_plane *plane, struct mip_want *want)
{
	return plane->accelerator && plane->accelerator->operations->translate &&
	       plane->accelerator->operations->translate(plane->accelerator, want);
}

/* --- packets ---------------------------------------------------------------------------------- */

size_t mip_plane_descriptors(const struct mip_plane *plane, int *descriptors, size_t size)
{
	return mip_user_descriptors(plane->user, descriptors, size);
}

void mip_plane_service(struct mip_plane *plane, int descriptor)
{
	mip_user_service(plane->user, descriptor);
}

void mip_plane_udp_input(struct mip_plane *plane, const struct mip_input_datagram *datagram)
{
	mip_user_udp_input(plane->user, datagram);
}

void mip_plane_udp_error(struct mip_plane *plane, const struct mip_input_icmp_error *error)
{
	mip_user_udp_error(plane->user, error);
}

void mip_plane_batch_end(struct mip_plane *plane)
{
	mip_user_batch_end(plane->user);
}

int mip_plane_copy(
	struct mip_plane *plane, const struct mip_output_copy *copy, const uint8_t *packet, size_t length)
{
	return mip_user_copy(plane->user, copy, packet, length);
}

int mip_plane_traffic(struct mip_plane *plane, struct mip_address home_address, enum mip_tunnel_end end,
	struct mip_plane_traffic *ret_traffic)
{
	const struct mip_plane_home *home = mip_plane_table_home(&plane->user->table, home_address, end);
	struct mip_plane_traffic traffic;

	if (!home)
		return -ENOENT;
	traffic = home->traffic;
	if (plane->accelerator)
		plane->accelerator->operations->traffic(plane->accelerator, home, &traffic);
	*ret_traffic = traffic;
	return 0;
}

int mip_plane_visitor_traffic(struct mip_plane *plane, struct mip_address home_address,
	struct mip_address home_agent, struct mip_plane_traffic *ret_traffic)
{
	const struct mip_user_visitor *visitor =
		mip_user_visitor_find(plane->user, home_address, home_agent, 0);

	if (!visitor)
		visitor = mip_user_visitor_find(plane->user, home_address, home_agent, MIP_REGISTRATION_PORT);
	if (!visitor)
		return -ENOENT;
	*ret_traffic = visitor->home.traffic;
	return 0;
}

struct mip_counter_table mip_plane_counters(const struct mip_plane *plane)
{
	return mip_user_counters(plane->user);
}

struct mip_counter_table mip_plane_accelerator_counters(const struct mip_plane *plane)
{
	if (!plane->accelerator || !plane->accelerator->operations->counters)
		return (struct mip_counter_table){0};
	return plane->accelerator->operations->counters(plane->accelerator);
}
