/*
 * What must hold, always.
 */
#include "sim.h"

#include "replay.h"
#include "sim_memory.h"

#include <math.h>
#include <string.h>

/* --- what the kernel is asked to hold is what the bindings say -------------------------------------------------- */

static const char kernel_holds[] = "what the kernel is asked to hold is what the bindings say";

/* What of a host's wants has been accounted for. */
struct account {
	struct sim_world *world;
	struct sim_host *host;
	bool seen[SIM_WANTS];
	struct mip_address failed; /* whose item is missing; 0.0.0.0: nobody's */
	const char *missing;
};

static const struct mip_want *take(struct account *account, const struct mip_want *like)
{
	const struct mip_want *item = sim_kernel_find(&account->host->kernel, like);

	if (item)
		account->seen[item - account->host->kernel.wants] = true;
	return item;
}

static void require(struct account *account, bool met, struct mip_address whose, const char *what)
{
	if (met || account->missing)
		return;
	account->failed = whose;
	account->missing = what;
}

/* The far end of a binding's tunnel, as its encapsulation says. */
static bool is_end_of(const struct ha_binding_view *view, struct mip_address remote, uint16_t port)
{
	bool udp = view->encapsulation == MIP_ENCAPSULATION_UDP;

	return mip_address_equal(remote, udp ? view->source : view->care_of_address) &&
	       port == (udp ? view->source_port : 0);
}

/* A binding's tunnel: the one TUNNEL of its home address, or one of its COPYs. */
static bool take_tunnel(struct account *account, const struct ha_binding_view *view)
{
	const struct sim_kernel *kernel = &account->host->kernel;

	for (size_t i = 0; i < kernel->count; i++) {
		const struct mip_want *item = &kernel->wants[i];

		if ((item->kind != MIP_WANT_TUNNEL && item->kind != MIP_WANT_COPY) ||
			!mip_address_equal(item->tunnel.home_address, view->home_address) ||
			!is_end_of(view, item->tunnel.remote, item->tunnel.remote_port) ||
			item->tunnel.encapsulation != view->encapsulation)
			continue;
		account->seen[i] = true;
		return true;
	}
	return false;
}

static bool take_peer(struct account *account, const struct ha_binding_view *view)
{
	const struct sim_kernel *kernel = &account->host->kernel;

	for (size_t i = 0; i < kernel->count; i++) {
		const struct mip_want *item = &kernel->wants[i];

		if (item->kind != MIP_WANT_PEER ||
			!mip_address_equal(item->peer.home_address, view->home_address) ||
			!is_end_of(view, item->peer.remote, item->peer.remote_port))
			continue;
		account->seen[i] = true;
		return true;
	}
	return false;
}

/* RFC 3519 4.6: the tunnel of one that registers through a foreign agent, but takes its packets out itself behind the same NAT, has
 * a port of its own, that a keep-alive tells; until then there is none. */
static bool may_be_half_bound(const struct sim_world *world, const struct ha_binding_view *view)
{
	for (int i = 0; i < world->host_count; i++) {
		const struct sim_host *host = &world->hosts[i];

		if (host->role == SIM_FOREIGN_AGENT && host->foreign_agent->settings.registration_required &&
			mip_prefix_contains(
				world->links[host->interfaces[0].link].prefix, view->care_of_address))
			return view->encapsulation == MIP_ENCAPSULATION_UDP;
	}
	return false;
}

static void take_half_bound(struct account *account, const struct ha_binding_view *view)
{
	for (size_t i = 0; i < account->host->kernel.count; i++) {
		const struct mip_want *item = &account->host->kernel.wants[i];

		if ((item->kind == MIP_WANT_TUNNEL || item->kind == MIP_WANT_COPY) &&
			mip_address_equal(item->tunnel.home_address, view->home_address) &&
			mip_address_equal(item->tunnel.remote, view->source))
			account->seen[i] = true;
		if (item->kind == MIP_WANT_PEER &&
			mip_address_equal(item->peer.home_address, view->home_address) &&
			mip_address_equal(item->peer.remote, view->source))
			account->seen[i] = true;
	}
}

static void account_for_binding(void *context, const struct ha_binding_view *view)
{
	struct account *account = context;
	const struct sim_home_agent *agent = account->host->home_agent;
	struct mip_want route = {.kind = MIP_WANT_ROUTE, .route.destination = {view->home_address, 32}};
	struct mip_want proxy = {
		.kind = MIP_WANT_PROXY, .proxy = {account->host->interfaces[0].index, view->home_address}};
	const struct mip_want *item = take(account, &route);

	require(account, item && item->route.link == MIP_LINK_TUNNEL, view->home_address, "the route");
	if (agent->network.interface[0])
		require(account, take(account, &proxy), view->home_address, "the proxy entry");
	if (may_be_half_bound(account->world, view)) {
		take_half_bound(account, view);
		return;
	}
	require(account, take_tunnel(account, view), view->home_address, "the tunnel");
	require(account, take_peer(account, view), view->home_address, "the peer");
}

