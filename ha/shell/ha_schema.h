/*
 * What stands in ha.conf: the table of its settings, and the struct that a file is read into.
 */
#ifndef HA_SCHEMA_H
#define HA_SCHEMA_H

#include "config.h"
#include "revocation_schema.h"
#include "security_schema.h"

struct ha_network_config {
	struct mip_prefix prefix;
	char *interface; /* NULL: a virtual network */
};

struct ha_node_config {
	struct mip_address home_address;
	char *nai;
	struct mip_security_config security;
	struct mip_security_config aaa;
	bool has_home_address;
};

struct ha_foreign_agent_config {
	struct mip_address address;
	struct mip_security_config security;
};

struct ha_advertise_config {
	mip_time interval;
	mip_time lifetime;
	bool enabled;
	bool solicited_only;
	bool broadcast;
	bool prefix_lengths;
};

struct ha_nat_config {
	int udp_tunnel; /* enum ha_udp_tunnel */
	mip_time keepalive_interval;
	mip_time max_lifetime;
};

struct ha_broadcast_config {
	bool enabled;
	bool dhcp;
};

struct ha_multicast_config {
	bool enabled;
	int64_t groups_per_node;
	int64_t groups;
	mip_time query_interval;
};

struct ha_alternate_config {
	struct mip_address address;
};

/* RFC 4433: where nodes that leave the choice of their home agent open are sent. */
struct ha_redirect_config {
	struct ha_alternate_config *home_agents;
	size_t home_agent_count;
	int64_t bindings;
};

struct ha_limits_config {
	int64_t failed_per_source;
	int64_t failed;
	int64_t replayed_per_node;
	int64_t solicited;
	int64_t log_lines;
};

struct ha_agent_config {
	struct mip_address address;
	struct ha_network_config *networks;
	size_t network_count;
	mip_time max_lifetime;
	int64_t max_bindings;
	int64_t max_simultaneous_bindings;
	int reverse_tunnel; /* enum ha_reverse_tunnel */
	bool gre_encapsulation;
	bool minimal_encapsulation;
	mip_time grace;
	struct ha_advertise_config advertise;
	struct ha_nat_config nat_traversal;
	struct ha_broadcast_config broadcast;
	struct ha_multicast_config multicast;
	int64_t copy_rate;
	struct ha_redirect_config redirect;
	struct mip_revocation_config revocation;
	struct ha_limits_config limits;
};

struct ha_config {
	char *control;
	char *user; /* NULL: not named */
	char *state;
	int data_plane; /* enum mip_plane_kind */
	bool clamp_mss;
	int64_t icmp_rate;
	char *tunnel_interface;
	int64_t tunnel_mtu; /* octets */
	struct ha_agent_config home_agent;
	struct ha_node_config *mobile_nodes;
	size_t mobile_node_count;
	struct mip_address_range address_pool;
	bool has_address_pool;
	struct ha_foreign_agent_config *foreign_agents;
	size_t foreign_agent_count;
};

extern const struct mip_schema ha_schema;

/* What only the whole file and the system can tell. In the shape of mip_daemon_role's check. */
int ha_config_check(struct mip_config *config, void *configuration);

#endif
