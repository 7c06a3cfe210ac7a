/*
 * What mip-fa answers to mipctl: the visitor list, its status, its counters; and `revoke HOME_ADDRESS`.
 */
#include <errno.h>
#include <string.h>

#include "fa_shell.h"
#include "registration.h"

struct listing {
	struct fa_shell *shell;
	json_t *visitors;
	bool failed;
};

static json_t *seconds(mip_time duration)
{
	if (duration == MIP_NEVER)
		return json_null();
	return json_integer(duration / MIP_SECOND);
}

/* Takes the reference of `value` also when it fails; a missing one is a failure. */
static void set(struct listing *listing, json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) < 0)
		listing->failed = true;
}

/* What the data plane has counted; a node that takes its packets out of the tunnel itself is not seen there.
 */
static void add_traffic(struct listing *listing, json_t *object, const struct fa_visitor_view *view)
{
	struct mip_plane *plane = mip_host_plane(listing->shell->host);
	struct mip_plane_traffic traffic = {0};
	bool known = view->registered && !view->co_located &&
		     mip_plane_traffic(plane, view->home_address, MIP_TUNNEL_VISITED, &traffic) == 0;

	set(listing, object, "packets_to",
		known ? json_integer((json_int_t)traffic.packets_to) : json_null());
	set(listing, object, "bytes_to", known ? json_integer((json_int_t)traffic.bytes_to) : json_null());
	/* Without a reverse tunnel the host routes them, and nobody counts. */
	known = known && view->reverse_tunnel;
	set(listing, object, "packets_from",
		known ? json_integer((json_int_t)traffic.packets_from) : json_null());
	set(listing, object, "bytes_from",
		known ? json_integer((json_int_t)traffic.bytes_from) : json_null());
}

static void add_visitor(void *context, const struct fa_visitor_view *view)
{
	struct listing *listing = context;
	json_t *object = json_object();

	set(listing, object, "home_address", mip_json_address(view->home_address));
	set(listing, object, "home_agent", mip_json_address(view->home_agent));
	set(listing, object, "interface", mip_json_string(view->interface));
	set(listing, object, "link_address", mip_json_link_address(view->link_address));
	set(listing, object, "lifetime", view->registered ? json_integer(view->lifetime) : json_null());
	set(listing, object, "remaining", view->registered ? seconds(view->remaining) : json_null());
	set(listing, object, "pending", json_boolean(view->pending));
	set(listing, object, "care_of_address", mip_json_address(view->care_of_address));
	set(listing, object, "co_located", json_boolean(view->co_located));
	set(listing, object, "nai", mip_json_string(view->nai));
	set(listing, object, "encapsulation",
		view->co_located ? json_null() : json_string(mip_encapsulation_name(view->encapsulation)));
	set(listing, object, "reverse_tunnel",
		view->registered ? json_boolean(view->reverse_tunnel) : json_null());
	set(listing, object, "revocation", view->registered ? json_boolean(view->revocation) : json_null());
	set(listing, object, "delivery",
		view->reverse_tunnel ? json_string(view->encapsulating ? "encapsulating" : "direct")
				     : json_null());
	set(listing, object, "registered_for",
		view->registered ? seconds(view->registered_for) : json_null());
	add_traffic(listing, object, view);
	if (json_array_append_new(listing->visitors, object) < 0)
		listing->failed = true;
}

static int answer_visitors(struct fa_shell *shell, json_t **ret_result)
{
	struct listing listing = {.shell = shell, .visitors = json_array()};
	json_t *result;

	fa_core_visitors(shell->core, mip_clock_now(), add_visitor, &listing);
	result = json_pack("{s:o}", "visitors", listing.visitors);
	if (listing.failed || !result) {
		json_decref(result);
		return -ENOMEM;
	}
	*ret_result = result;
	return 0;
}

/* The nodes whose challenges are remembered; null when there are no challenges. */
static json_t *challenges_of(const struct fa_shell *shell)
{
	const struct fa_config *config = shell->daemon->configuration;

	if (!config->agent.advertise.challenge)
		return json_null();
	return json_integer((json_int_t)fa_core_challenge_count(shell->core));
}

static int answer_status(struct fa_shell *shell, json_t **ret_result)
{
	json_t *status = mip_host_status(shell->host);
	json_int_t visitors = (json_int_t)fa_core_visitor_count(shell->core);
	json_int_t pending = (json_int_t)fa_core_pending_count(shell->core);

	if (!status || json_object_set_new(status, "visitors", json_integer(visitors)) < 0 ||
		json_object_set_new(status, "pending", json_integer(pending)) < 0 ||
		json_object_set_new(status, "challenges", challenges_of(shell)) < 0) {
		json_decref(status);
		return -ENOMEM;
	}
	*ret_result = status;
	return 0;
}

static int answer_counters(struct fa_shell *shell, const char *command, json_t **ret_result)
{
	struct mip_counter_table table = fa_core_counters(shell->core);
	json_t *result = strcmp(command, "counters") == 0 ? mip_host_counters(shell->host, &table)
							  : mip_host_metrics(shell->host, "fa", &table);

	if (!result)
		return -ENOMEM;
	*ret_result = result;
	return 0;
}

static int revoke(struct fa_shell *shell, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct mip_address home_address;

	if (!argument || mip_address_read(argument, &home_address) < 0) {
		*ret_error = "revoke wants a home address";
		return -EINVAL;
	}
	if (fa_core_revoke(shell->core, home_address, mip_clock_now()) < 0) {
		*ret_error = "there is no visitor with this home address";
		return -ESRCH; /* -ENOENT would say that there is no such command */
	}
	mip_host_deliver(shell->host);
	*ret_result = json_pack("{s:o}", "revoked", mip_json_address(home_address));
	return *ret_result ? 0 : -ENOMEM;
}

int fa_control(
	void *context, const char *command, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct mip_daemon *daemon = context;
	struct fa_shell *shell = daemon->state;
	int r = -ENOENT;

	if (!shell) {
		*ret_error = "the daemon is starting or stopping";
		return -EAGAIN;
	}
	if (strcmp(command, "revoke") == 0)
		return revoke(shell, argument, ret_result, ret_error);
	if (argument) {
		*ret_error = "this command takes no argument";
		return -EINVAL;
	}
	if (strcmp(command, "visitors") == 0)
		r = answer_visitors(shell, ret_result);
	else if (strcmp(command, "status") == 0)
		r = answer_status(shell, ret_result);
	else if (strcmp(command, "counters") == 0 || strcmp(command, "metrics") == 0)
		r = answer_counters(shell, command, ret_result);
	if (r == -ENOMEM)
		*ret_error = "there is no memory for the answer";
	return r;
}