/* Tunnels and peers of the way before stay for the time of grace after a binding has gone or moved. */
static bool is_in_grace(const struct account *account, const struct mip_want *item)
{
	const struct sim_home_agent *agent = account->host->home_agent;

	return (item->kind == MIP_WANT_TUNNEL || item->kind == MIP_WANT_PEER) &&
	       sim_now(account->world, account->host).boot <= agent->changed + agent->settings.grace;
}

static bool is_a_bindings(const struct mip_want *item)
{
	return item->kind == MIP_WANT_TUNNEL || item->kind == MIP_WANT_COPY || item->kind == MIP_WANT_PEER ||
	       item->kind == MIP_WANT_PROXY ||
	       (item->kind == MIP_WANT_ROUTE && item->route.link == MIP_LINK_TUNNEL &&
		       item->route.destination.length == 32);
}

static void tell(struct account *account)
{
	char text[MIP_WANT_TEXT];

	if (account->missing)
		sim_fail(account->world, kernel_holds, "%s: %s of %s is missing", account->host->name,
			account->missing, MIP_TEXT(account->failed));
	for (size_t i = 0; i < account->host->kernel.count; i++) {
		const struct mip_want *item = &account->host->kernel.wants[i];

		if (account->seen[i] || !is_a_bindings(item) ||
			(account->host->role == SIM_HOME_AGENT && is_in_grace(account, item)))
			continue;
		sim_fail(account->world, kernel_holds, "%s: nothing is bound, but there is: %s",
			account->host->name, mip_want_text(item, text));
	}
}

static void the_home_agents_kernel_holds_its_bindings(struct sim_world *world, struct sim_host *host)
{
	struct account account = {.world = world, .host = host};

	/* After a restart they are told in batches. */
	if (ha_core_pending_count(host->home_agent->core) > 0)
		return;
	ha_core_bindings(host->home_agent->core, account_for_binding, &account);
	tell(&account);
}

static void account_for_reverse_tunnel(struct account *account, const struct fa_visitor_view *view)
{
	struct mip_want tunnel = {.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = view->home_address, .end = MIP_TUNNEL_VISITED}};
	struct mip_want relay = {.kind = MIP_WANT_RELAY, .relay.home_address = view->home_address};
	struct mip_want rule = {.kind = MIP_WANT_RULE,
		.rule = {.priority = account->host->foreign_agent->settings.rule_priority,
			.from = {view->home_address, 32},
			.incoming = account->host->interfaces[0].index,
			.table = account->host->foreign_agent->settings.table,
			.suppress_prefix_length = -1}};
	const struct mip_want *item = take(account, &tunnel);

	require(account,
		item && mip_address_equal(item->tunnel.remote, view->home_agent) &&
			item->tunnel.encapsulation == view->encapsulation,
		view->home_address, "the reverse tunnel");
	require(account, take(account, view->encapsulating ? &relay : &rule), view->home_address,
		"the way into the reverse tunnel");
}

/* RFC 3024 A.4: it shares its home address with another home agent's node, and route and rule with that node. */
static void account_for_namesake(struct account *account, const struct fa_visitor_view *view)
{
	const struct mip_want *visitor =
		sim_kernel_visitor(account->host, view->home_address, view->home_agent);
	bool led_away = false;

	require(account, visitor && mip_link_address_equal(visitor->visitor.link_address, view->link_address),
		view->home_address, "the visitor that is told apart");
	for (size_t i = 0; i < account->host->kernel.count; i++) {
		const struct mip_want *item = &account->host->kernel.wants[i];

		if (item->kind != MIP_WANT_ROUTE || item->route.link != MIP_LINK_TUNNEL ||
			item->route.destination.length != 32 ||
			!mip_address_equal(item->route.destination.address, view->home_address))
			continue;
		account->seen[i] = true;
		led_away = true;
	}
	require(account, led_away, view->home_address, "the route into the tunnel device");
}

