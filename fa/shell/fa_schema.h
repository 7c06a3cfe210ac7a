/*
 * The configuration of mip-fa as a struct; fa_schema.c has the table of its settings.
 */
#ifndef FA_SCHEMA_H
#define FA_SCHEMA_H

#include "config.h"
#include "fa_core.h"
#include "revocation_schema.h"
#include "security_schema.h"

struct fa_config_interface {
	char *name;
};

struct fa_config_advertise {
	mip_time interval;
	mip_time lifetime;
	bool challenge;
	int64_t challenge_window;
	int64_t challenges_most;
	bool prefix;
	bool solicited_only;
	bool broadcast;
};

struct fa_config_limits {
	int64_t requests_per_node;
	int64_t denials;
	int64_t icmp_errors;
	int64_t solicited;
	int64_t log_lines;
};

struct fa_config_agent {
	struct mip_address care_of_address;
	struct mip_address default_home_agent;
	struct fa_config_interface *interfaces;
	size_t interface_count;
	mip_time registration_lifetime;
	struct fa_config_advertise advertise;
	struct mip_revocation_config revocation;
	bool registration_required;
	bool reverse_tunnel;
	bool reverse_tunnel_required;
	bool reverse_tunnel_for_private;
	bool encapsulating_delivery;
	bool behind_nat;
	bool nat_keeps_sources;
	mip_time keepalive_interval;
	bool gre_encapsulation;
	bool minimal_encapsulation;
	bool home_agents_only;
	bool mobile_nodes_only;
	mip_time request_timeout;
	int64_t pending_most;
	int64_t pending_per_node_most;
	int64_t visitors_most;
	struct fa_config_limits limits;
	int64_t routing_table;
	int64_t rule_priority;
};

struct fa_config_home_agent {
	struct mip_address address;
	char *realm;
	struct mip_security_config security;
};

struct fa_config_mobile_node {
	struct mip_address home_agent;
	struct mip_address home_address;
	char *nai;
	struct mip_security_config security;
	struct mip_security_config aaa;
};

struct fa_config {
	char *control;
	char *user;	/* NULL: not named */
	int data_plane; /* enum mip_plane_kind */
	bool clamp_mss;
	int64_t icmp_rate;
	char *tunnel_interface;
	int64_t tunnel_mtu; /* octets */
	struct fa_config_agent agent;
	struct fa_config_home_agent *home_agents;
	size_t home_agent_count;
	struct fa_config_mobile_node *mobile_nodes;
	size_t mobile_node_count;
};

extern const struct mip_schema fa_schema;

/* What only the system can tell: are the interfaces there. As in mip_daemon_role. */
int fa_schema_check_system(struct mip_config *config, void *configuration);

#endif
