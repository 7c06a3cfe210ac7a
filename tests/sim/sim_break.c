/*
 * The deliberate breaks, and the property that each must violate.
 */
#include "sim.h"

const struct sim_break_row sim_breaks[SIM_BREAK_COUNT] = {
	[SIM_BREAK_NONE] = {"none", "", "nothing is broken"},
	[SIM_BREAK_DEAF] = {"deaf", "a node that can reach its home agent is registered in time",
		"the first node hears no message any more"},
	[SIM_BREAK_FADES] = {"fades", "a node that can reach its home agent stays registered",
		"the first node hears nothing more once it is registered in a calm"},
	[SIM_BREAK_SPY] = {"spy", "no binding without an authenticated request", "the attacker has the keys"},
	[SIM_BREAK_IMPOSTOR] = {"impostor", "no node believes what its home agent has not said",
		"the attacker has the keys, and answers requests"},
	[SIM_BREAK_LATE] = {"late", "no binding past its lifetime",
		"home agents are not told that time has passed"},
	[SIM_BREAK_EARLY] = {"early", "no binding is dropped before its lifetime is over",
		"a binding is dropped that has time left"},
	[SIM_BREAK_LOST_RECORD] = {"lost-record", "no binding is dropped before its lifetime is over",
		"the records of bindings are gone after a restart"},
	[SIM_BREAK_FORGETFUL] = {"forgetful", "no replay is accepted",
		"the replay state is gone after a restart"},
	[SIM_BREAK_WRONG_CARD] = {"wrong-card", "no packet is delivered to who is not bound",
		"a foreign agent takes the requests of a node for another's on its link"},
	[SIM_BREAK_LOST_UNWANT] = {"lost-unwant", "what the kernel is asked to hold is what the bindings say",
		"agents' kernels keep what is no longer wanted"},
	[SIM_BREAK_LOST_WANT] = {"lost-want", "what the kernel is asked to hold is what the bindings say",
		"agents' kernels do not get what is wanted"},
	[SIM_BREAK_LEAK] = {"leak", "memory is bounded", "what foreign agents have said is not freed"},
};

bool sim_is_deaf(const struct sim_world *world, const struct sim_host *host)
{
	if (host->index != 0)
		return false;
	return world->options.broken == SIM_BREAK_DEAF ||
	       (world->options.broken == SIM_BREAK_FADES && world->calm &&
		       host->node->calm_registered != MIP_NEVER);
}
