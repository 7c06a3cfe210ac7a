/*
 * What mip-mn answers to mipctl. What is not known is null.
 */
#include "mn_shell.h"

#include <errno.h>
#include <string.h>
#include "advertisement.h"

/* Gathers an object; a value that cannot be made or set is remembered, and the whole is refused at the end.
 */
struct object {
	json_t *json;
	bool failed;
};

/* Takes the reference of `value`, also when it fails. */
static void set(struct object *object, const char *name, json_t *value)
{
	if (!object->json || json_object_set_new(object->json, name, value) < 0)
		object->failed = true;
}

static int finish(struct object *object, json_t **ret_result, const char **ret_error)
{
	if (object->failed || !object->json) {
		json_decref(object->json);
		*ret_error = "there is no memory for the answer";
		return -ENOMEM;
	}
	*ret_result = object->json;
	return 0;
}

static json_t *seconds(mip_time duration)
{
	if (duration == MIP_NEVER)
		return json_null();
	return json_integer(duration > 0 ? duration / MIP_SECOND : 0);
}

/* The contract's `mode` is that of a care-of address: at home there is none. */
static json_t *mode_of(enum mn_mode mode)
{
	if (mode != MN_MODE_FOREIGN_AGENT && mode != MN_MODE_CO_LOCATED)
		return json_null();
	return json_string(mip_name_of(mn_mode_names, mode, "?"));
}

static int answer_status(const struct mn_shell *shell, json_t **ret_result, const char **ret_error)
{
	struct mn_status status = mn_core_status(shell->core, mip_clock_now());
	struct object object = {.json = mip_host_status(shell->host)};

	set(&object, "state", json_string(mip_name_of(mn_state_names, status.state, "?")));
	set(&object, "home_address", mip_json_address(status.home_address));
	set(&object, "home_agent", mip_json_address(status.home_agent));
	set(&object, "care_of_address", mip_json_address(status.care_of_address));
	set(&object, "mode", mode_of(status.mode));
	set(&object, "interface", mip_json_string(status.interface));
	set(&object, "agent", mip_json_address(status.agent));
	set(&object, "lifetime", status.bound ? json_integer(status.lifetime) : json_null());
	set(&object, "remaining", status.bound ? seconds(status.remaining) : json_null());
	set(&object, "encapsulation",
		status.bound ? json_string(mip_encapsulation_name(status.encapsulation)) : json_null());
	set(&object, "simultaneous", json_boolean(status.simultaneous));
	set(&object, "last_code", status.last_code >= 0 ? json_integer(status.last_code) : json_null());
	return finish(&object, ret_result, ret_error);
}

static json_t *care_of_addresses(const struct mn_agent_view *agent)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < agent->care_of_address_count; i++)
		if (json_array_append_new(array, mip_json_address(agent->care_of_addresses[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *describe(const struct mn_agent_view *agent)
{
	struct object object = {.json = json_object()};
	char flags[MIP_AGENT_FLAGS_TEXT];

	set(&object, "address", mip_json_address(agent->address));
	set(&object, "interface", mip_json_string(agent->interface));
	set(&object, "care_of_addresses", care_of_addresses(agent));
	/* The contract knows these eight: RBHFMGTU. */
	set(&object, "flags",
		json_string(
			mip_agent_flags_text(agent->flags & (uint16_t) ~(MIP_AGENT_X | MIP_AGENT_I), flags)));
	set(&object, "revocation", json_boolean(agent->flags & MIP_AGENT_X)); /* RFC 3543 3.1 */
	set(&object, "home", json_boolean(agent->home));
	set(&object, "sequence", json_integer(agent->sequence));
	set(&object, "age", seconds(agent->age));
	set(&object, "lifetime", json_integer(agent->lifetime));
	set(&object, "registration_lifetime", json_integer(agent->registration_lifetime));
	if (object.failed) {
		json_decref(object.json);
		return NULL;
	}
	return object.json;
}

static int answer_agents(const struct mn_shell *shell, json_t **ret_result, const char **ret_error)
{
	struct object object = {.json = json_object()};
	struct mip_now now = mip_clock_now();
	json_t *agents = json_array();

	for (size_t i = 0; i < mn_core_agent_count(shell->core); i++) {
		struct mn_agent_view agent = mn_core_agent(shell->core, i, now);

		if (json_array_append_new(agents, describe(&agent)) < 0)
			object.failed = true;
	}
	set(&object, "agents", agents);
	return finish(&object, ret_result, ret_error);
}

static int answer_counters(
	const struct mn_shell *shell, const char *command, json_t **ret_result, const char **ret_error)
{
	struct mip_counter_table table = mn_core_counters(shell->core);
	struct object object = {.json = strcmp(command, "counters") == 0
						? mip_host_counters(shell->host, &table)
						: mip_host_metrics(shell->host, "mn", &table)};

	return finish(&object, ret_result, ret_error);
}

/* The commands that act. What they lead to is in `status` and in the events. */
static int act(struct mn_shell *shell, const char *command, const char *argument, json_t **ret_result,
	const char **ret_error)
{
	struct mip_now now = mip_clock_now();
	struct object object;
	int result = -ENOENT;

	if (strcmp(command, "register") == 0)
		result = mn_core_register(shell->core, now, ret_error);
	else if (strcmp(command, "deregister") == 0)
		result = mn_core_deregister(shell->core, now, ret_error);
	else if (strcmp(command, "handover") == 0)
		result = mn_core_handover(shell->core, argument, now, ret_error);
	else
		return result;
	mip_host_deliver(shell->host);
	/* -ENOENT would say that there is no such command. */
	if (result < 0)
		return result == -ENOENT ? -ENODEV : result;
	object = (struct object){.json = json_object()};
	return finish(&object, ret_result, ret_error);
}

int mn_control(
	void *context, const char *command, const char *argument, json_t **ret_result, const char **ret_error)
{
	struct mip_daemon *daemon = context;
	struct mn_shell *shell = daemon->state;
	bool wants_argument = strcmp(command, "handover") == 0;

	if (!shell) {
		*ret_error = "the daemon is starting or stopping";
		return -EAGAIN;
	}
	if (wants_argument != (argument != NULL)) {
		*ret_error = wants_argument ? "which interface?" : "this command takes no argument";
		return -EINVAL;
	}
	if (strcmp(command, "status") == 0)
		return answer_status(shell, ret_result, ret_error);
	if (strcmp(command, "agents") == 0)
		return answer_agents(shell, ret_result, ret_error);
	if (strcmp(command, "counters") == 0 || strcmp(command, "metrics") == 0)
		return answer_counters(shell, command, ret_result, ret_error);
	return act(shell, command, argument, ret_result, ret_error);
}