static void account_for_visitor(void *context, const struct fa_visitor_view *view)
{
	struct account *account = context;
	struct mip_want neighbour = {.kind = MIP_WANT_NEIGHBOUR,
		.neighbour = {.link = account->host->interfaces[0].index, .address = view->home_address}};
	struct mip_want route = {.kind = MIP_WANT_ROUTE,
		.route = {.table = account->host->foreign_agent->settings.table + 1,
			.destination = {view->home_address, 32}}};
	struct mip_want peer = {.kind = MIP_WANT_PEER,
		.peer = {.home_address = view->home_address,
			.end = MIP_TUNNEL_VISITED,
			.remote = view->home_agent,
			.remote_port =
				view->encapsulation == MIP_ENCAPSULATION_UDP ? MIP_REGISTRATION_PORT : 0}};
	const struct mip_want *item;

	if (!view->registered || view->co_located)
		return;
	if (view->told_apart) {
		account_for_namesake(account, view);
		return;
	}
	item = take(account, &neighbour);
	require(account, item && mip_link_address_equal(item->neighbour.link_address, view->link_address),
		view->home_address, "the neighbour");
	require(account, take(account, &route), view->home_address, "the route");
	require(account, take(account, &peer), view->home_address, "the peer");
	if (view->reverse_tunnel)
		account_for_reverse_tunnel(account, view);
}

static void the_foreign_agents_kernel_holds_its_visitors(struct sim_world *world, struct sim_host *host)
{
	struct account account = {.world = world, .host = host};

	fa_core_visitors(host->foreign_agent->core, sim_now(world, host), account_for_visitor, &account);
	tell(&account);
}

static bool has_home(const struct sim_host *host, struct mip_address home_address)
{
	for (size_t i = 0; i < host->kernel.count; i++) {
		const struct mip_want *item = &host->kernel.wants[i];

		if (item->kind == MIP_WANT_ADDRESS && mip_address_equal(item->address.address, home_address))
			return true;
	}
	return false;
}

static void the_node_keeps_its_home_address(struct sim_world *world, struct sim_host *host)
{
	struct mip_address home_address = sim_home_address(world, host);
	bool has = !mip_address_is_none(home_address) && has_home(host, home_address);

	if (host->node->had_home && !has && !mip_address_is_none(host->node->settings.home_address))
		sim_fail(world, kernel_holds, "%s has its home address nowhere", host->name);
	host->node->had_home = has;
}

static void the_nodes_kernel_holds_its_binding(struct sim_world *world, struct sim_host *host)
{
	struct mn_status status = mn_core_status(host->node->core, sim_now(world, host));
	struct mip_want tunnel = {.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = status.home_address, .end = MIP_TUNNEL_VISITED}};
	const struct mip_want *item = sim_kernel_find(&host->kernel, &tunnel);

	the_node_keeps_its_home_address(world, host);
	if (!status.bound || status.mode != MN_MODE_CO_LOCATED)
		return;
	if (!item || !mip_address_equal(item->tunnel.local, status.care_of_address) ||
		!mip_address_equal(item->tunnel.remote, status.home_agent) ||
		item->tunnel.encapsulation != status.encapsulation)
		sim_fail(world, kernel_holds, "%s is bound to %s, but its tunnel is not", host->name,
			MIP_TEXT(status.care_of_address));
}

/* --- no packet is delivered to who is not bound ----------------------------------------------------------------- */

static const char delivered[] = "no packet is delivered to who is not bound";

/* Whose bindings the home agent has under this address; NULL: nobody's. */
static const struct sim_host *bound_of(
	const struct sim_world *world, const struct sim_home_agent *agent, struct mip_address home_address)
{
	for (size_t i = 0; i < agent->bound_count; i++) {
		if (mip_address_equal(agent->bound[i].home_address, home_address))
			return &world->hosts[agent->bound[i].node];
	}
	return NULL;
}

static void packets_reach_only_who_is_bound(
	struct sim_world *world, struct sim_host *agent, struct mip_address home_address)
{
	const struct sim_host *bound = bound_of(world, agent->home_agent, home_address);
	bool tunnelled;
	const struct sim_host *end = sim_walk(world, agent, home_address, bound, &tunnelled);

