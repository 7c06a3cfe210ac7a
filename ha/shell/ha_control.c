/*
 * What mipctl may ask the home agent: `bindings`, `status`, `counters`, `metrics`, `revoke HOME_ADDRESS`.
 * What is not known is null.
 */
#include "ha_shell.h"

#include <errno.h>
#include <string.h>

struct listing {
	const struct ha_shell *shell;
	struct mip_now now;
	json_t *array;
	bool failed;
};

static json_t *remaining(const struct ha_binding_view *binding, struct mip_now now)
{
	if (binding->expires == MIP_NEVER)
		return json_null();
	return json_integer(binding->expires > now.boot ? (binding->expires - now.boot) / MIP_SECOND : 0);
}

static json_t *describe(const struct listing *listing, const struct ha_binding_view *binding)
{
	struct mip_plane_traffic traffic = {0};

	(void)mip_plane_traffic(
		mip_host_plane(listing->shell->host), binding->home_address, MIP_TUNNEL_HOME, &traffic);
	return json_pack("{s:o, s:o, s:o, s:i, s:o, s:s, s:b, s:b, s:b, s:I, s:o, s:I, s:I, s:I, s:I}",
		"home_address", mip_json_address(binding->home_address), "care_of_address",
		mip_json_address(binding->care_of_address), "nai", mip_json_string(binding->nai), "lifetime",
		(int)binding->lifetime, "remaining", remaining(binding, listing->now), "encapsulation",
		mip_encapsulation_name(binding->encapsulation), "reverse_tunnel",
		(int)binding->reverse_tunnel, "revocation", (int)binding->revocation, "broadcast",
		(int)binding->broadcast, "groups", (json_int_t)binding->groups, "source",
		mip_json_endpoint(binding->source, binding->source_port), "packets_to",
		(json_int_t)traffic.packets_to, "bytes_to", (json_int_t)traffic.bytes_to, "packets_from",
		(json_int_t)traffic.packets_from, "bytes_from", (json_int_t)traffic.bytes_from);
}

static void list_one(void *context, const struct ha_binding_view *binding)
{
	struct listing *listing = context;
	json_t *object = listing->failed ? NULL : describe(listing, binding);

	if (!object || json_array_append_new(listing->array, object) < 0)
		listing->failed = true;
}

static json_t *bindings(const struct ha_shell *shell)
{
	struct listing listing = {.shell = shell, .now = mip_clock_now(), .array = json_array()};

	if (!listing.array)
		return NULL;
	ha_core_bindings(shell->core, list_one, &listing);
	if (listing.failed) {
		json_decref(listing.array);
		return NULL;
	}
	return json_pack("{s:o}", "bindings", listing.array);
}

static json_t *status(const struct ha_shell *shell)
{
	json_t *object = mip_host_status(shell->host);

	if (!object)
		return NULL;
	json_object_set_new(object, "bindings", json_integer((json_int_t)ha_core_binding_count(shell->core)));
	json_object_set_new(object, "pending", json_integer((json_int_t)ha_core_pending_count(shell->core)));
	return object;
}

static int revoke(struct ha_shell *shell, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct mip_address home_address;
	int error;

	if (!argument || mip_address_read(argument, &home_address) < 0) {
		*ret_error = "revoke wants a home address";
		return -EINVAL;
	}
	error = ha_core_revoke(shell->core, home_address, mip_clock_now());
	if (error < 0) {
		*ret_error = "there is no binding for this home address";
		return -ESRCH; /* -ENOENT would say that there is no such command */
	}
	mip_host_deliver(shell->host);
	*ret_result = json_pack("{s:o}", "revoked", mip_json_address(home_address));
	return 0;
}

static int answer(json_t *json, json_t **ret_result, const char **ret_error)
{
	if (!json) {
		*ret_error = "no memory";
		return -ENOMEM;
	}
	*ret_result = json;
	return 0;
}

int ha_control(
	void *context, const char *command, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct mip_daemon *daemon = context;
	struct ha_shell *shell = daemon->state;
	struct mip_counter_table counters;

	if (!shell) {
		*ret_error = "the daemon is starting";
		return -EAGAIN;
	}
	counters = ha_core_counters(shell->core);
	if (strcmp(command, "revoke") == 0)
		return revoke(shell, argument, ret_result, ret_error);
	if (strcmp(command, "bindings") == 0)
		return answer(bindings(shell), ret_result, ret_error);
	if (strcmp(command, "status") == 0)
		return answer(status(shell), ret_result, ret_error);
	if (strcmp(command, "counters") == 0)
		return answer(mip_host_counters(shell->host, &counters), ret_result, ret_error);
	if (strcmp(command, "metrics") == 0)
		return answer(mip_host_metrics(shell->host, "ha", &counters), ret_result, ret_error);
	return -ENOENT;
}
