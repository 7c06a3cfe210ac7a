/*
 * What mipctl is told about a host: the common part of `status`, and the counters.
 */
#include "host_private.h"

static const struct mip_counter_name counter_names[MIP_HOST_COUNTERS] = {
	[MIP_HOST_DATAGRAMS_IN] = {"socket_datagrams_in", "Datagrams that the UDP socket gave the machine"},
	[MIP_HOST_DATAGRAMS_AS_FRAMES] = {"socket_datagrams_as_frames",
		"Datagrams passed over because a link socket gives them as frames"},
	[MIP_HOST_TUNNEL_DATA_IN] = {"socket_tunnel_data_in",
		"MIP Tunnel Data messages that the UDP socket gave the data plane"},
	[MIP_HOST_FRAMES_IN] = {"socket_frames_in", "Frames that the link sockets gave the machine"},
	[MIP_HOST_ICMP_ERRORS_IN] = {"socket_icmp_errors_in", "ICMP errors about datagrams that were sent"},
	[MIP_HOST_DATAGRAMS_OUT] = {"socket_datagrams_out", "Datagrams sent"},
	[MIP_HOST_FRAMES_OUT] = {"socket_frames_out", "Frames sent"},
	[MIP_HOST_COPIES_OUT] = {"copies_out",
		"copies of packets to groups or to everyone handed to the data plane"},
	[MIP_HOST_SEND_FAILURES] = {"socket_send_failures", "Datagrams and frames that could not be sent"},
	[MIP_HOST_WANT_FAILURES] = {"want_failures", "Wanted kernel state that nobody could take"},
	[MIP_HOST_STORE_FAILURES] = {"store_failures", "Failures to write to the state folder"},
	[MIP_HOST_OUTPUTS_LOST] = {"outputs_lost", "Outputs that found no memory"},
};

static struct mip_counter_table host_counters(const struct mip_host *host)
{
	return (struct mip_counter_table){
		.names = counter_names,
		.values = host->counters,
		.count = MIP_HOST_COUNTERS,
	};
}

json_t *mip_host_status(const struct mip_host *host)
{
	const char *kind = mip_name_of(mip_plane_names, (int)mip_plane_kind(host->plane), "unknown");
	mip_time uptime = mip_clock_now().boot - host->daemon->started;

	return json_pack("{s:s, s:I, s:s, s:o}", "version", MIP_VERSION, "uptime",
		(json_int_t)(uptime / MIP_SECOND), "data_plane", kind, "data_plane_reason",
		mip_json_string(mip_plane_reason(host->plane)));
}

enum {
	TABLES = 5,
};

static void all_tables(const struct mip_host *host, const struct mip_counter_table *machine,
	struct mip_counter_table tables[static TABLES])
{
	tables[0] = machine != NULL ? *machine : (struct mip_counter_table){0};
	tables[1] = host_counters(host);
	tables[2] = mip_plane_counters(host->plane);
	tables[3] = mip_plane_accelerator_counters(host->plane);
	tables[4] = mip_reconciler_counters(host->reconciler);
}

json_t *mip_host_counters(const struct mip_host *host, const struct mip_counter_table *machine)
{
	struct mip_counter_table tables[TABLES];

	all_tables(host, machine, tables);
	return mip_json_counters(tables, TABLES);
}

json_t *mip_host_metrics(
	const struct mip_host *host, const char *role, const struct mip_counter_table *machine)
{
	struct mip_counter_table tables[TABLES];

	all_tables(host, machine, tables);
	return mip_json_metrics(role, tables, TABLES);
}