	if (tunnelled && !bound)
		sim_fail(world, delivered, "%s tunnels packets for %s, which is not bound", agent->name,
			MIP_TEXT(home_address));
	if (end && end != bound)
		sim_fail(world, delivered, "packets for %s come to %s", MIP_TEXT(home_address), end->name);
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

/*
 * The most that a run's cores may hold: their outboxes, tables and heaps grow with what there is, and what there is here is
 * at most SIM_HOSTS hosts, SIM_NODES bindings of up to SIM_SIMULTANEOUS care-of addresses, and what the attacker can fill,
 * which the settings bound (pending requests, agents heard, denials of a second, challenges).
 */
enum {
	/* Beside the outbox's room for its usual outputs, which it has from the beginning. */
	MEMORY_OF_A_HOST = 64 * 1024 + MIP_OUTBOX_USUAL * (int)sizeof(struct mip_output),
};

static void memory_is_bounded(struct sim_world *world)
{
	size_t most = world->memory_base + (size_t)world->host_count * MEMORY_OF_A_HOST;

	if (sim_memory_held() > most)
		sim_fail(world, "memory is bounded", "%zu octets are held, %zu is the most",
			sim_memory_held(), most);
}

/* --- a node believes its home agent only ------------------------------------------------------------------------ */

void sim_node_registered(struct sim_world *world, struct sim_host *host)
{
	struct sim_ledger *ledger = &world->ledger;
	size_t known = ledger->count < SIM_REQUESTS ? ledger->count : SIM_REQUESTS;

	for (size_t i = 1; i <= known; i++) {
		struct sim_request *request = &ledger->requests[(ledger->count - i) % SIM_REQUESTS];

		if (request->node != host->number || request->accepted_by == SIM_NONE || request->told)
			continue;
		request->told = true;
		if (world->first_registered == MIP_NEVER)
			world->first_registered = world->now;
		return;
	}
	sim_fail(world, "no node believes what its home agent has not said", "%s says that it is registered",
		host->name);
}

/* What remains of a binding that outlasts all that was said in a turmoil. */
#define LASTING (100 * MIP_SECOND)

/* --- registered in time ----------------------------------------------------------------------------------------- */

static struct sim_host *home_agent_of(struct sim_world *world, struct mip_address address)
{
	for (int i = 0; i < world->host_count; i++) {
		if (world->hosts[i].role == SIM_HOME_AGENT &&
			mip_address_equal(world->hosts[i].home_agent->settings.address, address))
			return &world->hosts[i];
	}
	return NULL;
}

/* Packets for its home address would come to it; or it is at home, and they are not tunnelled at all. */
bool sim_node_is_registered(struct sim_world *world, struct sim_host *node)
{
	struct mn_status status;
	struct sim_host *agent;
	struct sim_host *end;
	bool tunnelled;

	if (!node->running || node->asleep)
		return false;
	status = mn_core_status(node->node->core, sim_now(world, node));
	agent = home_agent_of(world, status.home_agent);
	if (!agent || !agent->running || mip_address_is_none(status.home_address))
		return false;
	end = sim_walk(world, agent, status.home_address, node, &tunnelled);
	if (status.state == MN_STATE_HOME)
		return !tunnelled;
	return status.state == MN_STATE_REGISTERED && end == node;
}

/* It was registered in this calm, or well before: not by what is just about to end. */
static bool is_fresh(struct sim_world *world, struct sim_host *node)
{
	const struct sim_home_agent *agent = world->hosts[node->node->home_agent].home_agent;
	struct mn_status status = mn_core_status(node->node->core, sim_now(world, node));
	bool fresh = status.state == MN_STATE_HOME || status.remaining > LASTING;

	for (size_t i = 0; i < agent->bound_count; i++)
		fresh = fresh ||
			(agent->bound[i].node == node->number &&
				agent->bound[i].granted >= world->calm_began &&
				mip_address_equal(agent->bound[i].care_of_address, status.care_of_address));
	return fresh;
}

/*
 * rfc5944-5.7.1-6: a timestamp MUST be greater than all that were accepted before. A home agent whose clock has gone back
 * behind one can be reached, but must not accept until it has caught up; that is the only excuse.
 */
static bool is_kept_out_by_the_clock(struct sim_world *world, struct sim_host *node)
{
	struct sim_host *agent = &world->hosts[node->node->home_agent];
	uint64_t there = mip_ntp_of(sim_now(world, agent).wall);

	return node->node->latest_any && mip_ntp_difference(node->node->latest, there) > 0;
}

enum {
	/* What RFC 5944 and the suite's constants add up to, in seconds. */
	BACKOFF_MOST = 32, /* between two attempts: 3.6.3, doubling, to this */
	BACKOFF_SUM = 1 + 2 + 4 + 8 + 16 + 32,
	UNANSWERED = 1 + 2 + 4, /* that a place costs where nobody answers, before another has its turn */
	SOLICITATION_MOST = 80, /* 64 s and a quarter: for agents that advertise when asked only */
	ADVERTISEMENTS = 3,	/* lives of an advertisement, in intervals: 2.1 */
	LIARS_LIFETIME = 10,	/* of the attacker's advertisements */
	PLACES = 4,		/* two interfaces, an agent and a leased address at each */
	ROUNDS = 6, /* 133, 136, a challenge, a lifetime, a tunnel: each denied once, then asked otherwise */
};

/* Attempts until all of them failing is less likely than one in 10^12, if each takes its way there and back. */
static double attempts(double loss)
{
	double success = (1 - loss) * (1 - loss);

	return loss > 0 ? ceil(-12 * log(10) / log1p(-success)) : 1;
}

/*
 * The bound. Calm has begun: nothing is lost but what the calm's own rate says. The node first finds out where it is (its
 * agent's silence lasts three intervals, the liar's advertisements go by, an agent is heard or solicited), gives each place
 * the 7 s of three unanswered requests, waits out a back-off of at most 32 s, and is denied at most once for each reason
 * that it can repair, each time with the next back-off. One that believes in a binding that its agents have lost asks again
 * when that is to be renewed, at the latest when it ends. Where messages are lost, each of these exchanges takes as many
 * attempts as make a failure of all of them less likely than 10^-12, 32 s apart; each back-off may be begun anew.
 */
mip_time sim_registration_bound(struct sim_world *world, struct sim_host *node)
{
	struct mn_status status = mn_core_status(node->node->core, sim_now(world, node));
	mip_time interval = world->scenario.advertise_interval;
	double loss = world->scenario.calm_loss / 1000.0;
	mip_time believed = status.bound ? status.remaining : 0;
	mip_time bound =
		ADVERTISEMENTS * interval + (LIARS_LIFETIME + SOLICITATION_MOST + PLACES * UNANSWERED +
						    PLACES * BACKOFF_SUM + BACKOFF_MOST) *
						    MIP_SECOND;

	if (is_kept_out_by_the_clock(world, node) || believed == MIP_NEVER)
		return MIP_NEVER;
	if (loss > 0)
		bound += (mip_time)attempts(loss) * ROUNDS * BACKOFF_MOST * MIP_SECOND;
	return world->now + believed + bound;
}

static void the_node_is_registered_in_time(struct sim_world *world, struct sim_host *host)
{
	if (!world->calm || host->node->calm_registered != MIP_NEVER)
		return;
	if (sim_node_is_registered(world, host) && is_fresh(world, host))
		host->node->calm_registered = world->now;
	else if (world->now > host->node->calm_bound)
		sim_fail(world, "a node that can reach its home agent is registered in time",
			"%s is not registered after %lld s of calm", host->name,
			(long long)((world->now - world->calm_began) / MIP_SECOND));
}

static void nodes_are_registered_in_time(struct sim_world *world)
{
	for (int i = 0; i < world->host_count; i++) {
		if (world->hosts[i].role == SIM_NODE)
			the_node_is_registered_in_time(world, &world->hosts[i]);
	}
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

void sim_check_host(struct sim_world *world, struct sim_host *host)
{
	if (!host->running)
		return;
	if (host->role == SIM_HOME_AGENT)
		sim_home_agent_check(world, host);
	/* A renewal changes nothing in a kernel, and where much is lost the binding may have ended when something does. */
	if (host->role == SIM_NODE)
		the_node_is_registered_in_time(world, host);
	if (!host->kernel_changed)
		return;
	host->kernel_changed = false;
	if (host->kernel.overflowed)
		sim_fail(world, "memory is bounded", "%s wants more than %d things of its kernel", host->name,
			SIM_WANTS);
	if (host->role == SIM_HOME_AGENT)
		the_home_agents_kernel_holds_its_bindings(world, host);
	else if (host->role == SIM_FOREIGN_AGENT)
		the_foreign_agents_kernel_holds_its_visitors(world, host);
	else
		the_nodes_kernel_holds_its_binding(world, host);
	sim_check_world(world);
}

/* Every address that a node believes to be its own, and every one that is bound. */
static void check_deliveries(struct sim_world *world, struct sim_host *agent)
{
	for (size_t i = 0; i < agent->home_agent->bound_count; i++)
		packets_reach_only_who_is_bound(world, agent, agent->home_agent->bound[i].home_address);
	for (int i = 0; i < world->host_count; i++) {
		if (world->hosts[i].role == SIM_NODE)
			packets_reach_only_who_is_bound(
				world, agent, sim_home_address(world, &world->hosts[i]));
	}
}

void sim_check_world(struct sim_world *world)
{
	for (int i = 0; i < world->host_count; i++) {
		if (world->hosts[i].role == SIM_HOME_AGENT && world->hosts[i].running)
			check_deliveries(world, &world->hosts[i]);
	}
	nodes_are_registered_in_time(world);
	memory_is_bounded(world);
}
